//! What is wrong with stored bytes. Wrong key, newer version and damage are never confused.

use std::fmt;

use crate::crypto::{AuthenticationFailed, UnwrapError};

/// The kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Sealed chunks.
    Pack,
    /// The index of chunks.
    Index,
    /// A piece of a dump's ordered chunks.
    Manifest,
    /// A snapshot object.
    Snapshot,
}

impl Format {
    /// The indefinite article in front of the name.
    fn article(self) -> &'static str {
        match self {
            Self::Index => "an",
            Self::Pack | Self::Manifest | Self::Snapshot => "a",
        }
    }
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
    /// Written by a later release: the data is fine.
    #[error("this {0} was written by a newer version of Sealkeep: update this program")]
    NewerVersion(Format),
    /// It is something else.
    #[error("not {article} {0} of Sealkeep", article = .0.article())]
    NotOurs(Format),
    /// It belongs to another vault or deduplication domain.
    #[error("this {0} belongs to another vault")]
    OtherVault(Format),
    /// None of the available keys opens it.
    #[error("none of the available keys opens this {format} of epoch {epoch}")]
    WrongKey {
        /// The kind of object.
        format: Format,
        /// The key epoch that it was sealed under.
        epoch: u32,
    },
    /// The named device did not sign it.
    #[error("this {0} is not signed by the device that it names")]
    Signature(Format),
    /// Truncated, modified, or never complete.
    #[error("this {format} is damaged: {what}")]
    Damaged {
        /// The kind of object.
        format: Format,
        /// What is wrong.
        what: &'static str,
    },
    /// It would be larger than readers accept.
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

    /// Maps a failed authentication to an error.
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
