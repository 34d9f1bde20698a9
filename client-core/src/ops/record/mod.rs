//! Records a run on this device: its start, its log and its end in the journal, and a lock for as long as it is alive.

mod log;

use std::sync::Arc;

use api_types::{RunId, SnapshotId};

use self::log::RunLog;
use super::Client;
use crate::{
    error::Error,
    state::{LogKind, NewRun, RunLock, StateDb, take_turn},
};

/// The lock of those who start a run.
const TURN: &str = "runs.lock";

/// Hears what a run says, from before it has an id.
pub(super) struct Recorder {
    log: Arc<RunLog>,
    client: Client,
}

/// A run that has started. If it is dropped without an end, it was interrupted.
pub(super) struct Recorded {
    log: Arc<RunLog>,
    client: Client,
    /// `None` if the journal cannot be written.
    stored: Option<Stored>,
}

struct Stored {
    state: Arc<StateDb>,
    id: RunId,
    _alive: RunLock,
}

impl Recorder {
    pub(super) fn new(client: &Client) -> Self {
        let log = Arc::new(RunLog::new(client));
        let client = client.with_observer(Arc::clone(&log) as _, client.cancel().clone());
        Self { log, client }
    }

    /// The device of `client`, observed by this as well.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Records the start of a run. Earlier runs that nobody works on are marked as interrupted.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub(super) fn begin(self, state: &Arc<StateDb>, run: &NewRun<'_>) -> Result<Recorded, Error> {
        let stored = start(&self.client, state, run)?;
        self.log.begin(state, run.id);
        Ok(Recorded { log: self.log, client: self.client, stored: Some(stored) })
    }

    /// The same; but a journal that cannot be written, such as on a full disk, stops no restore.
    pub(super) fn begin_anyway(self, state: &Arc<StateDb>, run: &NewRun<'_>) -> Recorded {
        let stored = match start(&self.client, state, run) {
            Ok(stored) => Some(stored),
            Err(error) => {
                tracing::warn!(%error, "the run cannot be recorded");
                None
            }
        };
        if stored.is_some() {
            self.log.begin(state, run.id);
        }
        Recorded { log: self.log, client: self.client, stored }
    }
}

fn start(client: &Client, state: &Arc<StateDb>, run: &NewRun<'_>) -> Result<Stored, Error> {
    let home = client.home();
    let _turn = take_turn(home, TURN)?;
    let alive = RunLock::take(home, run.id)?;
    let mut dead = state.runs_without_end()?;
    dead.retain(|run| !RunLock::is_held(home, *run));
    state.interrupt_runs(&dead, client.now())?;
    RunLock::tidy(home);
    state.start_run(run, client.now())?;
    Ok(Stored { state: Arc::clone(state), id: run.id, _alive: alive })
}

impl Recorded {
    /// Which snapshot it is about, now that it is known.
    pub(super) fn is_about(&self, snapshot: SnapshotId, source: &str, source_kind: &str) {
        self.store(|state, id| Ok(state.run_is_about(id, snapshot, source, source_kind)?));
    }

    /// Bytes read, restored or verified so far.
    pub(super) fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// It did what it was for, and the journal has that already.
    pub(super) fn was_done(self, remarks: impl IntoIterator<Item = (LogKind, String)>, text: String) {
        self.log.ended(remarks, text);
    }

    /// It did what it was for.
    pub(super) fn done(self, bytes: u64, remarks: impl IntoIterator<Item = (LogKind, String)>, text: String) {
        self.log.ended(remarks, text);
        self.store(|state, id| Ok(state.finish_run(id, None, bytes, self.client.now())?));
    }

    /// It went on to its end, but not everything is right; `failure` is one word.
    pub(super) fn fell_short(
        self,
        failure: &str,
        bytes: u64,
        remarks: impl IntoIterator<Item = (LogKind, String)>,
        text: String,
    ) {
        self.log.ended(remarks, text);
        self.store(|state, id| Ok(state.fail_run(id, failure, bytes, self.client.now())?));
    }

    /// It failed.
    pub(super) fn failed(self, error: &Error, bytes: u64) {
        self.log.failed(error);
        self.store(|state, id| Ok(state.fail_run(id, error.kind().as_str(), bytes, self.client.now())?));
    }

    fn store(&self, change: impl FnOnce(&StateDb, RunId) -> Result<(), Error>) {
        let Some(stored) = &self.stored else { return };
        if let Err(error) = change(&stored.state, stored.id) {
            tracing::warn!(%error, "the run's result cannot be recorded");
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        ops::client::tests::signed_in,
        state::{Run, RunKind, RunState, RunTarget},
    };

    fn restore(number: u8, target: &RunTarget) -> NewRun<'_> {
        let id = RunId::from_bytes([number; 16]);
        NewRun { id, kind: RunKind::Restore, source: None, source_kind: None, target: Some(target) }
    }

    fn runs(client: &Client) -> Vec<Run> {
        client.open().unwrap().state().runs(None, 10).unwrap()
    }

    #[test]
    fn a_run_is_recorded_from_its_start_to_its_end() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        let state = Arc::clone(client.open().unwrap().state());
        let to = RunTarget::File("/d/x".into());
        let begin = |number| Recorder::new(&client).begin(&state, &restore(number, &to)).unwrap();

        let first = begin(1);
        assert_eq!(runs(&client)[0].state, RunState::Running);
        assert!(RunLock::is_held(home.path(), RunId::from_bytes([1; 16])));
        first.is_about(SnapshotId::new([5; 32]), "shop", "postgres");
        first.done(7, [], "it is restored".to_owned());
        begin(2).failed(&Error::cancelled(), 3);
        begin(3).fell_short(
            "incomplete",
            4,
            [(LogKind::Warning, "a is missing".to_owned())],
            "most".to_owned(),
        );
        // Two at once, and one that is dropped.
        let (running, dropped) = (begin(4), begin(5));
        drop(dropped);
        let last = begin(6);

        let found: Vec<RunState> = runs(&client).into_iter().map(|run| run.state).collect();
        let failed = |why: &str| RunState::Failed(why.to_owned());
        assert_eq!(
            found,
            [
                RunState::Running,
                failed("interrupted"),
                RunState::Running,
                failed("incomplete"),
                failed("cancelled"),
                RunState::Done,
            ]
        );
        let done = runs(&client).remove(5);
        assert_eq!((done.source.as_deref(), done.bytes_read), (Some("shop"), Some(7)));
        assert_eq!((done.snapshot, done.target), (Some(SnapshotId::new([5; 32])), Some(to.clone())));
        let log = state.log_of(RunId::from_bytes([3; 16])).unwrap();
        let texts: Vec<&str> = log.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(texts, ["a is missing", "most"]);
        drop((running, last));
        assert_eq!(std::fs::read_dir(home.path().join("running")).unwrap().count(), 0);
    }

    #[test]
    fn a_restore_goes_on_without_a_journal_and_a_backup_does_not() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        let state = Arc::clone(client.open().unwrap().state());
        // Where the locks belong there is a file.
        std::fs::write(home.path().join("running"), b"").unwrap();
        let to = RunTarget::Output;
        assert!(Recorder::new(&client).begin(&state, &restore(1, &to)).is_err());
        let unrecorded = Recorder::new(&client).begin_anyway(&state, &restore(2, &to));
        unrecorded.is_about(SnapshotId::new([5; 32]), "shop", "postgres");
        unrecorded.done(7, [], "it is restored".to_owned());
        assert!(runs(&client).is_empty());
    }
}
