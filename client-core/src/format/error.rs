//! What is wrong with stored bytes. Wrong key, newer version and damage are never confused.

use std::fmt;

use crate::crypto::{AuthenticationFailed, UnwrapError};

/// Which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Sealed chunks.
    Pack,
    /// Where chunks lie.
    Index,
    /// A piece of the ordered chunks of a dump.
    Manifest,
    /// A snapshot object.
    Snapshot,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pack => "pack",
            Self::Index => "index segment",
            Self::Manifest => "manifest",
            Self::Snapshot => "snapshot",
        })
    }
}

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Made by a later release: nothing is wrong with the data.
    #[error("{0} of a newer version than this program reads: update it")]
    NewerVersion(Format),
    /// It is something else.
    #[error("not a {0} of Sealkeep")]
    NotOurs(Format),
    /// It belongs to another vault or deduplication domain.
    #[error("this {0} belongs to another vault")]
    OtherVault(Format),
    /// None of the keys at hand opens it.
    #[error("none of the keys at hand opens this {format} of epoch {epoch}")]
    WrongKey {
        /// What.
        format: Format,
        /// The key epoch that it was sealed under.
        epoch: u32,
    },
    /// The device that is said to have signed it did not.
    #[error("this {0} is not signed by the device that it names")]
    Signature(Format),
    /// Cut off, changed, or never whole.
    #[error("this {format} is damaged: {what}")]
    Damaged {
        /// What.
        format: Format,
        /// In which way.
        what: &'static str,
    },
    /// It would be larger than what readers accept.
    #[error("this {0} would be larger than the format allows")]
    TooLarge(Format),
    /// Sealing failed.
    #[error("this {0} could not be sealed")]
    Sealing(Format),
}

impl Format {
    pub(super) const fn damaged(self, what: &'static str) -> FormatError {
        FormatError::Damaged { format: self, what }
    }

    /// For bytes that must hold and do not.
    pub(super) fn refused(self, what: &'static str) -> impl Fn(AuthenticationFailed) -> FormatError {
        move |AuthenticationFailed| self.damaged(what)
    }

    pub(super) const fn unwrap(self, error: UnwrapError, epoch: u32) -> FormatError {
        match error {
            UnwrapError::WrongKey => FormatError::WrongKey { format: self, epoch },
            UnwrapError::Damaged => self.damaged("its data key does not open"),
        }
    }
}
