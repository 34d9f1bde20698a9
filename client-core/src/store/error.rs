//! Errors of the object store.

use crate::{
    error::{Error, ErrorKind},
    text,
    text::{Text, told},
};

/// Why an object was not stored or not fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The URL has expired or no longer matches: ask for a new one.
    NeedNewUrl,
    /// The object's name is taken. Its name is its checksum, so the bytes are the same.
    AlreadyThere,
    /// No such object.
    NotFound,
    /// The URL does not point to this vault's own storage. Nothing was sent.
    Foreign(Text),
    /// No answer, after retries.
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// The network error.
        detail: Text,
    },
    /// Cancelled by the user.
    Cancelled,
    /// A response that a retry would not change.
    Refused {
        /// Scheme, host and port.
        origin: String,
        /// The store's message.
        detail: Text,
    },
    /// The bytes differ from those stored.
    Damaged(Text),
    /// The downloaded data cannot be saved on this machine.
    Disk(String),
    /// A bug in this program.
    Internal(String),
}

told!(StoreError);

impl StoreError {
    fn text(&self) -> Text {
        match self {
            Self::NeedNewUrl => text!("the upload or download permission has expired"),
            Self::AlreadyThere => text!("the object already exists in storage"),
            Self::NotFound => text!("the object is missing from storage"),
            Self::Foreign(text) | Self::Damaged(text) => text.clone(),
            Self::Unreachable { origin, detail } => {
                text!("the storage at {origin} cannot be reached: {detail}", origin, detail)
            }
            Self::Cancelled => text!("stopped"),
            Self::Refused { origin, detail } => {
                text!("the storage at {origin} rejected the request: {detail}", origin, detail)
            }
            Self::Disk(detail) => text!("a temporary file cannot be written: {detail}", detail),
            Self::Internal(text) => Text::verbatim(text.clone()),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let happened = error.text();
        let safe = "your snapshots are untouched";
        match &error {
            StoreError::NeedNewUrl => Self::new(
                ErrorKind::StoreRefused,
                happened,
                safe,
                "try again; if it keeps happening, compare the clocks of this machine and of the storage",
            )
            .with_retryable(true),
            StoreError::AlreadyThere => Self::new(ErrorKind::Exists, happened, safe, "try again"),
            StoreError::NotFound => Self::damaged(happened),
            StoreError::Cancelled => Self::cancelled(),
            StoreError::Foreign(_) => Self::new(
                ErrorKind::ForeignStorage,
                happened,
                "no data was uploaded or downloaded; your snapshots are untouched",
                "ask the service's operator whether the bucket has moved; if it has not, this may be an attack",
            ),
            StoreError::Unreachable { .. } => Self::new(
                ErrorKind::StoreUnreachable,
                happened,
                safe,
                "check the network and that the storage is running, then try again; data already uploaded is reused",
            ),
            StoreError::Refused { .. } => Self::new(
                ErrorKind::StoreRefused,
                happened,
                safe,
                "the storage is misconfigured or full; ask the service's operator",
            ),
            StoreError::Damaged(_) => Self::damaged(happened),
            StoreError::Disk(_) => Self::new(
                ErrorKind::Io,
                happened,
                "your snapshots are untouched",
                "free some space on the disk that holds this device's state (SEALKEEP_HOME), then try again",
            ),
            StoreError::Internal(text) => Self::internal_text(text),
        }
        .with_source(error)
    }
}
