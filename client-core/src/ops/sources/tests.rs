//! Saved sources: names, former names, changes and removal.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{device::tests::sample, ops::client::tests::offline};

pub(super) fn client(home: &std::path::Path) -> Client {
    let client = offline(home);
    client.keystore().put(&sample()).unwrap();
    client
}

pub(super) fn source(name: &str, address: &str) -> SavedSource {
    let address = Address::parse(address).unwrap();
    let schedule = Schedule::Day { hour: 2, minute: 0 };
    SavedSource {
        id: Uuid::new_v4(),
        name: name.into(),
        address,
        schedule,
        created: 1,
        scheduled: 0,
        former: Vec::new(),
    }
}

#[test]
fn passwords_come_back_and_are_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let url = "postgres://ada:hunter299@db.example.com:5433/shop?sslmode=require";
    save(&client, source(" shop ", url)).unwrap();
    save(&client, source("shop", "/var/dumps/shop.dump")).unwrap();
    let sources = list(&client).unwrap();
    assert_eq!(sources[0].name, "shop");
    assert_eq!(sources[0].address.shown(), "postgres://ada@db.example.com:5433/shop");
    assert_eq!(sources[0].address.exposed(), url);
    assert_eq!(sources[1].address.shown(), "/var/dumps/shop.dump");

    forget(&client, sources[0].id).unwrap();
    assert_eq!(get(&client, sources[0].id).err().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(list(&client).unwrap().len(), 1);
}

#[test]
fn one_name_is_one_history() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let mut first = source("shop", "postgres://a@h/x");
    save(&client, first.clone()).unwrap();
    let error = save(&client, source("shop", "postgres://a@h/y")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Exists);
    first.schedule = Schedule::Hour;
    save(&client, first).unwrap();
    assert_eq!(list(&client).unwrap()[0].schedule, Schedule::Hour);
    assert_eq!(save(&client, source("  ", "/x")).err().unwrap().kind(), ErrorKind::Usage);
}

#[test]
fn an_edit_changes_what_it_names_and_keeps_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let first = source("shop", "postgres://ada:hunter299@db1:5432/shop?sslmode=require");
    let id = first.id;
    save(&client, first.clone()).unwrap();
    save(&client, source("ledger", "postgres://ada@db1/ledger")).unwrap();
    let address = |text| Edit { address: Some(text), ..Edit::default() };

    // A rotated password: nothing else changes, and the history is the same.
    edit(&client, id, address("postgres://ada:neu@db1:5432/shop?sslmode=require")).unwrap();
    let now = get(&client, id).unwrap();
    assert_eq!(now.address.exposed(), "postgres://ada:neu@db1:5432/shop?sslmode=require");
    assert_eq!((&now.name, now.schedule, now.created), (&first.name, first.schedule, first.created));
    assert!(now.former.is_empty());

    // Another database of that server, with the password unchanged; the former place stays in its history.
    edit(&client, id, address("postgres://ada@db1:5432/shop2?sslmode=require")).unwrap();
    let now = get(&client, id).unwrap();
    assert_eq!(now.address.exposed(), "postgres://ada@db1:5432/shop2?sslmode=require&password=neu");
    assert_eq!(now.former, [Former { name: "shop".into(), place: "db1:5432/shop".into() }]);

    edit(&client, id, Edit { name: Some(" store "), ..Edit::default() }).unwrap();
    let now = get(&client, id).unwrap();
    assert_eq!((now.name.as_str(), now.former_names()), ("store", vec!["shop".to_owned()]));
    assert_eq!(now.address.exposed(), "postgres://ada@db1:5432/shop2?sslmode=require&password=neu");

    // A password never goes to another server or user.
    edit(&client, id, address("postgres://ada@db2:5432/shop2")).unwrap();
    assert_eq!(get(&client, id).unwrap().address.exposed(), "postgres://ada@db2:5432/shop2");

    for (wrong, kind) in [
        (Edit { name: Some("ledger"), ..Edit::default() }, ErrorKind::Exists),
        (Edit { name: Some(" "), ..Edit::default() }, ErrorKind::Usage),
        (address("/var/dumps/shop.dump"), ErrorKind::Usage),
        (address("postgres://h:99999/x"), ErrorKind::Usage),
    ] {
        assert_eq!(edit(&client, id, wrong).err().unwrap().kind(), kind, "{wrong:?}");
    }
    assert_eq!(get(&client, id).unwrap().name, "store");
    assert_eq!(edit(&client, Uuid::new_v4(), Edit::default()).err().unwrap().kind(), ErrorKind::NotFound);
    // Another source's name: what was stored so far is not its history.
    rename(&client, id, "copy".into()).unwrap();
    assert!(get(&client, id).unwrap().former.is_empty());
}

