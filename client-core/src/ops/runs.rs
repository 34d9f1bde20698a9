//! The backup attempts on this device, their results and their logs. Needs no network.

use super::{Client, select::MIN_DIGITS, sources::SavedSource};
use crate::error::{Error, ErrorKind};
pub use crate::state::{LogEntry, LogKind, Run, RunState};

/// All runs that are kept.
const ALL: u32 = 10_000;

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
    let mut runs = recent(client, most)?;
    runs.retain(|run| is_of(source, run));
    Ok(runs)
}

/// Whether a run was of this source. Runs before it was added may belong to another source of that name.
pub(super) fn is_of(source: &SavedSource, run: &Run) -> bool {
    source.is_named(&run.source) && run.kind == source.address.kind() && run.started_at >= source.created
}

/// The wanted runs, newest first. A run that was killed is listed as failed: `interrupted`.
///
/// # Errors
/// Same as [`recent`].
pub fn list(client: &Client, wanted: &Wanted) -> Result<Vec<Run>, Error> {
    let mut runs = ended(client, recent(client, ALL)?);
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
    let run = one(ended(client, vault.state().runs(ALL)?), typed)?;
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
    let prefix = typed.to_ascii_lowercase().replace('-', "");
    let is_id = prefix.len() >= MIN_DIGITS && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    let wanted = |run: &Run| run.id.to_string().replace('-', "").starts_with(&prefix);
    let mut found: Vec<Run> = if typed == "latest" {
        runs.into_iter().take(1).collect()
    } else if is_id {
        runs.into_iter().filter(wanted).collect()
    } else {
        Vec::new()
    };
    match (found.pop(), found.len()) {
        (Some(run), 0) => Ok(run),
        (Some(_), others) => Err(Error::new(
            ErrorKind::Ambiguous,
            format!("{} runs begin with {typed}", others + 1),
            "nothing was changed",
            "give more digits of the id",
        )),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no run {typed}"),
            "nothing was changed",
            "give `latest`, or at least four digits of an id from `sealkeep runs`",
        )),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::BackupId;

    use super::*;

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
}
