//! Decides whether two backups under one name are of the same source.

use crate::{
    format::snapshot::{Kinship, Origin, SnapshotBody, place_of},
    text,
    text::Text,
};

/// How the source last backed up under a name relates to the current one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The same.
    Same,
    /// Recreated under its name in the same cluster, or indistinguishable: continues with a warning.
    Probably(Text),
    /// It looks like the same database but may be a copy of it.
    MayBeCopy,
    /// A different source.
    Different,
}

/// `made`: when the last backup was created, seconds since 1970.
pub(super) fn judge(
    before: &SnapshotBody,
    made: i64,
    now: &Origin,
    place: &str,
    here: bool,
    chosen: bool,
) -> Judgement {
    if let Some(path) = &now.path {
        // If the user chose the name, dumps of one source may have many paths. A bare path belongs to one machine.
        let same = before.origin.path.as_ref() == Some(path) && here;
        return if chosen || same { Judgement::Same } else { Judgement::Different };
    }
    let judged = judge_databases((&before.origin, place_of(&before.source_detail)), (now, place));
    if judged == Judgement::Same && is_another_server(&before.origin, made, now) {
        return Judgement::Probably(text!(
            "its server is not the one that the last backup of this name saw; after a failover that is expected, otherwise back it up under another --name"
        ));
    }
    judged
}

/// Not a restart: the server was already running when another one was backed up. The clocks may differ by five
/// minutes.
fn is_another_server(before: &Origin, made: i64, now: &Origin) -> bool {
    let started = |origin: &Origin| origin.database.as_ref().and_then(|database| database.started);
    match (started(before), started(now)) {
        (Some(before), Some(now)) => before != now && now / 1_000_000 + 300 < made,
        _ => false,
    }
}

/// Standard input has a name chosen by the user, and files were judged when they were backed up: same source.
pub(super) fn judge_databases(
    (old, old_place): (&Origin, &str),
    (new, new_place): (&Origin, &str),
) -> Judgement {
    let same_place = old_place == new_place;
    match (&old.database, &new.database) {
        (Some(old), Some(new)) => match old.compare(new) {
            Kinship::Same => Judgement::Same,
            // A restart, or a standby that took over the address. A tunnel that now leads to a clone has the same
            // address, too, but usually another directory.
            Kinship::MayBeCopy if same_place && old.may_share_directory(new) => Judgement::Same,
            Kinship::MayBeCopy => Judgement::MayBeCopy,
            Kinship::Different if old.is_same_name_in_cluster(new) => {
                Judgement::Probably(text!("the database was recreated since the last backup under this name"))
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
        Judgement::Probably(text!(
            "the server does not say which database this is; its address is that of the last backup"
        ))
    } else {
        Judgement::Different
    }
}

/// Whether a newer snapshot is of the same source as an older one of the same name and kind.
pub(super) fn is_carried_on(older: &SnapshotBody, newer: &SnapshotBody) -> bool {
    let (old, new) = (place_of(&older.source_detail), place_of(&newer.source_detail));
    let judged = judge_databases((&older.origin, old), (&newer.origin, new));
    newer.origin.carries_on || matches!(judged, Judgement::Same | Judgement::Probably(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::snapshot::DatabaseIdentity;

    /// `started`: seconds.
    fn database(cluster: Option<i64>, oid: u32, started: i64) -> Origin {
        let database = DatabaseIdentity {
            system_identifier: cluster,
            oid,
            name: "shop".into(),
            address: None,
            port: None,
            started: Some(started * 1_000_000),
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
        // A restart keeps the address; a copy has another one.
        let later = database(Some(1), 5, 8);
        assert_eq!(judged(&known, "db1:5432/shop", &later, "db1:5432/shop"), Judgement::Same);
        assert_eq!(judged(&known, "db1:5432/shop", &later, "db2:5432/shop"), Judgement::MayBeCopy);
        // Another cluster at the same address: a tunnel that now leads elsewhere.
        let other = database(Some(2), 5, 9);
        assert_eq!(
            judged(&known, "localhost:5433/shop", &other, "localhost:5433/shop"),
            Judgement::Different
        );
        // Recreated.
        let anew = database(Some(1), 6, 7);
        assert!(matches!(judged(&known, "a", &anew, "b"), Judgement::Probably(_)));
        // A server that reveals nothing is recognized by its address, as before.
        let silent = Origin::default();
        assert!(matches!(judged(&known, "a", &silent, "a"), Judgement::Probably(_)));
        assert_eq!(judged(&known, "a", &silent, "b"), Judgement::Different);
        assert_eq!(judged(&known, "a", &database(None, 5, 9), "b"), Judgement::Different);
    }

    #[test]
    fn a_clone_behind_the_same_address_is_not_taken_for_a_restart() {
        let at = |started, directory: Option<&str>| {
            let mut origin = database(Some(1), 5, started);
            if let Some(database) = &mut origin.database {
                database.data_directory = directory.map(str::to_owned);
            }
            origin
        };
        let place = "localhost:5433/shop";
        let known = at(1_000, Some("/var/lib/a"));
        for (now, expected) in [
            (at(9_000, Some("/var/lib/a")), Judgement::Same),
            (at(9_000, None), Judgement::Same),
            (at(9_000, Some("/var/lib/b")), Judgement::MayBeCopy),
        ] {
            assert_eq!(judged(&known, place, &now, place), expected);
        }
        // Created at 5,000: a server that was started earlier and not seen then is another one.
        for (started, another) in
            [(1_000, false), (2_000, true), (4_600, true), (4_800, false), (9_000, false)]
        {
            assert_eq!(is_another_server(&known, 5_000, &at(started, None)), another, "{started}");
        }
    }

    #[test]
    fn the_place_precedes_the_server_version() {
        assert_eq!(place_of("db1:5432/shop (PostgreSQL 15.18)"), "db1:5432/shop");
        assert_eq!(place_of("db1:5432/odd (PostgreSQL x) (PostgreSQL 15.18)"), "db1:5432/odd (PostgreSQL x)");
        assert_eq!(place_of("db1:3306/shop (MySQL 8.4.1-log)"), "db1:3306/shop");
        for file in ["/var/dumps/shop.dump", "/var/dumps/shop (1)", "/var/dumps/shop (last one)"] {
            assert_eq!(place_of(file), file);
        }
    }
}
