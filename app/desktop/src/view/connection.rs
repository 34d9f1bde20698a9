//! How a source or a target is reached, without secrets.

use client_core::{ops::sources::Address, source::AddressParts};
use serde::Serialize;

/// An address in parts, without secrets. What is empty comes from the environment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct AddressView {
    /// Host name or address, or the directory of a socket.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: String,
    /// Who signs in.
    pub(crate) user: String,
    /// The database.
    pub(crate) database: String,
    /// When to encrypt: libpq's `sslmode`.
    pub(crate) tls: String,
    /// The other parameters, as the query of a URL.
    pub(crate) more: String,
    /// Whether a password is stored.
    pub(crate) password: bool,
}

impl From<AddressParts> for AddressView {
    fn from(parts: AddressParts) -> Self {
        let AddressParts { host, port, user, database, tls, more, password } = parts;
        Self { host, port, user, database, tls, more, password }
    }
}

/// How a saved source is reached. The password never leaves the program.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ConnectionView {
    /// Its location, without a password.
    pub(crate) place: String,
    /// For a form; none for a file.
    pub(crate) parts: Option<AddressView>,
}

impl From<&Address> for ConnectionView {
    fn from(address: &Address) -> Self {
        Self { place: address.shown(), parts: address.parts().map(AddressView::from) }
    }
}
