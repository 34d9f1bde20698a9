//! The backups, restores and verifications of this device, their results and their logs. Needs no network.

use super::{Client, select::IdPrefix, sources::SavedSource};
pub use crate::state::{KEPT, LogEntry, LogKind, Run, RunKind, RunState, RunTarget};
use crate::{
    error::{Error, ErrorKind},
    state::{RunLock, StateDb},
    text,
};

/// A time this far in the future was written under a clock that was wrong, seconds.
pub(super) const AHEAD: i64 = 3600;

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of the source with this name.
    pub source: Option<String>,
    /// Only of this kind.
    pub kind: Option<RunKind>,
    /// Only failed ones.
    pub failed: bool,
    /// At most this many.
    pub limit: usize,
}

/// The backups, newest first, at most `most` entries. One without an end may be running or interrupted.
///
/// # Errors
/// The local state cannot be read.
pub fn backups(client: &Client, most: u32) -> Result<Vec<Run>, Error> {
    Ok(client.open()?.state().runs(Some(RunKind::Backup), most)?)
}

/// The runs of this source since it was added, newest first, out of the last `most` entries.
///
/// # Errors
/// Same as [`backups`].
pub fn of_source(client: &Client, source: &SavedSource, most: u32) -> Result<Vec<Run>, Error> {
    let (mut runs, now) = (ended(client, client.open()?.state(), None, most)?, client.now());
    runs.retain(|run| is_of(source, run, now));
    Ok(runs)
}

/// Whether a run was of this source. Runs before it was added may belong to another source of that name. A restore that
/// failed early knows only the name.
fn is_of(source: &SavedSource, run: &Run, now: i64) -> bool {
    run.source.as_deref().is_some_and(|name| source.is_named(name))
        && run.source_kind.as_deref().is_none_or(|kind| kind == source.address.kind())
        && run.started_at >= added(source, now)
}

/// Whether a run backed up this source. Only such runs count for its schedule.
pub(super) fn is_backup_of(source: &SavedSource, run: &Run, now: i64) -> bool {
    run.kind == RunKind::Backup && is_of(source, run, now)
}

/// When the source was added: long ago, if only a wrong clock can have said so.
pub(super) const fn added(source: &SavedSource, now: i64) -> i64 {
    if source.created > now + AHEAD { 0 } else { source.created }
}

/// The wanted runs, newest first. A run that was killed is listed as failed: `interrupted`.
///
/// # Errors
/// Same as [`backups`].
pub fn list(client: &Client, wanted: &Wanted) -> Result<Vec<Run>, Error> {
    let mut runs = ended(client, client.open()?.state(), wanted.kind, KEPT)?;
    runs.retain(|run| {
        wanted.source.as_ref().is_none_or(|name| run.source.as_ref() == Some(name))
            && (!wanted.failed || matches!(run.state, RunState::Failed(_)))
    });
    runs.truncate(wanted.limit);
    Ok(runs)
}

/// The run with this id, whose id begins so, or the `latest`, and its log. The log is empty for an old run.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`], or as [`backups`].
pub fn log(client: &Client, typed: &str) -> Result<(Run, Vec<LogEntry>), Error> {
    let vault = client.open()?;
    let run = one(ended(client, vault.state(), None, KEPT)?, typed)?;
    let log = vault.state().log_of(run.id)?;
    Ok((run, log))
}

