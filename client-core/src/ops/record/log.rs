//! Writes the log of a run while it passes events on to the observer.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use api_types::RunId;

use super::super::Client;
use crate::{
    error::Error,
    event::{Event, Observer, Stage},
    state::{LogEntry, LogKind, StateDb, StateError},
};

/// The log of one run.
pub(super) struct RunLog {
    client: Client,
    /// Where it is stored, once the run has an id.
    run: OnceLock<(Arc<StateDb>, RunId)>,
    /// What happened before.
    early: Mutex<Vec<LogEntry>>,
    /// Whether a peer does not answer: repeated events are one line.
    away: Mutex<bool>,
    /// What was read, restored or verified so far.
    bytes: AtomicU64,
}

impl RunLog {
    /// Passes events on to the observer of `client`.
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            run: OnceLock::new(),
            early: Mutex::default(),
            away: Mutex::default(),
            bytes: AtomicU64::new(0),
        }
    }

    /// From here on it is stored.
    pub(super) fn begin(&self, state: &Arc<StateDb>, run: RunId) {
        let stored = self.run.set((Arc::clone(state), run));
        debug_assert!(stored.is_ok(), "a run begins once");
        let early = std::mem::take(&mut *self.early.lock().unwrap_or_else(PoisonError::into_inner));
        for entry in early {
            noted(state.log(run, &entry));
        }
    }

    /// Bytes read, restored or verified so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How it ended, and whatever else its report says.
    pub(super) fn ended(&self, remarks: impl IntoIterator<Item = (LogKind, String)>, text: String) {
        remarks.into_iter().for_each(|(kind, text)| self.add(kind, text));
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
            Event::Read { bytes } | Event::Restored { bytes } | Event::Checked { bytes } => {
                self.bytes.fetch_add(*bytes, Ordering::Relaxed);
            }
            Event::Stage(Stage::Restore { total }) => {
                self.add(LogKind::Stage, format!("reading the snapshot, {total} bytes"));
            }
            Event::Stage(Stage::Check { snapshots: 1 }) => {
                self.add(LogKind::Stage, "verifying 1 snapshot".to_owned());
            }
            Event::Stage(Stage::Check { snapshots }) => {
                self.add(LogKind::Stage, format!("verifying {snapshots} snapshots"));
            }
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
    use api_types::VaultId;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        event::{Peer, Warning},
        ops::client::tests::offline,
        state::{NewRun, RunKind},
        text::Text,
    };

    const RUN: RunId = RunId::from_bytes([7; 16]);

    #[derive(Default)]
    struct Heard(Mutex<Vec<Event>>);

    impl Observer for Heard {
        fn event(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    fn warning(text: &str) -> Event {
        Event::Warning(Warning::Other(Text::verbatim(text.to_owned())))
    }

    /// The log that is stored, and the events that were passed on.
    fn logged(before: &[Event], after: &[Event], end: impl FnOnce(&RunLog)) -> (Vec<LogEntry>, Vec<Event>) {
        let home = tempfile::tempdir().unwrap();
        let heard = Arc::new(Heard::default());
        let client = offline(home.path()).with_observer(Arc::clone(&heard) as _, CancellationToken::new());
        let state = Arc::new(StateDb::open(home.path(), VaultId::from_bytes([1; 16])).unwrap().state);
        let run =
            NewRun { id: RUN, kind: RunKind::Backup, source: Some("shop"), source_kind: None, target: None };
        state.start_run(&run, 1).unwrap();
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
        let (log, heard) = logged(&before, &after, |log| {
            assert_eq!(log.bytes(), 7);
            log.ended([(LogKind::Warning, "an odd dump".to_owned())], "it was created".to_owned());
        });
        assert_eq!(
            texts(&log),
            [
                "the cache was damaged",
                "catching up with the vault",
                "reading the source",
                "storing index and snapshot",
                "an odd dump",
                "it was created",
            ]
        );
        assert_eq!(
            (log[0].kind, log[1].kind, log[5].kind),
            (LogKind::Warning, LogKind::Stage, LogKind::Note)
        );
        assert_eq!(heard, [before.as_slice(), &after].concat(), "the observer hears everything");
    }

    #[test]
    fn a_restore_and_a_verification_tell_how_much_they_read() {
        let events = [
            Event::Stage(Stage::Restore { total: 10 }),
            Event::Restored { bytes: 6 },
            Event::Restored { bytes: 4 },
            Event::Stage(Stage::Check { snapshots: 1 }),
            Event::Stage(Stage::Check { snapshots: 3 }),
            Event::Checked { bytes: 5 },
        ];
        let (log, _) = logged(&[], &events, |log| assert_eq!(log.bytes(), 15));
        assert_eq!(
            texts(&log),
            ["reading the snapshot, 10 bytes", "verifying 1 snapshot", "verifying 3 snapshots"]
        );
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
        let (log, _) = logged(&[], &noise, |log| log.ended([], "it was created".to_owned()));
        assert_eq!(log.last().unwrap().text, "it was created");
        assert!(log.len() < 200, "{}", log.len());
    }
}
