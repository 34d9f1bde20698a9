//! One name is one source: a database or file that is not the one which had the name so far is found before its dump.

use api_types::SourceId;

use super::{
    OpenVault,
    kinship::{Judgement, judge, judge_databases},
    list::SnapshotSummary,
};
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::{SnapshotBody, place_of},
    source::Origin,
};

/// How a source comes by its name, and what a person said about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// Somebody chose the name; otherwise it is the database's or the file's own.
    pub(super) chosen: bool,
    /// Somebody confirmed that this source carries on the one that had the name.
    pub(super) confirmed: bool,
}

/// # Errors
/// [`ErrorKind::OtherSource`] when another source has the name.
pub(super) async fn check(
    vault: &OpenVault,
    source: SourceId,
    name: &str,
    (origin, place): (&Origin, &str),
    claim: Claim,
) -> Result<Option<&'static str>, Error> {
    let newest = vault.history().snapshots().iter().rev().find(|s| s.envelope.source == source);
    let Some(newest) = newest else { return Ok(None) };
    let before = match vault.body(newest).await {
        Ok(before) => before,
        // A damaged snapshot is no reason to make no further one.
        Err(error) => {
            tracing::warn!(%error, "the last snapshot of this source could not be compared");
            return Ok(Some("the last snapshot of this name cannot be read, so it was not compared"));
        }
    };
    let here = newest.envelope.device == vault.device_id();
    match judge(&before, newest.envelope.created, origin, place, here, claim.chosen) {
        Judgement::Same => Ok(None),
        Judgement::Probably(remark) => Ok(Some(remark)),
        Judgement::MayBeCopy | Judgement::Different if claim.confirmed => Ok(None),
        Judgement::MayBeCopy => {
            Err(refused(name, &before, &format!("{place} has the same identifiers, and may be a copy of it")))
        }
        Judgement::Different => Err(refused(name, &before, &format!("this is {place}"))),
    }
}

fn refused(name: &str, before: &SnapshotBody, now: &str) -> Error {
    Error::new(
        ErrorKind::OtherSource,
        format!("\"{name}\" has been backed up from {} so far; {now}", place_of(&before.source_detail)),
        "no snapshot was made: two sources under one name could not be told apart at a restore",
        format!(
            "give it another name (--name {name}-2), or confirm with --same-source that it carries on \"{name}\""
        ),
    )
}

/// Whether a newer snapshot of one name and kind is of the source that the older one is of.
pub(super) fn carries_on(older: &SnapshotSummary, newer: &SnapshotSummary) -> bool {
    let judged = judge_databases((&older.origin, &older.place), (&newer.origin, &newer.place));
    newer.origin.carries_on || matches!(judged, Judgement::Same | Judgement::Probably(_))
}

/// The snapshots of one name and kind, newest first, by the source that they are of; the source of the newest comes
/// first. Two devices that never met can have given one name to two databases.
pub(super) fn by_source(snapshots: Vec<SnapshotSummary>) -> Vec<Vec<SnapshotSummary>> {
    let mut sources: Vec<Vec<SnapshotSummary>> = Vec::new();
    for snapshot in snapshots.into_iter().rev() {
        let known = sources
            .iter()
            .rposition(|source| source.last().is_some_and(|older| carries_on(older, &snapshot)));
        // The one that was carried on last stands last.
        let mut source = known.map_or_else(Vec::new, |at| sources.remove(at));
        source.push(snapshot);
        sources.push(source);
    }
    sources.reverse();
    sources.iter_mut().for_each(|source| source.reverse());
    sources
}
