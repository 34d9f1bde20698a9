//! The backup attempts on this device, their results and their logs. Needs no network.

use super::{Client, select::IdPrefix, sources::SavedSource};
pub use crate::state::{KEPT, LogEntry, LogKind, Run, RunState};
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// A time this far in the future was written under a clock that was wrong, seconds.
pub(super) const AHEAD: i64 = 3600;

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of the source with this name.
    pub source: Option<String>,
    /// Only failed ones.
    pub failed: bool,
    /// At most this many.
    pub limit: usize,
}

/// Newest first, at most `most` entries.
///
/// # Errors
/// The local state cannot be read.
pub fn recent(client: &Client, most: u32) -> Result<Vec<Run>, Error> {
    Ok(client.open()?.state().runs(most)?)
}

/// The attempts to back up this source since it was added, newest first, out of the last `most` entries.
///
/// # Errors
/// Same as [`recent`].
pub fn of_source(client: &Client, source: &SavedSource, most: u32) -> Result<Vec<Run>, Error> {
    let (mut runs, now) = (recent(client, most)?, client.now());
    runs.retain(|run| is_of(source, run, now));
    Ok(runs)
}

/// Whether a run was of this source. Runs before it was added may belong to another source of that name.
pub(super) fn is_of(source: &SavedSource, run: &Run, now: i64) -> bool {
    source.is_named(&run.source) && run.kind == source.address.kind() && run.started_at >= added(source, now)
}

/// When the source was added: long ago, if only a wrong clock can have said so.
pub(super) const fn added(source: &SavedSource, now: i64) -> i64 {
    if source.created > now + AHEAD { 0 } else { source.created }
}

/// The wanted runs, newest first. A run that was killed is listed as failed: `interrupted`.
///
/// # Errors
/// Same as [`recent`].
pub fn list(client: &Client, wanted: &Wanted) -> Result<Vec<Run>, Error> {
    let mut runs = ended(client, recent(client, KEPT)?);
    runs.retain(|run| {
        wanted.source.as_ref().is_none_or(|name| run.source == *name)
            && (!wanted.failed || matches!(run.state, RunState::Failed(_)))
    });
    runs.truncate(wanted.limit);
    Ok(runs)
}

/// The run with this id, whose id begins so, or the `latest`, and its log. The log is empty for an old run.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`], or as [`recent`].
pub fn log(client: &Client, typed: &str) -> Result<(Run, Vec<LogEntry>), Error> {
    let vault = client.open()?;
    let run = one(ended(client, vault.state().runs(KEPT)?), typed)?;
    let log = vault.state().log_of(run.id)?;
    Ok((run, log))
}

/// A run without an end was killed, unless one is running now.
fn ended(client: &Client, mut runs: Vec<Run>) -> Vec<Run> {
    if !client.is_backing_up() {
        for run in runs.iter_mut().filter(|run| run.state == RunState::Running) {
            run.state = RunState::Failed("interrupted".to_owned());
        }
    }
    runs
}