/// Newest first. A run without an end was killed, unless a process still works on it.
fn ended(client: &Client, state: &StateDb, kind: Option<RunKind>, most: u32) -> Result<Vec<Run>, Error> {
    let is_dead = |run: &Run| run.state == RunState::Running && !RunLock::is_held(client.home(), run.id);
    let mut runs = state.runs(kind, most)?;
    let dead: Vec<_> = runs.iter().filter(|run| is_dead(run)).map(|run| run.id).collect();
    if !dead.is_empty() {
        // A run may have ended between the two looks: it records its end before it lets go of its lock.
        runs = state.runs(kind, most)?;
        for run in runs.iter_mut().filter(|run| run.state == RunState::Running && dead.contains(&run.id)) {
            run.state = RunState::Failed("interrupted".to_owned());
        }
    }
    Ok(runs)
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
    use api_types::{RunId, SnapshotId};

    use super::*;
    use crate::{
        ops::{client::tests::signed_in, schedule::Schedule, sources},
        state::NewRun,
    };

    /// A backup of `source` that is done.
    fn backup(id: [u8; 16], source: &str, source_kind: &str, started_at: i64) -> Run {
        Run {
            id: RunId::from_bytes(id),
            kind: RunKind::Backup,
            source: Some(source.into()),
            source_kind: Some(source_kind.into()),
            target: None,
            state: RunState::Done,
            started_at,
            ended_at: None,
            bytes_read: None,
            snapshot: None,
        }
    }

    #[test]
    fn a_run_is_found_by_the_beginning_of_its_id() {
        let run = |byte: u8, last: u8| {
            let mut id = [byte; 16];
            id[15] = last;
            backup(id, "shop", "postgres", 1)
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
        runs.iter().map(|run| (run.source.clone().unwrap_or_default(), run.state.clone())).collect()
    }

    #[test]
    fn runs_are_listed_by_source_and_result_and_a_killed_one_has_failed() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        let failed = |why: &str| RunState::Failed(why.to_owned());
        {
            let vault = client.open().unwrap();
            for (number, name) in [(1, "shop"), (2, "ledger"), (3, "shop"), (4, "shop")] {
                let run = RunId::from_bytes([number; 16]);
                let kind = if number == 3 { RunKind::Restore } else { RunKind::Backup };
                let about = NewRun { id: run, kind, source: Some(name), source_kind: None, target: None };
                vault.state().start_run(&about, i64::from(number)).unwrap();
                match number {
                    1 => vault.state().finish_run(run, Some(SnapshotId::new([5; 32])), 7, 9).unwrap(),
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
                shop(RunState::Done),
            ]
        );
        assert_eq!(list(&client, &Wanted { limit: 1, ..all.clone() }).unwrap(), runs[..1]);
        let wanted = Wanted { failed: true, source: Some("ledger".to_owned()), ..all.clone() };
        assert_eq!(list(&client, &wanted).unwrap(), runs[2..3]);
        assert!(
            list(&client, &Wanted { source: Some("Shop".to_owned()), ..all.clone() }).unwrap().is_empty()
        );
        assert_eq!(
            list(&client, &Wanted { kind: Some(RunKind::Restore), ..all.clone() }).unwrap(),
            runs[1..2]
        );
        // What a process works on is running, whichever it is.
        let lock = RunLock::take(home.path(), runs[1].id).unwrap();
        let running = list(&client, &all).unwrap();
        assert_eq!((&running[0].state, &running[1].state), (&failed("interrupted"), &RunState::Running));
        assert_eq!(log(&client, "0303").unwrap().0.state, RunState::Running);
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
            scheduled: 0,
            former: vec![sources::Former { name: "store".into(), place: "h:5432/shop".into() }],
        };
        let run = |name: &str, kind: &str, at| backup([1; 16], name, kind, at);
        let is = |name: &str, kind: &str, at| is_of(&source, &run(name, kind, at), 1000);
        assert!(is("shop", "postgres", 100) && is("store", "postgres", 100));
        assert!(!is("shop", "postgres", 99) && !is("shop", "file", 100) && !is("ledger", "postgres", 100));
        // A restore is a run of the source, and none of its backups. One that failed early knows less.
        let restore = Run { kind: RunKind::Restore, source_kind: None, ..run("shop", "", 100) };
        assert!(is_of(&source, &restore, 1000) && !is_backup_of(&source, &restore, 1000));
        assert!(is_backup_of(&source, &run("shop", "postgres", 100), 1000));
        assert!(!is_of(&source, &Run { source: None, ..restore }, 1000));
        let late = SavedSource { created: 1000 + AHEAD + 1, ..source.clone() };
        assert_eq!((added(&late, 1000), added(&source, 1000)), (0, 100));
    }
}
