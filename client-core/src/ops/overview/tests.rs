//! What the overview says of saved and unsaved sources.
#![expect(clippy::unwrap_used, reason = "tests")]

use api_types::{ObjectId, Sha256};
use uuid::Uuid;

use api_types::RunId;

use super::*;
use crate::{
    format::snapshot::{DatabaseIdentity, Origin},
    ops::{runs::RunKind, schedule::Schedule, sources},
};

const HOUR: i64 = 3600;
const HERE: DeviceId = DeviceId::from_bytes([3; 16]);

fn source(name: &str, schedule: Schedule) -> SavedSource {
    let address = sources::Address::parse("postgres://ada@h/shop").unwrap();
    SavedSource {
        id: Uuid::new_v4(),
        name: name.into(),
        address,
        schedule,
        created: 100 * HOUR,
        scheduled: 0,
        former: Vec::new(),
    }
}

fn snapshot(name: &str, created: i64) -> SnapshotSummary {
    SnapshotSummary {
        id: ObjectId::new([1; 32]),
        source: name.into(),
        kind: "postgres".into(),
        place: "h:5432/shop".into(),
        origin: Origin::default(),
        created,
        bytes: 1,
        bytes_stored: 1,
        sha256: Sha256::new([2; 32]),
        device: DeviceId::from_bytes([3; 16]),
        device_name: "laptop".into(),
        tool: "pg_dump".into(),
        format: "pg_dump SQL".into(),
        verified_end: true,
        marks: Vec::new(),
        proven: None,
    }
}

fn run(name: &str, state: RunState, started_at: i64) -> Run {
    Run {
        id: RunId::from_bytes([7; 16]),
        kind: RunKind::Backup,
        source: Some(name.into()),
        source_kind: Some("postgres".into()),
        target: None,
        state,
        started_at,
        ended_at: None,
        bytes_read: None,
        snapshot: None,
    }
}

fn one(schedule: Schedule, snapshots: &[i64], runs: &[Run], now: i64) -> Protection {
    let stored = snapshots.iter().map(|at| snapshot("shop", *at)).collect();
    assess(vec![source("shop", schedule)], stored, runs, HERE, now, &TimeZone::UTC)[0].protection
}

#[test]
fn a_source_is_overdue_after_its_time_and_some_tolerance() {
    assert_eq!(one(Schedule::Hour, &[], &[], 100 * HOUR), Protection::Never);
    assert_eq!(one(Schedule::Hour, &[200 * HOUR], &[], 201 * HOUR + 60), Protection::Current);
    assert_eq!(one(Schedule::Hour, &[200 * HOUR], &[], 203 * HOUR), Protection::Overdue);
    assert_eq!(one(Schedule::Manual, &[200 * HOUR], &[], 9000 * HOUR), Protection::Current);
}

#[test]
fn a_failure_counts_until_something_succeeds() {
    let failed = run("shop", RunState::Failed("dump_failed".into()), 210 * HOUR);
    let cancelled = run("shop", RunState::Failed("cancelled".into()), 210 * HOUR);
    let other = run("other", RunState::Failed("dump_failed".into()), 210 * HOUR);
    let at = 211 * HOUR;
    assert_eq!(one(Schedule::Manual, &[200 * HOUR], std::slice::from_ref(&failed), at), Protection::Failing);
    assert_eq!(one(Schedule::Manual, &[], std::slice::from_ref(&failed), at), Protection::Failing);
    assert_eq!(one(Schedule::Manual, &[211 * HOUR], &[failed], at), Protection::Current);
    assert_eq!(one(Schedule::Manual, &[200 * HOUR], &[cancelled, other], at), Protection::Current);
}

#[test]
fn a_failed_source_says_when_it_is_tried_again() {
    let failed = run("shop", RunState::Failed("dump_failed".into()), 210 * HOUR);
    let at = 210 * HOUR + 60;
    let found = |schedule, runs: &[Run], at| {
        let stored = vec![snapshot("shop", 200 * HOUR)];
        let found = assess(vec![source("shop", schedule)], stored, runs, HERE, at, &TimeZone::UTC);
        (found[0].due, found[0].attempt)
    };
    let due = Some(201 * HOUR);
    let failed = [failed];
    assert_eq!(found(Schedule::Hour, &failed, at), (due, Some(210 * HOUR + 900)));
    assert_eq!(found(Schedule::Manual, &failed, at), (None, None));
    assert_eq!(found(Schedule::Hour, &[], at), (due, None));
}

#[test]
fn a_failed_restore_is_no_failed_backup() {
    let mut failed = run("shop", RunState::Failed("exists".into()), 210 * HOUR);
    failed.kind = RunKind::Restore;
    let stored = vec![snapshot("shop", 209 * HOUR)];
    let saved = vec![source("shop", Schedule::Manual)];
    let found = assess(saved, stored, &[failed], HERE, 211 * HOUR, &TimeZone::UTC);
    assert_eq!((found[0].protection, found[0].failures.len()), (Protection::Current, 0));
    assert!(found[0].failure.is_none());
}

#[test]
fn failures_of_a_year_are_reported_even_after_a_success() {
    let failed = |name: &str, hour: i64| run(name, RunState::Failed("dump_failed".into()), hour * HOUR);
    let cancelled = run("shop", RunState::Failed("cancelled".into()), 9995 * HOUR);
    // Newest first; 8904 hours are 53 weeks.
    let runs =
        [cancelled, failed("shop", 9990), failed("other", 9980), failed("shop", 1100), failed("shop", 1000)];
    let stored = vec![snapshot("shop", 9999 * HOUR)];
    let saved = vec![source("shop", Schedule::Manual)];
    let found = assess(saved, stored, &runs, HERE, 10_000 * HOUR, &TimeZone::UTC);
    assert_eq!(found[0].failures, [9990 * HOUR, 1100 * HOUR]);
    assert_eq!(found[0].protection, Protection::Current);
}