/// `runs`: newest first.
fn one(runs: Vec<Run>, typed: &str) -> Result<Run, Error> {
    let mut found = runs;
    match IdPrefix::of(typed) {
        Some(prefix) => found.retain(|run| prefix.begins(run.id)),
        None => found.truncate(usize::from(typed == "latest")),
    }
    match (found.pop(), found.len()) {
        (Some(run), 0) => Ok(run),
        (Some(_), others) => Err(Error::new(
            ErrorKind::Ambiguous,
            text!("{number} runs begin with {typed}", number = others + 1, typed),
            "nothing was changed",
            "give more digits of the id",
        )),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            text!("there is no run {typed}", typed),
            "nothing was changed",
            "give `latest`, or at least four digits of an id from `sealkeep runs`",
        )),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::{BackupId, SnapshotId, SourceId};

    use super::*;
    use crate::ops::{client::tests::signed_in, schedule::Schedule, sources};

    #[test]
    fn a_run_is_found_by_the_beginning_of_its_id() {
        let run = |byte: u8, last: u8| {
            let mut id = [byte; 16];
            id[15] = last;
            Run {
                id: BackupId::from_bytes(id),
                source: "shop".into(),
                kind: "postgres".into(),
                state: RunState::Committed,
                started_at: 1,
                ended_at: None,
                bytes_read: None,
                snapshot: None,
            }
        };
        let runs = vec![run(0xaa, 1), run(0xbb, 2), run(0xbb, 3)];
        let found = |typed: &str| one(runs.clone(), typed).map(|run| run.id.as_bytes()[15]);
        assert_eq!(found("latest").unwrap(), 1);
        assert_eq!(found("AAAA").unwrap(), 1);
        assert_eq!(found("aaaaaaaa-aaaa").unwrap(), 1);
        assert_eq!(found("bbbb").unwrap_err().kind(), ErrorKind::Ambiguous);
        assert_eq!(found(&runs[1].id.to_string()).unwrap(), 2);
        for typed in ["aaa", "shop", "", "cccc"] {
            assert_eq!(found(typed).unwrap_err().kind(), ErrorKind::NotFound, "{typed}");
        }
        assert_eq!(one(Vec::new(), "latest").unwrap_err().kind(), ErrorKind::NotFound);
    }

    fn listed(runs: &[Run]) -> Vec<(String, RunState)> {
        runs.iter().map(|run| (run.source.clone(), run.state.clone())).collect()
    }

    #[test]
    fn runs_are_listed_by_source_and_result_and_a_killed_one_has_failed() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        let failed = |why: &str| RunState::Failed(why.to_owned());
        {
            let vault = client.open().unwrap();
            for (number, name) in [(1, "shop"), (2, "ledger"), (3, "shop"), (4, "shop")] {
                let run = BackupId::from_bytes([number; 16]);
                let source = SourceId::from_bytes([2; 16]);
                vault.state().start_run(run, source, name, "postgres", i64::from(number)).unwrap();
                match number {
                    1 => vault.state().finish_run(run, SnapshotId::new([5; 32]), 7, 9).unwrap(),
                    2 => vault.state().fail_run(run, "dump_failed", 7, 9).unwrap(),
                    _ => {}
                }
            }
        }
        let all = Wanted { limit: 10, ..Wanted::default() };
        let shop = |state| ("shop".to_owned(), state);
        let runs = list(&client, &all).unwrap();
        assert_eq!(
            listed(&runs),
            [
                shop(failed("interrupted")),
                shop(failed("interrupted")),
                ("ledger".to_owned(), failed("dump_failed")),
                shop(RunState::Committed),
            ]
        );
        assert_eq!(list(&client, &Wanted { limit: 1, ..all.clone() }).unwrap(), runs[..1]);
        let wanted = Wanted { failed: true, source: Some("ledger".to_owned()), ..all.clone() };
        assert_eq!(list(&client, &wanted).unwrap(), runs[2..3]);
        assert!(
            list(&client, &Wanted { source: Some("Shop".to_owned()), ..all.clone() }).unwrap().is_empty()
        );
        // While a backup runs, the newest may be it.
        let lock = client.lock_for_backup().unwrap();
        let running = list(&client, &all).unwrap();
        assert_eq!((&running[0].state, &running[1].state), (&RunState::Running, &failed("interrupted")));
        assert_eq!(log(&client, "latest").unwrap().0.state, RunState::Running);
        drop(lock);

        let entry = LogEntry { at: 1, kind: LogKind::Stage, text: "reading the source".to_owned() };
        client.open().unwrap().state().log(runs[3].id, &entry).unwrap();
        assert_eq!(log(&client, "0101").unwrap(), (runs[3].clone(), vec![entry]));
        assert_eq!(log(&client, "latest").unwrap(), (runs[0].clone(), Vec::new()));
        assert_eq!(log(&client, "shop").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_runs_of_a_source_are_those_since_it_was_added_under_any_of_its_names() {
        let source = SavedSource {
            id: uuid::Uuid::from_u128(1),
            name: "shop".into(),
            address: sources::Address::parse("postgres://h/shop").unwrap(),
            schedule: Schedule::Manual,
            created: 100,
            former: vec![sources::Former { name: "store".into(), place: "h:5432/shop".into() }],
        };
        let run = |name: &str, kind: &str, started_at| Run {
            id: BackupId::from_bytes([1; 16]),
            source: name.into(),
            kind: kind.into(),
            state: RunState::Committed,
            started_at,
            ended_at: None,
            bytes_read: None,
            snapshot: None,
        };
        let is = |name: &str, kind: &str, at| is_of(&source, &run(name, kind, at), 1000);
        assert!(is("shop", "postgres", 100) && is("store", "postgres", 100));
        assert!(!is("shop", "postgres", 99) && !is("shop", "file", 100) && !is("ledger", "postgres", 100));
        let late = SavedSource { created: 1000 + AHEAD + 1, ..source.clone() };
        assert_eq!((added(&late, 1000), added(&source, 1000)), (0, 100));
    }
}
