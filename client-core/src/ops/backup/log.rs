//! Writes the log of a run while it passes events on to the observer.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use api_types::BackupId;

use super::{super::Client, BackupReport, short};
use crate::{
    error::Error,
    event::{Event, Observer, Stage},
    state::{LogEntry, LogKind, StateDb, StateError},
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
            noted(state.log(run, &entry));
        }
    }

    pub(super) fn committed(&self, report: &BackupReport) {
        let text = format!(
            "snapshot {} was created: {} bytes read, {} new, {} uploaded",
            short(report.snapshot_id),
            report.bytes_read,
            report.bytes_new,
            report.bytes_uploaded
        );
        self.end(LogKind::Note, text);
    }

    pub(super) fn failed(&self, error: &Error) {
        self.end(LogKind::Error, error.happened().to_owned());
        self.end(LogKind::Meaning, error.meaning().to_owned());
        self.end(LogKind::NextStep, error.next_step().to_owned());
    }

    fn add(&self, kind: LogKind, text: String) {
        let entry = LogEntry { at: self.client.now(), kind, text };
        match self.run.get() {
            None => self.early.lock().unwrap_or_else(PoisonError::into_inner).push(entry),
            Some((state, run)) => noted(state.log(*run, &entry)),
        }
    }

    /// How it ended is stored, however much happened before. A run that never began has no log.
    fn end(&self, kind: LogKind, text: String) {
        if let Some((state, run)) = self.run.get() {
            noted(state.log_end(*run, &LogEntry { at: self.client.now(), kind, text }));
        }
    }

    /// Whether this is the first of several such events.
    fn goes_away(&self, away: bool) -> bool {
        let mut was = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *was, away) != away
    }
}

/// A log that cannot be written does not stop a backup.
fn noted(stored: Result<(), StateError>) {
    if let Err(error) = stored {
        tracing::warn!(%error, "the run's log could not be written");
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use api_types::{Sha256, SnapshotId, SourceId, VaultId};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        event::{Peer, Warning},
        ops::client::tests::offline,
        text::Text,
        unwrap::Unwrapped,
    };

    const RUN: BackupId = BackupId::from_bytes([7; 16]);

    #[derive(Default)]
    struct Heard(Mutex<Vec<Event>>);

    impl Observer for Heard {
        fn event(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    fn report() -> BackupReport {
        BackupReport {
            snapshot_id: SnapshotId::new([0xab; 32]),
            source: "shop".into(),
            bytes_read: 30,
            bytes_new: 20,
            bytes_uploaded: 10,
            chunks: 3,
            chunks_new: 2,
            duration: Duration::from_secs(1),
            sha256: Sha256::new([1; 32]),
            tool: "pg_dump".into(),
            unwrapped: Unwrapped::default(),
            record_list_bytes: 0,
            format: "pg_dump SQL".into(),
            verified_end: true,
            remarks: Vec::new(),
        }
    }

    fn warning(text: &str) -> Event {
        Event::Warning(Warning::Other(Text::verbatim(text.to_owned())))
    }

    /// The log that is stored, and the events that were passed on.
    fn logged(before: &[Event], after: &[Event], end: impl FnOnce(&RunLog)) -> (Vec<LogEntry>, Vec<Event>) {
        let home = tempfile::tempdir().unwrap();
        let heard = Arc::new(Heard::default());
        let client = offline(home.path()).watched(Arc::clone(&heard) as _, CancellationToken::new());
        let state = Arc::new(StateDb::open(home.path(), VaultId::from_bytes([1; 16])).unwrap().state);
        state.start_run(RUN, SourceId::from_bytes([2; 16]), "shop", "postgres", 1).unwrap();
        let log = RunLog::new(&client);
        before.iter().for_each(|event| log.event(event));
        assert!(state.log_of(RUN).unwrap().is_empty());
        log.begin(&state, RUN);
        after.iter().for_each(|event| log.event(event));
        end(&log);
        let heard = heard.0.lock().unwrap().clone();
        (state.log_of(RUN).unwrap(), heard)
    }

    fn texts(log: &[LogEntry]) -> Vec<&str> {
        log.iter().map(|entry| entry.text.as_str()).collect()
    }

    #[test]
    fn a_log_tells_what_happened_in_order_and_from_before_the_run_had_an_id() {
        let before = [warning("the cache was damaged")];
        let after = [
            Event::Stage(Stage::Sync),
            Event::Stage(Stage::Dump),
            Event::Read { bytes: 7 },
            Event::Stage(Stage::Commit),
        ];
        let (log, heard) = logged(&before, &after, |log| log.committed(&report()));
        assert_eq!(
            texts(&log),
            [
                "the cache was damaged",
                "catching up with the vault",
                "reading the source",
                "storing index and snapshot",
                "snapshot abababababab was created: 30 bytes read, 20 new, 10 uploaded",
            ]
        );
        assert_eq!((log[0].kind, log[1].kind), (LogKind::Warning, LogKind::Stage));
        assert_eq!(heard, [before.as_slice(), &after].concat(), "the observer hears everything");
    }

    #[test]
    fn a_peer_that_comes_and_goes_is_a_line_each_time() {
        let away = |seconds| Event::Away { peer: Peer::Service, seconds, limit: 60 };
        let events = [away(1), away(2), away(3), Event::Reachable, Event::Reachable, away(1)];
        let (log, heard) = logged(&[], &events, |_| {});
        assert_eq!(
            texts(&log),
            ["the service does not answer", "it answers again", "the service does not answer"]
        );
        assert_eq!(heard.len(), events.len());
    }

    #[test]
    fn the_end_of_a_run_is_told_however_much_was_said_before() {
        let noise = vec![warning("again"); 500];
        let (log, _) = logged(&[], &noise, |log| log.failed(&Error::cancelled()));
        let last = log.last_chunk::<3>().unwrap();
        assert_eq!(
            last.each_ref().map(|entry| entry.kind),
            [LogKind::Error, LogKind::Meaning, LogKind::NextStep]
        );
        assert_eq!(last[0].text, Error::cancelled().happened());
        let (log, _) = logged(&[], &noise, |log| log.committed(&report()));
        assert!(log.last().unwrap().text.starts_with("snapshot abababababab"));
        assert!(log.len() < 200, "{}", log.len());
    }
}