#[test]
fn days_are_missed_that_neither_a_snapshot_nor_a_run_covers_since_the_schedule_was_set() {
    let nightly = Schedule::Day { hour: 2, minute: 0 };
    let night = |day: i64| (day * 24 + 2) * HOUR;
    let saved = SavedSource { scheduled: night(9), ..source("shop", nightly) };
    let stored = vec![snapshot("shop", night(10)), snapshot("shop", night(13))];
    let runs = [run("shop", RunState::Done, night(12)), run("other", RunState::Done, night(11))];
    let of = |saved: SavedSource| {
        assess(vec![saved], stored.clone(), &runs, HERE, night(14), &TimeZone::UTC)[0].missed.clone()
    };
    assert_eq!(of(saved.clone()), [night(11)]);
    // Added at four in the morning of the fifth day.
    let earlier: Vec<i64> = (5..10).chain([11]).map(night).collect();
    assert_eq!(of(SavedSource { scheduled: 0, ..saved }), earlier);
}

#[test]
fn what_other_devices_back_up_is_shown_too() {
    let found = assess(
        vec![source("shop", Schedule::Manual)],
        vec![snapshot("elsewhere", 5), snapshot("shop", 4), snapshot("shop", 3)],
        &[],
        HERE,
        6,
        &TimeZone::UTC,
    );
    let names: Vec<_> =
        found.iter().map(|s| (s.name.as_str(), s.saved.is_some(), s.snapshots.len())).collect();
    assert_eq!(names, [("shop", true, 2), ("elsewhere", false, 1)]);
}

fn of(cluster: i64, place: &str, created: i64) -> SnapshotSummary {
    let database = DatabaseIdentity {
        system_identifier: Some(cluster),
        oid: 5,
        name: "shop".into(),
        address: None,
        port: None,
        started: Some(cluster),
        data_directory: None,
    };
    let origin = Origin { database: Some(database), ..Origin::default() };
    SnapshotSummary { origin, place: place.into(), ..snapshot("shop", created) }
}

fn shown(snapshots: Vec<SnapshotSummary>) -> Vec<(bool, Protection, usize)> {
    assess(vec![source("shop", Schedule::Hour)], snapshots, &[], HERE, 200 * HOUR + 60, &TimeZone::UTC)
        .into_iter()
        .map(|s| (s.saved.is_some(), s.protection, s.snapshots.len()))
        .collect()
}

#[test]
fn a_green_light_is_never_lit_by_another_databases_backup() {
    // The card is for h:5432/shop; the newest snapshot of that name is of another server's shop.
    let other = || of(2, "other:5432/shop", 200 * HOUR);
    assert_eq!(shown(vec![other()]), [(true, Protection::Never, 0), (false, Protection::Current, 1)]);
    let own = of(1, "h:5432/shop", 150 * HOUR);
    assert_eq!(
        shown(vec![other(), own.clone()]),
        [(true, Protection::Overdue, 1), (false, Protection::Current, 1)]
    );
    // Once confirmed, it continues the source; a different spelling of the address is the same source.
    let mut confirmed = other();
    confirmed.origin.carries_on = true;
    assert_eq!(shown(vec![confirmed, own.clone()]), [(true, Protection::Current, 2)]);
    assert_eq!(shown(vec![of(1, "alias:5432/shop", 200 * HOUR), own]), [(true, Protection::Current, 2)]);
    // "localhost" on another machine is another database.
    let card = SavedSource {
        address: sources::Address::parse("postgres://localhost/shop").unwrap(),
        ..source("shop", Schedule::Hour)
    };
    let mut elsewhere = of(3, "localhost:5432/shop", 200 * HOUR);
    elsewhere.device = DeviceId::from_bytes([9; 16]);
    let found = assess(vec![card], vec![elsewhere], &[], HERE, 200 * HOUR, &TimeZone::UTC);
    assert_eq!((found[0].protection, found.len()), (Protection::Never, 2));
}

#[test]
fn an_edited_source_keeps_its_history_and_gets_nobody_elses() {
    let former = |name: &str, place: &str| sources::Former { name: name.into(), place: place.into() };
    let card = SavedSource {
        name: "store".into(),
        address: sources::Address::parse("postgres://ada@new/shop").unwrap(),
        former: vec![former("shop", "h:5432/shop")],
        ..source("shop", Schedule::Manual)
    };
    let mut elsewhere = of(2, "h:5432/shop", 150 * HOUR);
    elsewhere.device = DeviceId::from_bytes([9; 16]);
    let stored = vec![
        SnapshotSummary { source: "store".into(), ..of(1, "new:5432/shop", 190 * HOUR) },
        of(1, "h:5432/shop", 180 * HOUR),
        elsewhere,
    ];
    let found = assess(vec![card], stored, &[], HERE, 200 * HOUR, &TimeZone::UTC);
    let created: Vec<Vec<i64>> =
        found.iter().map(|s| s.snapshots.iter().map(|s| s.created).collect()).collect();
    assert_eq!(created, [vec![190 * HOUR, 180 * HOUR], vec![150 * HOUR]]);
}
