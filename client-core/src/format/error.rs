//! What is wrong with stored bytes. Wrong key, newer version and damage are never confused.

use crate::{
    crypto::{AuthenticationFailed, UnwrapError},
    text,
    text::{Text, told},
};

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
    fn text(self) -> Text {
        match self {
            Self::Pack => text!("pack"),
            Self::Index => text!("index segment"),
            Self::Manifest => text!("manifest"),
            Self::Snapshot => text!("snapshot"),
        }
    }
}

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Written by a later release: the data is fine.
    NewerVersion(Format),
    /// It is something else.
    NotOurs(Format),
    /// It belongs to another vault or deduplication domain.
    OtherVault(Format),
    /// None of the available keys opens it.
    WrongKey {
        /// The kind of object.
        format: Format,
        /// The key epoch that it was sealed under.
        epoch: u32,
    },
    /// The named device did not sign it.
    Signature(Format),
    /// Truncated, modified, or never complete.
    Damaged {
        /// The kind of object.
        format: Format,
        /// What is wrong.
        what: &'static str,
    },
    /// It would be larger than readers accept.
    TooLarge(Format),
    /// Sealing failed.
    Sealing(Format),
}

told!(Format, FormatError);

impl FormatError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::NewerVersion(format) => {
                text!("this {format} was created by a newer version of Sealkeep", format)
            }
            Self::NotOurs(format) => text!("this object is not a Sealkeep {format}", format),
            Self::OtherVault(format) => text!("this {format} belongs to another vault", format),
            Self::WrongKey { format, epoch } => {
                text!("none of the available keys opens this {format} of epoch {epoch}", format, epoch)
            }
            Self::Signature(format) => {
                text!("this {format} is not signed by the device that it names", format)
            }
            Self::Damaged { format, what } => {
                text!("this {format} is damaged: {what}", format, what = Text::fixed(what))
            }
            Self::TooLarge(format) => text!("this {format} would be larger than the format allows", format),
            Self::Sealing(format) => text!("this {format} could not be sealed", format),
        }
    }
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
