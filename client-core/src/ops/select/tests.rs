//! Ids, names and days that select a snapshot.
#![expect(clippy::unwrap_used, reason = "tests")]

use api_types::{DeviceId, HeadHash, Sha256, SourceId, VaultId, envelope::SnapshotEnvelope};
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Selector {
    Selector::parse(text, None).unwrap()
}

fn latest(source: &str) -> Selector {
    Selector::Latest { source: Some(source.to_owned()) }
}

fn of(source: &str, day: Date) -> Selector {
    Selector::OfDay { source: source.to_owned(), day }
}

#[test]
fn a_snapshot_is_named_by_its_id_or_by_source_and_time() {
    assert_eq!(parsed("latest"), Selector::Latest { source: None });
    assert_eq!(parsed("3F9a"), Selector::Id("3f9a".to_owned()));
    assert_eq!(parsed("shop@latest"), latest("shop"));
    assert_eq!(parsed("shop@2026-11-20"), of("shop", date(2026, 11, 20)));
    let with_source = Selector::parse("shop@latest", Some("shop".to_owned())).unwrap();
    assert_eq!(with_source, latest("shop"));
    let other = Selector::parse("shop@latest", Some("ledger".to_owned())).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Usage);
    assert!(other.happened().contains("`ledger`"), "{}", other.happened());
}

#[test]
fn only_the_last_at_sign_separates_and_only_before_a_time() {
    assert_eq!(parsed("ada@example.com@latest"), latest("ada@example.com"));
    assert_eq!(parsed("a@2026-11-20@2026-11-21"), of("a@2026-11-20", date(2026, 11, 21)));
    assert_eq!(parsed("shop@latest@latest"), latest("shop@latest"));
    for text in [
        "ada@example.com",
        "shop@",
        "@latest",
        "@2026-11-20",
        "shop@Latest",
        "shop@2026-11-31",
        "shop@20261120",
        "shop@2026-11-20T10:00",
        "shop@2026-11",
        "3f9",
        "shop",
        "",
    ] {
        assert_eq!(Selector::parse(text, None).unwrap_err().kind(), ErrorKind::Usage, "{text}");
    }
}

#[test]
fn a_day_is_the_local_one() {
    let zone = |hours| TimeZone::fixed(jiff::tz::offset(hours));
    // 2026-11-20T22:00:00Z
    let at = 1_795_212_000;
    assert_eq!(day_of(at, &zone(1)), Some(date(2026, 11, 20)));
    assert_eq!(day_of(at, &zone(2)), Some(date(2026, 11, 21)));
    assert_eq!(day_of(i64::MAX, &zone(0)), None);
}

#[test]
fn a_day_without_a_snapshot_names_its_neighbours() {
    let days = [date(2026, 11, 3), date(2026, 11, 25), date(2026, 11, 18), date(2026, 11, 21)];
    let next = |day| none_on("shop", day, days.into_iter()).next_step().to_owned();
    assert_eq!(next(date(2026, 11, 20)), "the nearest days with one: `shop@2026-11-18`, `shop@2026-11-21`");
    assert_eq!(next(date(2026, 11, 1)), "the nearest days with one: `shop@2026-11-03`");
    assert_eq!(next(date(2026, 12, 1)), "the nearest days with one: `shop@2026-11-25`");
    assert_eq!(none_on("shop", date(2026, 12, 1), days.into_iter()).kind(), ErrorKind::NotFound);
}

#[test]
fn several_sources_are_named() {
    let sources = ["ledger", "shop"].map(str::to_owned).into();
    let error = several_sources(&sources);
    assert_eq!(error.next_step(), "choose one: `ledger@latest`, `shop@latest`");
    let error = name_a_source(&sources);
    assert_eq!(error.next_step(), "add one of: `--source ledger`, `--source shop`");
    assert!(name_a_source(&BTreeSet::new()).next_step().contains("sealkeep status"));
}

