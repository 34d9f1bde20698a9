//! Every source at a glance: saved here, stored, tried, due.

use std::collections::BTreeMap;

use api_types::DeviceId;
use jiff::tz::TimeZone;

use super::{
    Client, due, list,
    list::{Proven, SnapshotSummary},
    missed::{self, missed},
    runs::{self, KEPT, Run, RunState},
    select, source_check,
    sources::{self, SavedSource},
};
use crate::{error::Error, source::Source, text};

/// How far back failed attempts are reported, seconds.
const FAILURES: i64 = missed::DAYS * 86_400;

/// The state of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Its last backup is recent enough.
    Current,
    /// Nothing has been stored yet.
    Never,
    /// A backup is late.
    Overdue,
    /// The last attempt failed.
    Failing,
}

/// One source.
pub struct SourceOverview {
    /// As saved on this device; `None` if it is backed up from another device or from the command line.
    pub saved: Option<SavedSource>,
    /// Its name.
    pub name: String,
    /// `postgres`, `file` or `stdin`.
    pub kind: String,
    /// Its state.
    pub protection: Protection,
    /// Its snapshots, newest first. Also empty while the service is unreachable.
    pub snapshots: Vec<SnapshotSummary>,
    /// The last attempt on this device, if it failed and nothing has succeeded since.
    pub failure: Option<Run>,
    /// When attempts on this device failed in the last year, newest first, seconds since 1970.
    pub failures: Vec<i64>,
    /// When backups were due in the last year on days without one, and none came late, oldest first, seconds since
    /// 1970.
    pub missed: Vec<i64>,
    /// When the next backup is due, seconds since 1970.
    pub due: Option<i64>,
    /// After a failure: when the next attempt starts if the app is open, seconds since 1970.
    pub attempt: Option<i64>,
}

impl SourceOverview {
    /// The most recent backup.
    #[must_use]
    pub fn last(&self) -> Option<&SnapshotSummary> {
        self.snapshots.first()
    }

    /// When one of its snapshots was last opened or restored here.
    #[must_use]
    pub fn verified_at(&self) -> Option<i64> {
        let opened = |proven: &Proven| proven.evidence >= list::Evidence::Opened;
        self.snapshots.iter().filter_map(|s| s.proven.filter(opened)).map(|proven| proven.at).max()
    }
}

/// All sources.
pub struct Overview {
    /// Saved sources in their order, then the others by name.
    pub sources: Vec<SourceOverview>,
    /// Why the service could not be reached; only what this device knows is shown then.
    pub problem: Option<Error>,
}

/// Asks the service, and continues without it if it does not answer.
///
/// # Errors
/// Not signed in, or this device's files cannot be read.
pub async fn overview(client: &Client) -> Result<Overview, Error> {
    let saved = sources::list(client)?;
    let (list::Listing { snapshots, unreadable }, problem) = match list::snapshots(client, None).await {
        Ok(listing) => (listing, None),
        Err(error) => (list::Listing::default(), Some(error)),
    };
    let runs = runs::backups(client, KEPT)?;
    let (here, now) = (client.account()?.device, client.now());
    let mut sources = assess(saved, snapshots, &runs, here, now, &TimeZone::system());
    if problem.is_some() {
        // Without the list, "nothing stored" is unknown: only the journal counts.
        let worked = |saved: &SavedSource| {
            runs.iter().any(|run| run.state == RunState::Done && runs::is_backup_of(saved, run, now))
        };
        for source in &mut sources {
            if source.protection == Protection::Never && source.saved.as_ref().is_some_and(worked) {
                source.protection = Protection::Current;
            }
            // Other devices' backups are unknown, too.
            source.missed.clear();
        }
    }
    let problem = problem.or_else(|| damaged(&unreadable));
    Ok(Overview { sources, problem })
}

/// Snapshots that cannot be opened are reported as damage; the others are still listed.
fn damaged(unreadable: &[list::UnreadableSnapshot]) -> Option<Error> {
    let first = unreadable.first()?;
    Some(Error::damaged(text!(
        "{number} of the snapshots cannot be opened, such as {id}: {why}",
        number = unreadable.len(),
        id = select::short(first.id),
        why = first.why
    )))
}

