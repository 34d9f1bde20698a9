//! Writes the log of a run while it passes events on to the observer.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use api_types::BackupId;

use super::{super::Client, BackupReport, short};
use crate::{
    error::Error,
    event::{Event, Observer, Stage},
    state::{LogEntry, LogKind, StateDb},
};

/// The log of one run.
pub(super) struct RunLog {
    client: Client,
    /// Where it is stored, once the run has an id.
    run: OnceLock<(Arc<StateDb>, BackupId)>,
    /// What happened before.
    early: Mutex<Vec<LogEntry>>,
    /// Whether a peer does not answer: repeated events are one line.
    away: Mutex<bool>,
}

impl RunLog {
    /// Passes events on to the observer of `client`.
    pub(super) fn new(client: &Client) -> Self {
        Self { client: client.clone(), run: OnceLock::new(), early: Mutex::default(), away: Mutex::default() }
    }

    /// From here on it is stored.
    pub(super) fn begin(&self, state: &Arc<StateDb>, run: BackupId) {
        let stored = self.run.set((Arc::clone(state), run));
        debug_assert!(stored.is_ok(), "a run begins once");
        let early = std::mem::take(&mut *self.early.lock().unwrap_or_else(PoisonError::into_inner));
        for entry in early {
            self.store(entry);
        }
    }

    pub(super) fn committed(&self, report: &BackupReport) {
        self.add(
            LogKind::Note,
            format!(
                "snapshot {} was created: {} bytes read, {} new, {} uploaded",
                short(report.snapshot_id),
                report.bytes_read,
                report.bytes_new,
                report.bytes_uploaded
            ),
        );
    }

    pub(super) fn failed(&self, error: &Error) {
        self.add(LogKind::Error, error.happened().to_owned());
        self.add(LogKind::Meaning, error.meaning().to_owned());
        self.add(LogKind::NextStep, error.next_step().to_owned());
    }

    fn add(&self, kind: LogKind, text: String) {
        self.store(LogEntry { at: self.client.now(), kind, text });
    }

    /// A log that cannot be written does not stop a backup.
    fn store(&self, entry: LogEntry) {
        match self.run.get() {
            None => self.early.lock().unwrap_or_else(PoisonError::into_inner).push(entry),
            Some((state, run)) => {
                if let Err(error) = state.log(*run, &entry) {
                    tracing::warn!(%error, "the run's log could not be written");
                }
            }
        }
    }

    /// Whether this is the first of several such events.
    fn goes_away(&self, away: bool) -> bool {
        let mut was = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *was, away) != away
    }
}

impl Observer for RunLog {
    fn event(&self, event: &Event) {
        match event {
            Event::Stage(Stage::Sync) => self.add(LogKind::Stage, "catching up with the vault".to_owned()),
            Event::Stage(Stage::Dump) => self.add(LogKind::Stage, "reading the source".to_owned()),
            Event::Stage(Stage::Commit) => {
                self.add(LogKind::Stage, "storing index and snapshot".to_owned());
            }
            Event::Away { peer, .. } if self.goes_away(true) => {
                self.add(LogKind::Note, format!("{peer} does not answer"));
            }
            Event::Reachable if self.goes_away(false) => {
                self.add(LogKind::Note, "it answers again".to_owned());
            }
            Event::Warning(warning) => self.add(LogKind::Warning, warning.to_string()),
            _ => {}
        }
        self.client.observer().event(event);
    }
}