#[test]
fn an_id_needs_no_source() {
    let refused = Selector::parse("3f9a", Some("shop".to_owned())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert!(refused.happened().contains("`3f9a`"), "{}", refused.happened());
}

proptest! {
    #[test]
    fn any_name_can_stand_before_the_time(name in "\\PC+", day in 1_i8..=28, month in 1_i8..=12) {
        prop_assert_eq!(parsed(&format!("{name}@latest")), latest(&name));
        let day = date(2026, month, day);
        prop_assert_eq!(parsed(&format!("{name}@{day}")), of(&name, day));
    }
}

/// `begin`: the first digits of its id.
fn snapshot(begin: &str, created: i64) -> ListedSnapshot {
    let mut id = [0; 32];
    hex::decode_to_slice(format!("{begin:0<64}"), &mut id).unwrap();
    let envelope = SnapshotEnvelope {
        vault: VaultId::from_bytes([1; 16]),
        source: SourceId::from_bytes([2; 16]),
        device: DeviceId::from_bytes([3; 16]),
        sequence: 0,
        previous: HeadHash::new([0; 32]),
        body_hash: Sha256::new([0; 32]),
        body_len: 1,
        pack_set_hash: Sha256::new([0; 32]),
        epoch: 1,
        created,
        directory_len: 1,
        directory_hash: Sha256::new([0; 32]),
        heads_hash: Sha256::new([0; 32]),
    };
    ListedSnapshot { id: SnapshotId::new(id), envelope, head_hash: HeadHash::new([0; 32]) }
}

#[test]
fn a_snapshot_is_found_by_the_beginning_of_its_id() {
    let snapshots = [snapshot("3f9a00", 1), snapshot("3f9a01", 2), snapshot("beef", 3)];
    let found = |prefix: &str| by_prefix(&snapshots, prefix).map(|found| found.envelope.created);
    assert_eq!(found("beef").unwrap(), 3);
    assert_eq!(found("3f9a01").unwrap(), 2);
    assert_eq!(found(&snapshots[0].id.to_string()).unwrap(), 1);
    let error = found("3f9a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.happened().ends_with("begin with 3f9a: 3f9a00000000, 3f9a01000000"), "{error:?}");
    assert_eq!(found("dead").unwrap_err().kind(), ErrorKind::NotFound);
    // Of many, enough are named, with digits that tell them apart.
    let many: Vec<ListedSnapshot> = (0..20).map(|n| snapshot(&format!("abcd{n:08}"), 1)).collect();
    let error = by_prefix(&many, "abcd").unwrap_err();
    assert!(error.happened().starts_with("20 snapshots") && error.happened().ends_with(", …"), "{error:?}");
    assert_eq!(error.happened().matches("abcd000000").count(), MAX_NAMED);
}

#[test]
fn the_snapshots_of_a_day_are_those_between_its_midnights() {
    // 2026-11-20T22:00:00Z
    let at = 1_795_212_000;
    let snapshots = [at + 7200, at + 7199, at - 79_200, at - 79_201].map(|at| snapshot("ab", at));
    let named: Vec<&ListedSnapshot> = snapshots.iter().collect();
    let day = |day| of_day("shop", &named, day, &TimeZone::UTC);
    let times = |day_of_month| -> Vec<i64> {
        day(date(2026, 11, day_of_month)).unwrap().iter().map(|s| s.envelope.created).collect()
    };
    assert_eq!(times(21), [at + 7200]);
    assert_eq!(times(20), [at + 7199, at - 79_200], "newest first");
    assert_eq!(times(19), [at - 79_201]);
    assert_eq!(day(date(2026, 11, 22)).unwrap_err().kind(), ErrorKind::NotFound);
    // A day on which the clocks change has 25 hours.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let midnight = date(2026, 10, 25).to_zoned(berlin.clone()).unwrap().timestamp().as_second();
    let last = snapshot("ab", midnight + 25 * 3600 - 1);
    assert!(of_day("shop", &[&last], date(2026, 10, 25), &berlin).is_ok());
    let nothing = of_day("shop", &[], date(2026, 10, 25), &berlin).unwrap_err();
    assert!(nothing.next_step().contains("sealkeep snapshots"));
}

#[test]
fn an_id_with_hyphens_is_known_by_its_beginning() {
    let id = "aabbccdd-0000-4000-8000-000000000000";
    for begin in ["aabb", "AABB", "aabbccdd-0", "aabbccdd0000", "-a-a-b-b-"] {
        assert!(IdPrefix::of(begin).unwrap().begins(id), "{begin}");
        assert!(!IdPrefix::of(begin).unwrap().is(id), "{begin}");
    }
    assert!(IdPrefix::of(&id.to_uppercase()).unwrap().is(id));
    assert!(!IdPrefix::of(&format!("{id}0")).unwrap().begins(id));
    for none in ["", "aab", "a-a-b", "shop", "aabg", "ａａｂｂ", "aabb "] {
        assert!(IdPrefix::of(none).is_none(), "{none}");
    }
}

#[test]
fn a_list_in_an_error_is_bounded() {
    let names = |most: usize| (0..most).map(|number| number.to_string());
    assert_eq!(listed(names(0)), "");
    assert_eq!(listed(names(2)), "0, 1");
    assert!(listed(names(MAX_NAMED)).ends_with(", 9"));
    assert!(listed(names(MAX_NAMED + 1)).ends_with(", 9, …"));
    assert!(no_source("x", &BTreeSet::new()).next_step().contains("nothing is there yet"));
    let several = several_sources(&names(MAX_NAMED + 1).collect());
    assert!(several.next_step().ends_with("`8@latest`, …"));
}