fn assess(
    saved: Vec<SavedSource>,
    snapshots: Vec<SnapshotSummary>,
    runs: &[Run],
    here: DeviceId,
    now: i64,
    zone: &TimeZone,
) -> Vec<SourceOverview> {
    let mut named: BTreeMap<(String, String), Vec<SnapshotSummary>> = BTreeMap::new();
    for snapshot in snapshots {
        named.entry((snapshot.source.clone(), snapshot.kind.clone())).or_default().push(snapshot);
    }
    let mut stored: BTreeMap<(String, String), Vec<Vec<SnapshotSummary>>> =
        named.into_iter().map(|(name, snapshots)| (name, source_check::by_source(snapshots))).collect();
    let mut found = Vec::new();
    for source in saved {
        let kind = source.address.kind();
        let reached = source.address.source().ok();
        let mut snapshots = Vec::new();
        for name in std::iter::once(source.name.clone()).chain(source.former_names()) {
            let Some(stored) = stored.get_mut(&(name.clone(), kind.to_owned())) else { continue };
            let is_own = |s: &SnapshotSummary| {
                (name == source.name && is_of(s, reached.as_deref(), here)) || was_of(s, &source, here)
            };
            if let Some(own) = stored.iter().position(|of| of.iter().any(is_own)) {
                snapshots.extend(stored.remove(own));
            }
        }
        snapshots.sort_by_key(|s| std::cmp::Reverse(s.created));
        let last = snapshots.first().map(|s| s.created);
        let ended = || {
            runs.iter()
                .filter(|run| runs::is_backup_of(&source, run, now))
                .filter(|run| run.state != RunState::Running)
        };
        let failed = |run: &&Run| matches!(&run.state, RunState::Failed(why) if why != "cancelled");
        let failure = ended()
            .next()
            .filter(failed)
            .filter(|run| last.is_none_or(|last| run.started_at > last))
            .cloned();
        let failures =
            ended().filter(failed).map(|run| run.started_at).filter(|at| *at > now - FAILURES).collect();
        let backups: Vec<i64> = snapshots
            .iter()
            .map(|s| s.created)
            .chain(
                runs.iter()
                    .filter(|run| run.state == RunState::Done && runs::is_backup_of(&source, run, now))
                    .map(|run| run.started_at),
            )
            .collect();
        let since = runs::added(&source, now).max(source.scheduled);
        let missed = missed(source.schedule, since, &backups, now, zone);
        let due = source.schedule.next(last.unwrap_or(runs::added(&source, now)), zone);
        let attempt = failure.as_ref().and_then(|_| due::attempt(&source, runs, now, zone));
        let protection = if failure.is_some() {
            Protection::Failing
        } else if last.is_none() {
            Protection::Never
        } else if due.is_some_and(|due| due + source.schedule.patience() < now) {
            Protection::Overdue
        } else {
            Protection::Current
        };
        found.push(SourceOverview {
            name: source.name.clone(),
            kind: kind.to_owned(),
            saved: Some(source),
            protection,
            snapshots,
            failure,
            failures,
            missed,
            due,
            attempt,
        });
    }
    for ((name, kind), stored) in stored {
        found.extend(stored.into_iter().map(|snapshots| SourceOverview {
            saved: None,
            name: name.clone(),
            kind: kind.clone(),
            protection: Protection::Current,
            snapshots,
            failure: None,
            failures: Vec::new(),
            missed: Vec::new(),
            due: None,
            attempt: None,
        }));
    }
    found
}

/// Whether a snapshot belongs to the source saved here: one name may have been given to two sources. A file, or a
/// database on "localhost", backed up by another machine is that machine's.
fn is_of(snapshot: &SnapshotSummary, source: Option<&dyn Source>, here: DeviceId) -> bool {
    source.map_or(snapshot.device == here, |source| {
        source.may_be_at(&snapshot.place) && (!source.is_local() || snapshot.device == here)
    })
}

/// Whether this device made it of the source before the source was edited.
fn was_of(snapshot: &SnapshotSummary, source: &SavedSource, here: DeviceId) -> bool {
    snapshot.device == here
        && source.former.iter().any(|former| former.name == snapshot.source && former.place == snapshot.place)
}

#[cfg(test)]
mod tests;
