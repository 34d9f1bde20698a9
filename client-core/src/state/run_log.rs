//! What happened in a run, line by line. It is written as it happens, so that a run that was killed has a log, too.

use api_types::RunId;
use rusqlite::{Connection, params};

use super::{StateDb, StateError};

/// Only this many of the newest runs keep their logs.
const RUNS: u32 = 500;
/// More lines of a run are left out.
const LINES: u32 = 100;
/// Room for the last lines of a run, which say how it ended: however much was said before.
const END: u32 = 3;
/// Longer lines are cut, characters.
const LINE_LEN: usize = 2_000;

/// What a line of a log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// A stage began.
    Stage,
    /// Something worth knowing.
    Note,
    /// Something the user should know although the run went on.
    Warning,
    /// Why the run failed.
    Error,
    /// What the failure means for the backups.
    Meaning,
    /// What to do next.
    NextStep,
}

impl LogKind {
    const ALL: [Self; 6] =
        [Self::Stage, Self::Note, Self::Warning, Self::Error, Self::Meaning, Self::NextStep];

    /// One word, as stored and as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Meaning => "meaning",
            Self::NextStep => "next_step",
        }
    }
}

/// One line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Seconds since 1970.
    pub at: i64,
    /// What it tells.
    pub kind: LogKind,
    /// A sentence without a secret.
    pub text: String,
}

