//! Errors as shown in the window.

use std::fmt;

use client_core::{
    api::ApiError,
    error::{Error, ErrorKind},
    source::{SourceError, script::Found},
    text,
    text::Text,
};
use serde::Serialize;

use crate::text::TextView;

/// An error: what happened, what it means, what to do, and a code for programs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct UiError {
    /// Stable, one word.
    pub(crate) code: String,
    /// What happened.
    pub(crate) happened: Box<TextView>,
    /// What it means for the backups.
    pub(crate) meaning: String,
    /// What to do next.
    pub(crate) next_step: String,
    /// Whether a retry may succeed.
    pub(crate) retryable: bool,
}

impl From<Error> for UiError {
    fn from(error: Error) -> Self {
        Self {
            code: code(&error).to_owned(),
            happened: Box::new(error.text().into()),
            meaning: error.meaning().to_owned(),
            next_step: error.next_step().to_owned(),
            retryable: error.is_retryable(),
        }
    }
}

/// Refusals of the window itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// One run at a time.
    Busy,
    /// The step that is answered is no longer pending.
    OutOfTurn,
}

impl Refusal {
    fn text(self) -> Text {
        match self {
            Self::Busy => text!("another operation is already running"),
            Self::OutOfTurn => text!("this step has expired"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (kind, next_step) = match refusal {
            Refusal::Busy => (ErrorKind::Exists, "wait until it finishes, or stop it"),
            Refusal::OutOfTurn => (ErrorKind::Usage, "go back and start again"),
        };
        Self::new(kind, refusal.text(), "nothing was changed", next_step).with_source(refusal)
    }
}

/// Finer than the CLI's exit codes: the window has a sentence for each.
fn code(error: &Error) -> &'static str {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<Refusal>()) {
        Some(Refusal::Busy) => return "busy",
        Some(Refusal::OutOfTurn) => return "out_of_turn",
        None => {}
    }
    match source.and_then(|source| source.downcast_ref::<ApiError>()) {
        Some(ApiError::Address(_)) => return "service_address",
        Some(ApiError::Unexpected { .. }) => return "not_a_service",
        _ => {}
    }
    match source.and_then(|source| source.downcast_ref::<SourceError>()) {
        Some(SourceError::NotEmpty(_)) => "not_empty",
        Some(SourceError::SameAsSource(_)) => "same_as_source",
        Some(SourceError::MayBeCopy(_)) => "may_be_copy",
        Some(SourceError::NotReplaceable { .. }) => "not_replaceable",
        Some(SourceError::Reserved { .. }) => "reserved",
        Some(SourceError::NotRestorable(_)) => "not_restorable",
        Some(SourceError::InUse { .. }) => "in_use",
        Some(SourceError::TooManyLocks { .. }) => "too_many_locks",
        Some(SourceError::TransactionLost) => "transaction_lost",
        Some(SourceError::Uncertain { .. }) => "uncertain",
        Some(SourceError::RestoreFailed { .. }) => "restore_failed",
        Some(SourceError::Script(script)) if matches!(script.found, Found::Missing(..)) => {
            "missing_on_server"
        }
        Some(SourceError::Script(_)) => "dump_refused",
        _ => error.kind().as_str(),
    }
}
