//! One name is one source: a database or file that is not the one which had the name so far is found before its dump.

use api_types::SourceId;

use super::{OpenVault, list::SnapshotSummary};
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::{Kinship, Origin, SnapshotBody},
    source::Prepared,
};

/// How a source comes by its name, and what a person said about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// Somebody chose the name; otherwise it is the database's or the file's own.
    pub(super) chosen: bool,
    /// Somebody confirmed that this source carries on the one that had the name.
    pub(super) confirmed: bool,
}

/// What was backed up under a name so far, and what wants to be now.
#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    /// The same.
    Same,
    /// Made anew under its name in the same cluster, or not to be told apart: it goes on, with a word.
    Probably(&'static str),
    /// It has the marks of the same database, but may be a copy of it.
    MayBeCopy,
    /// Another one.
    Different,
}

/// # Errors
/// [`ErrorKind::OtherSource`] when another source has the name.
pub(super) async fn check(
    vault: &OpenVault,
    source: SourceId,
    name: &str,
    prepared: &Prepared,
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
    match judge(&before, prepared.origin(), prepared.place(), here, claim.chosen) {
        Judgement::Same => Ok(None),
        Judgement::Probably(remark) => Ok(Some(remark)),
        Judgement::MayBeCopy | Judgement::Different if claim.confirmed => Ok(None),
        Judgement::MayBeCopy => Err(refused(
            name,
            &before,
            &format!("{} has the same identifiers, and may be a copy of it", prepared.place()),
        )),
        Judgement::Different => Err(refused(name, &before, &format!("this is {}", prepared.place()))),
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

/// Where a snapshot's source was, from its detail.
pub(super) fn place_of(detail: &str) -> &str {
    detail.rsplit_once(" (PostgreSQL ").map_or(detail, |(place, _)| place)
}

fn judge(before: &SnapshotBody, now: &Origin, place: &str, here: bool, chosen: bool) -> Judgement {
    if let Some(path) = &now.path {
        // Whoever chose the name may keep dumps of one source under many paths. A path alone is one machine's.
        let same = before.origin.path.as_ref() == Some(path) && here;
        return if chosen || same { Judgement::Same } else { Judgement::Different };
    }
    judge_databases((&before.origin, place_of(&before.source_detail)), (now, place))
}

/// Standard input has the name that somebody chose, and files were judged when they were backed up: these are one.
fn judge_databases((old, old_place): (&Origin, &str), (new, new_place): (&Origin, &str)) -> Judgement {
    let same_place = old_place == new_place;
    match (&old.database, &new.database) {
        (Some(old), Some(new)) => match old.compare(new) {
            Kinship::Same => Judgement::Same,
            // A restart, or a standby that took over where clients look for the server.
            Kinship::MayBeCopy if same_place => Judgement::Same,
            Kinship::MayBeCopy => Judgement::MayBeCopy,
            Kinship::Different if old.is_same_name_in_cluster(new) => {
                Judgement::Probably("the database was made anew since the last backup of this name")
            }
            Kinship::Different => Judgement::Different,
            Kinship::Unknown => unknown(same_place),
        },
        (None, None) if old.properties.is_none() && new.properties.is_none() => Judgement::Same,
        _ => unknown(same_place),
    }
}

fn unknown(same_place: bool) -> Judgement {
    if same_place {
        Judgement::Probably(
            "the server does not say which database this is; its address is that of the last backup",
        )
    } else {
        Judgement::Different
    }
}

/// Whether a newer snapshot of one name and kind is of the source that the older one is of.
pub(super) fn carries_on(older: &SnapshotSummary, newer: &SnapshotSummary) -> bool {
    let judged = judge_databases((&older.origin, &older.place), (&newer.origin, &newer.place));
    newer.origin.carries_on || matches!(judged, Judgement::Same | Judgement::Probably(_))
}

/// As [`carries_on`].
pub(super) fn is_carried_on(older: &SnapshotBody, newer: &SnapshotBody) -> bool {
    let (old, new) = (place_of(&older.source_detail), place_of(&newer.source_detail));
    let judged = judge_databases((&older.origin, old), (&newer.origin, new));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::snapshot::DatabaseIdentity;

    fn database(cluster: Option<i64>, oid: u32, started: i64) -> Origin {
        let database = DatabaseIdentity {
            system_identifier: cluster,
            oid,
            name: "shop".into(),
            address: None,
            port: None,
            started: Some(started),
            data_directory: None,
        };
        Origin { database: Some(database), ..Origin::default() }
    }

    fn judged(old: &Origin, old_place: &str, new: &Origin, new_place: &str) -> Judgement {
        judge_databases((old, old_place), (new, new_place))
    }

    #[test]
    fn a_database_keeps_its_name_through_a_restart_and_shares_it_with_none() {
        let known = database(Some(1), 5, 7);
        assert_eq!(judged(&known, "db1:5432/shop", &known, "localhost:5432/shop"), Judgement::Same);
        // A restart keeps the place; a copy has another one.
        let later = database(Some(1), 5, 8);
        assert_eq!(judged(&known, "db1:5432/shop", &later, "db1:5432/shop"), Judgement::Same);
        assert_eq!(judged(&known, "db1:5432/shop", &later, "db2:5432/shop"), Judgement::MayBeCopy);
        // Another cluster at the same place: a tunnel that leads elsewhere today.
        let other = database(Some(2), 5, 9);
        assert_eq!(
            judged(&known, "localhost:5433/shop", &other, "localhost:5433/shop"),
            Judgement::Different
        );
        // Made anew.
        let anew = database(Some(1), 6, 7);
        assert!(matches!(judged(&known, "a", &anew, "b"), Judgement::Probably(_)));
        // A server that says nothing is known by its place, as before.
        let silent = Origin::default();
        assert!(matches!(judged(&known, "a", &silent, "a"), Judgement::Probably(_)));
        assert_eq!(judged(&known, "a", &silent, "b"), Judgement::Different);
        assert_eq!(judged(&known, "a", &database(None, 5, 9), "b"), Judgement::Different);
    }

    #[test]
    fn the_place_is_what_stands_before_the_server_version() {
        assert_eq!(place_of("db1:5432/shop (PostgreSQL 15.18)"), "db1:5432/shop");
        assert_eq!(place_of("db1:5432/odd (PostgreSQL x) (PostgreSQL 15.18)"), "db1:5432/odd (PostgreSQL x)");
        assert_eq!(place_of("/var/dumps/shop.dump"), "/var/dumps/shop.dump");
    }
}
