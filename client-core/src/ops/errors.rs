//! User-facing errors for what the pure layers refuse.

use api_types::{canonical, id::InvalidId};

use crate::{
    crypto::{InvalidKeyring, InvalidWords, recovery::RecoveryError, wrap::WrapError},
    encode::EncodeError,
    error::{Error, ErrorKind},
    format::FormatError,
    text,
    text::Text,
};

fn newer(happened: Text) -> Error {
    Error::new(
        ErrorKind::NewerFormat,
        happened,
        "nothing is wrong with the data",
        "update sealkeep and try again",
    )
}

fn wrong_words(happened: Text, next_step: &str) -> Error {
    Error::new(ErrorKind::WrongRecoveryKey, happened, "nothing was changed", next_step)
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::NewerVersion(_) => newer(error.text()),
            FormatError::TooLarge(_) | FormatError::Sealing(_) => Self::internal_text(&error.to_string()),
            _ => Self::damaged(error.text()),
        }
        .with_source(error)
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Unknown(_) => newer(error.text()),
            EncodeError::Compressor(_) => Self::internal_text(&error.to_string()),
            _ => Self::damaged(error.text()),
        }
        .with_source(error)
    }
}

impl From<InvalidKeyring> for Error {
    fn from(error: InvalidKeyring) -> Self {
        match error {
            InvalidKeyring::Newer(_) => newer(error.text()),
            InvalidKeyring::Malformed => Self::damaged(text!("the vault's keyring is damaged")),
        }
        .with_source(error)
    }
}

impl From<InvalidWords> for Error {
    fn from(error: InvalidWords) -> Self {
        let next_step = match error {
            InvalidWords::NoKit => "choose a PDF or text file that the app saved, or type the 24 words",
            _ => "compare the 24 words, in order, with your recovery kit",
        };
        wrong_words(error.text(), next_step)
    }
}

impl From<RecoveryError> for Error {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::WrongWords => wrong_words(error.text(), "use the recovery kit of this account"),
            RecoveryError::Newer(_) => newer(error.text()),
            RecoveryError::Damaged => Self::damaged(error.text()),
            RecoveryError::Sealing => Self::internal_text(&error.to_string()),
        }
        .with_source(error)
    }
}

impl From<WrapError> for Error {
    fn from(error: WrapError) -> Self {
        Self::new(
            ErrorKind::Damaged,
            error.text(),
            "your snapshots are untouched, but this device cannot open them",
            "run `sealkeep login` again; if that fails, sign in on another device with your recovery words",
        )
        .with_source(error)
    }
}

impl From<InvalidId> for Error {
    fn from(error: InvalidId) -> Self {
        Self::internal_text(&error.to_string())
    }
}

impl From<canonical::Error> for Error {
    fn from(error: canonical::Error) -> Self {
        Self::internal("CBOR", &error)
    }
}

/// Whether the fault is in the object itself rather than in reaching it.
pub(super) const fn affects_only_object(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Damaged | ErrorKind::NewerFormat | ErrorKind::WrongRecoveryKey | ErrorKind::NotFound
    )
}
