//! The identity that an installed app or command registers with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Base64, DeviceId};

/// Public keys of an installed app or command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceKeys {
    /// Chosen by the device, random.
    pub device_id: DeviceId,
    /// Display name, 1–64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Ed25519, 32 bytes.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub signing_key: Base64,
    /// X25519, 32 bytes.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub sealing_key: Base64,
}
