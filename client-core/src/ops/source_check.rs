//! One name means one source: a different database or file under a known name is detected before it is dumped.

use api_types::SourceId;

use super::{
    OpenVault,
    list::SnapshotSummary,
    source_match::{Judgement, judge, judge_databases},
};
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::{SnapshotBody, place_of},
    shell::quoted,
    source::Origin,
    text,
    text::Text,
};

/// Where a source's name comes from, and what the user confirmed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// The user chose the name; otherwise it is the database's or file's own.
    pub(super) chosen: bool,
    /// The user confirmed that this source continues the one that had the name.
    pub(super) confirmed: bool,
}

/// `sources`: of this name, and of the names that the source had before it was edited.
///
/// # Errors
/// [`ErrorKind::OtherSource`] if another source has the name.
pub(super) async fn check(
    vault: &OpenVault,
    sources: &[SourceId],
    name: &str,
    (origin, place): (&Origin, &str),
    claim: Claim,
) -> Result<Option<Text>, Error> {
    let newest = vault.history().snapshots().iter().rev().find(|s| sources.contains(&s.envelope.source));
    let Some(newest) = newest else { return Ok(None) };
    let before = match vault.body(newest).await {
        Ok(before) => before,
        // A damaged snapshot must not prevent new ones.
        Err(error) => {
            tracing::warn!(%error, "the last snapshot of this source could not be compared");
            return Ok(Some(text!(
                "the last snapshot with this name could not be read, so the sources were not compared"
            )));
        }
    };
    let here = newest.envelope.device == vault.device_id();
    match judge(&before, newest.envelope.created, origin, place, here, claim.chosen) {
        Judgement::Same => Ok(None),
        Judgement::Probably(remark) => Ok(Some(remark)),
        Judgement::MayBeCopy | Judgement::Different if claim.confirmed => Ok(None),
        Judgement::MayBeCopy => Err(refused(
            name,
            &before,
            text!("{place} has the same identifiers, and may be a copy of it", place),
        )),
        Judgement::Different => Err(refused(name, &before, text!("this is {place}", place))),
    }
}

fn refused(name: &str, before: &SnapshotBody, now: Text) -> Error {
    Error::new(
        ErrorKind::OtherSource,
        text!(
            "\"{name}\" has been backed up from {place} so far; {now}",
            name,
            place = place_of(&before.source_detail),
            now
        ),
        "no snapshot was created: you could not tell two sources under one name apart when restoring",
        format!(
            "give it another name (--name {}), or confirm with --same-source that it continues \"{name}\"",
            quoted(&format!("{name}-2"))
        ),
    )
}

/// Whether a newer snapshot is of the same source as an older one of the same name and kind.
pub(super) fn carries_on(older: &SnapshotSummary, newer: &SnapshotSummary) -> bool {
    let judged = judge_databases((&older.origin, &older.place), (&newer.origin, &newer.place));
    newer.origin.carries_on || matches!(judged, Judgement::Same | Judgement::Probably(_))
}

/// Groups the snapshots of one name and kind, newest first, by source; the newest snapshot's source comes first. Two
/// devices that never synced can have given one name to two databases.
pub(super) fn by_source(snapshots: Vec<SnapshotSummary>) -> Vec<Vec<SnapshotSummary>> {
    let mut sources: Vec<Vec<SnapshotSummary>> = Vec::new();
    for snapshot in snapshots.into_iter().rev() {
        let known = sources
            .iter()
            .rposition(|source| source.last().is_some_and(|older| carries_on(older, &snapshot)));
        // Move the source that this snapshot continues to the end: the list is in order of newest snapshot.
        let mut source = known.map_or_else(Vec::new, |at| sources.remove(at));
        source.push(snapshot);
        sources.push(source);
    }
    sources.reverse();
    sources.iter_mut().for_each(|source| source.reverse());
    sources
}