#[test]
fn a_name_that_a_source_had_before_stays_its_own() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let first = source("shop", "postgres://ada@db1/shop");
    save(&client, first.clone()).unwrap();
    let named = |name| Edit { name: Some(name), ..Edit::default() };
    edit(&client, first.id, named("store")).unwrap();

    let other = source("shop", "postgres://ada@db1/other");
    let error = save(&client, other).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert_eq!(error.happened(), "store was called shop before");
    let other = source("ledger", "postgres://ada@db1/other");
    save(&client, other.clone()).unwrap();
    for taken in ["shop", "store", " shop "] {
        assert_eq!(edit(&client, other.id, named(taken)).err().unwrap().kind(), ErrorKind::Exists);
        assert_eq!(rename(&client, other.id, taken.into()).err().unwrap().kind(), ErrorKind::Exists);
    }
    // Another kind of source has other snapshots, and the source itself can have it back.
    save(&client, source("shop", "/var/dumps/shop.dump")).unwrap();
    edit(&client, first.id, named("shop")).unwrap();
    let now = get(&client, first.id).unwrap();
    assert_eq!(now.former_names(), ["store"]);
    assert!(now.is_named("shop") && now.is_named("store") && !now.is_named("Shop"));
    // A source that starts anew leaves its names to others.
    rename(&client, first.id, "new".into()).unwrap();
    edit(&client, other.id, named("store")).unwrap();
}

#[test]
fn a_name_has_1_to_80_characters_and_a_schedule_exists() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    for (name, valid) in [
        ("", false),
        (" \t\n", false),
        (&*"é".repeat(MAX_NAME), true),
        (&*format!(" {} ", "🐘".repeat(MAX_NAME)), true),
        (&*"x".repeat(MAX_NAME + 1), false),
        ("50 % \"off\" $HOME", true),
    ] {
        let saved = save(&client, source(name, "postgres://h/x"));
        assert_eq!(saved.as_ref().err().map(Error::kind), (!valid).then_some(ErrorKind::Usage), "{name}");
    }
    let id = list(&client).unwrap()[0].id;
    let schedule = Schedule::Day { hour: 24, minute: 0 };
    assert_eq!(set_schedule(&client, id, schedule).err().unwrap().kind(), ErrorKind::Usage);
    assert_eq!(get(&client, id).unwrap().schedule, Schedule::Day { hour: 2, minute: 0 });
}

#[test]
fn a_schedule_is_in_force_from_when_it_was_changed() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let before = client.now();
    let saved = source("shop", "postgres://h/x");
    save(&client, saved.clone()).unwrap();
    set_schedule(&client, saved.id, saved.schedule).unwrap();
    assert_eq!(get(&client, saved.id).unwrap().scheduled, 0);
    set_schedule(&client, saved.id, Schedule::Hour).unwrap();
    let changed = get(&client, saved.id).unwrap();
    assert!(changed.scheduled >= before && changed.created == 1);
    edit(&client, saved.id, Edit { name: Some("store"), ..Edit::default() }).unwrap();
    assert_eq!(get(&client, saved.id).unwrap().scheduled, changed.scheduled);
}

#[test]
fn a_new_source_gets_the_name_that_its_address_suggests() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let parsed = |text| Address::parse(text).unwrap();
    assert_eq!(add(&client, None, parsed("postgres://ada@h/shop")).unwrap().name, "shop");
    assert_eq!(add(&client, None, parsed("/d/legacy shop.sql")).unwrap().name, "legacy shop");
    let named = add(&client, Some(" books ".into()), parsed("postgres://ada@h/shop")).unwrap();
    assert_eq!((named.name.as_str(), named.schedule), ("books", Schedule::Manual));
    let again = add(&client, None, parsed("postgres://ada@other/shop"));
    assert_eq!(again.err().unwrap().kind(), ErrorKind::Exists);
    assert_eq!(list(&client).unwrap().len(), 3);
}

#[test]
fn an_edit_back_and_forth_keeps_each_former_name_and_place_once() {
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let first = source("shop", "postgres://ada:hunter299@db1/shop");
    save(&client, first.clone()).unwrap();
    for _ in 0..3 {
        for (name, address) in [("store", "postgres://ada@db1/store"), ("shop", "postgres://ada@db1/shop")] {
            edit(&client, first.id, Edit { name: Some(name), address: Some(address) }).unwrap();
        }
    }
    let now = get(&client, first.id).unwrap();
    let former: Vec<(&str, &str)> =
        now.former.iter().map(|former| (former.name.as_str(), former.place.as_str())).collect();
    assert_eq!(former, [("shop", "db1:5432/shop"), ("store", "db1:5432/store")]);
    assert_eq!(now.former_names(), ["store"]);
    assert!(now.address.exposed().ends_with("password=hunter299"), "through every edit");
    assert!(!format!("{:?}", now.former).contains("hunter299"));
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    const TIMES: usize = 20;
    let home = tempfile::tempdir().unwrap();
    let client = client(home.path());
    let kept = source("shop", "postgres://ada@h/shop");
    save(&client, kept.clone()).unwrap();
    std::thread::scope(|scope| {
        for writer in ["a", "b"] {
            let (client, id) = (&client, kept.id);
            scope.spawn(move || {
                for at in 0..TIMES {
                    save(client, source(&format!("{writer}{at}"), "postgres://ada@h/x")).unwrap();
                    if writer == "a" {
                        set_schedule(client, id, Schedule::Hour).unwrap();
                    } else {
                        let password = format!("postgres://ada:p{at}@h/shop");
                        edit(client, id, Edit { address: Some(&password), ..Edit::default() }).unwrap();
                    }
                }
            });
        }
    });
    let sources = list(&client).unwrap();
    assert_eq!(sources.len(), 1 + 2 * TIMES);
    assert_eq!(sources[0].schedule, Schedule::Hour);
    assert_eq!(sources[0].address.exposed(), format!("postgres://ada:p{}@h/shop", TIMES - 1));
}