impl StateDb {
    /// Adds a line to a run's log, up to a number of lines.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn log(&self, run: RunId, entry: &LogEntry) -> Result<(), StateError> {
        self.add_line(run, entry, LINES)
    }

    /// Adds one of the last lines of a run's log, for which there is always room.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn log_end(&self, run: RunId, entry: &LogEntry) -> Result<(), StateError> {
        self.add_line(run, entry, LINES + END)
    }

    fn add_line(&self, run: RunId, entry: &LogEntry, most: u32) -> Result<(), StateError> {
        let text: String = entry.text.chars().take(LINE_LEN).collect();
        self.db().execute(
            "INSERT INTO run_log (run, at, kind, text) SELECT ?1, ?2, ?3, ?4
             WHERE (SELECT count(*) FROM run_log WHERE run = ?1) < ?5",
            params![run.as_bytes(), entry.at, entry.kind.as_str(), text, most],
        )?;
        Ok(())
    }

    /// A run's log in order; empty if it is too old to have one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn log_of(&self, run: RunId) -> Result<Vec<LogEntry>, StateError> {
        let db = self.db();
        let mut query =
            db.prepare_cached("SELECT at, kind, text FROM run_log WHERE run = ?1 ORDER BY rowid")?;
        let rows = query.query_map([run.as_bytes()], |row| {
            let kind: String = row.get(1)?;
            let kind = LogKind::ALL.into_iter().find(|known| known.as_str() == kind);
            Ok(LogEntry { at: row.get(0)?, kind: kind.unwrap_or(LogKind::Note), text: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Keeps the logs of the newest runs.
pub(super) fn forget_oldest(db: &Connection) -> Result<(), StateError> {
    db.execute(
        "DELETE FROM run_log WHERE run NOT IN (SELECT id FROM run ORDER BY rowid DESC LIMIT ?1)",
        [RUNS],
    )?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::VaultId;

    use super::*;
    use crate::state::{NewRun, RunKind};

    fn state(home: &std::path::Path) -> StateDb {
        StateDb::open(home, VaultId::from_bytes([1; 16])).unwrap().state
    }

    fn start(state: &StateDb, now: i64) -> RunId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&now.to_be_bytes());
        let run = RunId::from_bytes(id);
        let about =
            NewRun { id: run, kind: RunKind::Backup, source: Some("shop"), source_kind: None, target: None };
        state.start_run(&about, now).unwrap();
        run
    }

    fn entry(kind: LogKind, text: &str) -> LogEntry {
        LogEntry { at: 7, kind, text: text.to_owned() }
    }

    #[test]
    fn a_log_is_kept_in_order_and_within_its_limits() {
        let home = tempfile::tempdir().unwrap();
        let state = state(home.path());
        let run = start(&state, 1);
        for number in 0..LINES + 50 {
            state.log(run, &entry(LogKind::Warning, &format!("line {number}"))).unwrap();
        }
        for kind in [LogKind::Error, LogKind::Meaning, LogKind::NextStep] {
            state.log_end(run, &entry(kind, &"x".repeat(LINE_LEN * 2))).unwrap();
        }
        state.log_end(run, &entry(LogKind::Note, "one too many")).unwrap();
        let log = state.log_of(run).unwrap();
        assert_eq!(log.len(), usize::try_from(LINES + END).unwrap());
        assert_eq!(log[0], entry(LogKind::Warning, "line 0"));
        assert_eq!(log[99], entry(LogKind::Warning, "line 99"));
        assert_eq!(log.last().unwrap().kind, LogKind::NextStep);
        assert_eq!(log.last().unwrap().text.len(), LINE_LEN);
    }

    #[test]
    fn a_hostile_text_is_only_text_and_cut_between_characters() {
        let home = tempfile::tempdir().unwrap();
        let state = state(home.path());
        let (run, other) = (start(&state, 1), start(&state, 2));
        let texts = [
            "'); DROP TABLE run_log; --".to_owned(),
            "a\0b\r\n\u{1b}[2J\u{202e}c".to_owned(),
            String::new(),
            "🐘".repeat(LINE_LEN),
        ];
        for text in &texts {
            state.log(run, &entry(LogKind::Warning, text)).unwrap();
        }
        state.log(run, &entry(LogKind::Warning, &"é".repeat(LINE_LEN + 1))).unwrap();
        let log: Vec<String> = state.log_of(run).unwrap().into_iter().map(|entry| entry.text).collect();
        assert_eq!(log[..4], texts);
        assert_eq!(log[4], "é".repeat(LINE_LEN));
        assert!(state.log_of(other).unwrap().is_empty(), "each run has its own");
    }

    #[test]
    fn every_kind_of_line_comes_back_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let state = state(home.path());
        let run = start(&state, 1);
        for kind in LogKind::ALL {
            state.log(run, &entry(kind, kind.as_str())).unwrap();
        }
        let kinds: Vec<LogKind> = state.log_of(run).unwrap().iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, LogKind::ALL);
        // What a newer version wrote is shown, too.
        state.db().execute("UPDATE run_log SET kind = 'song'", []).unwrap();
        assert!(state.log_of(run).unwrap().iter().all(|entry| entry.kind == LogKind::Note));
    }

    #[test]
    fn a_clock_that_went_back_costs_the_newest_run_nothing() {
        let home = tempfile::tempdir().unwrap();
        let state = state(home.path());
        for now in 0..i64::from(RUNS) {
            start(&state, 9_000_000 + now);
        }
        let run = start(&state, 7);
        state.log(run, &entry(LogKind::Stage, "began")).unwrap();
        let next = start(&state, 8);
        assert_eq!(state.log_of(run).unwrap().len(), 1);
        let newest: Vec<RunId> = state.runs(None, 2).unwrap().iter().map(|run| run.id).collect();
        assert_eq!(newest, [next, run]);
    }

    #[test]
    fn only_the_newest_runs_keep_their_logs() {
        let home = tempfile::tempdir().unwrap();
        let state = state(home.path());
        let runs: Vec<RunId> = (0..i64::from(RUNS) + 2)
            .map(|now| {
                let run = start(&state, now);
                state.log(run, &entry(LogKind::Stage, "began")).unwrap();
                run
            })
            .collect();
        assert!(state.log_of(runs[0]).unwrap().is_empty());
        assert!(state.log_of(runs[1]).unwrap().is_empty());
        assert_eq!(state.log_of(*runs.last().unwrap()).unwrap().len(), 1);
        // The runs themselves are kept longer.
        assert_eq!(state.runs(None, 10_000).unwrap().len(), runs.len());
    }
}
