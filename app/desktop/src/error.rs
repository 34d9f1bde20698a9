//! Errors as shown in the window.

use client_core::{
    error::Error,
    source::{SourceError, script::Found},
};
use serde::Serialize;

/// An error: what happened, what it means, what to do, and a code for programs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct UiError {
    /// Stable, one word.
    pub(crate) code: String,
    /// What happened.
    pub(crate) happened: String,
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
            happened: error.happened().to_owned(),
            meaning: error.meaning().to_owned(),
            next_step: error.next_step().to_owned(),
            retryable: error.is_retryable(),
        }
    }
}

/// Finer than the CLI's exit codes: the window has a sentence for each.
fn code(error: &Error) -> &'static str {
    match std::error::Error::source(error).and_then(|source| source.downcast_ref::<SourceError>()) {
        Some(SourceError::NotEmpty(_)) => "not_empty",
        Some(SourceError::SameAsSource(_)) => "same_as_source",
        Some(SourceError::MayBeCopy(_)) => "may_be_copy",
        Some(SourceError::NotReplaceable { .. }) => "not_replaceable",
        Some(SourceError::InUse { .. }) => "in_use",
        Some(SourceError::RestoreFailed { .. }) => "restore_failed",
        Some(SourceError::Script(script)) if matches!(script.found, Found::Missing(..)) => {
            "missing_on_server"
        }
        _ => error.kind().as_str(),
    }
}
