//! The metadata service, before there is an account.

use api_types::Region;
use client_core::ops::service::Found;
use serde::Serialize;

/// A service that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ServiceView {
    /// Its address.
    pub(crate) address: String,
    /// Its version.
    pub(crate) version: String,
    /// The regions in which it stores backups.
    #[cfg_attr(test, ts(type = "Array<\"us\" | \"ca\" | \"eu\">"))]
    pub(crate) regions: Vec<Region>,
}

impl From<Found> for ServiceView {
    fn from(found: Found) -> Self {
        Self { address: found.address, version: found.version, regions: found.regions }
    }
}
