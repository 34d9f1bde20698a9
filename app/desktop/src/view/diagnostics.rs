//! Logs of runs, and what somebody who helps needs to know.

use client_core::ops::{
    debug_bundle::{self, Bundle},
    runs::{LogEntry, LogKind, Run},
};
use serde::Serialize;

use super::PastRunView;

/// What a line of a log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum LogKindView {
    /// A stage began.
    Stage,
    /// Something worth knowing.
    Note,
    /// Something the user should know although the run continued.
    Warning,
    /// Why the run failed.
    Error,
    /// What the failure means for the backups.
    Meaning,
    /// What to do next.
    NextStep,
}

/// A line of a log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct LogLineView {
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// What it tells.
    pub(crate) kind: LogKindView,
    /// A sentence, in English.
    pub(crate) text: String,
}

impl From<LogEntry> for LogLineView {
    fn from(entry: LogEntry) -> Self {
        let LogEntry { at, kind, text } = entry;
        let kind = match kind {
            LogKind::Stage => LogKindView::Stage,
            LogKind::Note => LogKindView::Note,
            LogKind::Warning => LogKindView::Warning,
            LogKind::Error => LogKindView::Error,
            LogKind::Meaning => LogKindView::Meaning,
            LogKind::NextStep => LogKindView::NextStep,
        };
        Self { at, kind, text }
    }
}

/// A run and its log.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct RunLogView {
    /// The run.
    pub(crate) run: PastRunView,
    /// Its log; empty for an old run.
    pub(crate) lines: Vec<LogLineView>,
}

impl From<(Run, Vec<LogEntry>)> for RunLogView {
    fn from((run, log): (Run, Vec<LogEntry>)) -> Self {
        Self { run: run.into(), lines: log.into_iter().map(LogLineView::from).collect() }
    }
}

/// A section of the diagnostics.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SectionView {
    /// Its heading in the text.
    pub(crate) name: String,
    /// What is in it, in English.
    pub(crate) about: String,
    /// Its length.
    pub(crate) bytes: usize,
}

/// What somebody who helps needs to know, to be read before it is saved.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct DiagnosticsView {
    /// Its sections.
    pub(crate) parts: Vec<SectionView>,
    /// All of it.
    pub(crate) text: String,
}

impl From<Bundle> for DiagnosticsView {
    fn from(bundle: Bundle) -> Self {
        let part = |part: debug_bundle::Part| SectionView {
            name: part.name.to_owned(),
            about: part.about.to_owned(),
            bytes: part.bytes,
        };
        Self { parts: bundle.parts.into_iter().map(part).collect(), text: bundle.text }
    }
}
