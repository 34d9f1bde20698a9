//! The lines of `--progress=json`, on standard error.

use schemars::JsonSchema;
use serde::Serialize;

/// One line. Sums count from the beginning of their stage; the last ones are printed before the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(rename = "progress")]
pub(crate) enum Line {
    /// A stage began: `sync`, `dump`, `commit`, `restore` or `check`.
    Stage {
        /// Which one.
        stage: &'static str,
    },
    /// The sums of the current stage, once a second.
    Progress(Sums),
    /// The service or the store does not answer.
    Unavailable {
        /// `service` or `store`.
        peer: &'static str,
        /// For how long.
        seconds: u64,
        /// How long it is waited for; 0: not at all.
        limit_seconds: u64,
    },
    /// It answers again.
    Available,
    /// A proof of work before sign-in is being computed.
    Proving {
        /// For how long.
        seconds: u64,
        /// How long it takes, approximately.
        about_seconds: u64,
    },
    /// The proof is complete.
    Proven,
    /// The command continues.
    Warning {
        /// A sentence.
        message: String,
    },
    /// A message besides the result.
    Note {
        /// A sentence, or several lines.
        message: String,
    },
    /// The command failed. With `--json` the error is on standard output instead.
    Error {
        /// One word.
        kind: &'static str,
        /// What happened.
        message: String,
        /// What it means for the backups.
        meaning: String,
        /// What to do next.
        next_step: String,
    },
}

/// The sums of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Sums {
    /// Which stage.
    pub(crate) stage: &'static str,
    /// Read from the source, restored, or verified.
    pub(crate) done_bytes: u64,
    /// Approximate for a dump; `null` when it is not known.
    pub(crate) total_bytes: Option<u64>,
    /// In chunks that are new.
    pub(crate) new_bytes: u64,
    /// In chunks that are stored already.
    pub(crate) known_bytes: u64,
    /// Of all objects.
    pub(crate) uploaded_bytes: u64,
}
