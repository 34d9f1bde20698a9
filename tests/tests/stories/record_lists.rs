//! Rows of the last dump are not sent again; and whatever happens to the list needed for that, every dump comes back.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::{fs, path::PathBuf, thread, time::Duration};

use e2e::{
    Call, Device, Service, Stage, data,
    device::{list, number, text},
    files,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::Signal;

/// Approximate upload of a first backup of [`Table`], and the maximum for one of changed rows.
const MUCH: u64 = 5_000_000;
const LITTLE: u64 = 1_500_000;

struct Table {
    random: StdRng,
    rows: Vec<String>,
}

impl Table {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let rows = (0..250_000).map(|n| row(&mut random, n)).collect();
        Self { random, rows }
    }

    /// A day's work: changes one row in a hundred, anywhere.
    fn change(&mut self) {
        for (n, old) in self.rows.iter_mut().enumerate() {
            if self.random.random_ratio(1, 100) {
                *old = row(&mut self.random, n);
            }
        }
    }

    fn dump(&self) -> Vec<u8> {
        self.rows.concat().into_bytes()
    }
}

fn row(random: &mut StdRng, n: usize) -> String {
    let (a, b): (u64, u64) = (random.random(), random.random());
    format!("{n}\t{a:016x}\tcustomer number {}\t2026-11-{:02}\t{b:x}\tstill to be paid\n", b % 1000, b % 28)
}

fn sent(call: Call) -> u64 {
    number(&call.ok().unwrap(), "bytes_uploaded").unwrap()
}

fn lists(device: &Device) -> Vec<PathBuf> {
    files::walk(&device.home().join("records")).unwrap_or_default()
}

#[test]
#[ignore = "slow"]
fn the_list_may_be_lost_damaged_or_foreign() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let (stranger, _) = stage.new_account().unwrap();
    let mut table = Table::new(1);
    assert!(sent(device.backup_bytes("shop", &table.dump())) > MUCH);
    stranger.backup_bytes("shop", &table.dump()).ok().unwrap();
    device.backup_bytes("other", b"another source\n").ok().unwrap();
    let [foreign] = lists(&stranger).try_into().unwrap();
    let mut own = lists(&device);
    own.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let [other, path] = own.try_into().unwrap();
    let (before, mut kept) = (fs::read(&path).unwrap(), Vec::new());

    type Harm<'a> = (&'a str, Box<dyn Fn(Vec<u8>) -> Option<Vec<u8>>>);
    let harms: Vec<Harm<'_>> = vec![
        ("nothing happens", Box::new(Some)),
        ("deleted", Box::new(|_| None)),
        ("cut short", Box::new(|bytes| Some(bytes[..bytes.len() / 2].to_vec()))),
        ("empty", Box::new(|_| Some(Vec::new()))),
        (
            "damaged in the middle",
            Box::new(|mut bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                Some(bytes)
            }),
        ),
        ("of another vault", Box::new(move |_| Some(fs::read(&foreign).unwrap()))),
        ("of another source", Box::new(move |_| Some(fs::read(&other).unwrap()))),
        ("of a day long ago", Box::new(move |_| Some(before.clone()))),
    ];
    for (what, harm) in harms {
        match harm(fs::read(&path).unwrap()) {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        table.change();
        let dump = table.dump();
        let bytes = sent(device.backup_bytes("shop", &dump));
        println!("{what}: {bytes}");
        if what == "nothing happens" {
            assert!(bytes < LITTLE, "{what}: {bytes}");
        }
        assert!(device.restore_latest("shop").unwrap() == dump, "{what}");
        kept.push((
            text(&device.call(["snapshots"]).ok().unwrap()["snapshots"][0], "id").unwrap().to_owned(),
            dump,
        ));
        // The next list is good again. After a loss, chunks that are copies cannot be copied from once.
        for round in 0..2 {
            table.change();
            let bytes = sent(device.backup_bytes("shop", &table.dump()));
            assert!(bytes < LITTLE || round == 0, "{what}, {round} later: {bytes}");
        }
    }
    for (id, dump) in &kept {
        assert!(device.restore_bytes(id).unwrap() == *dump);
    }
    let report = device.call(["check", "--read-data"]).ok().unwrap();
    assert_eq!(list(&report, "problems").unwrap().len(), 0, "{report}");
}

#[test]
fn it_can_be_turned_off_and_rebuilt_even_elsewhere() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let mut table = Table::new(2);
    let report = device.backup_bytes("shop", &table.dump()).ok().unwrap();
    let size = number(&report, "record_list_bytes").unwrap();
    assert_eq!(number(&device.call(["status"]).ok().unwrap(), "record_lists_bytes").unwrap(), size);
    // 18 bytes per row and a little more.
    assert!((4_500_000..6_000_000).contains(&size), "{size}");

    table.change();
    assert!(sent(device.backup_bytes("shop", &table.dump()).arg("--no-record-list")) > MUCH);
    assert_eq!(lists(&device).len(), 0);
    device.call(["index", "records"]).ok().unwrap();
    assert_eq!(lists(&device).len(), 1);
    table.change();
    assert!(sent(device.backup_bytes("shop", &table.dump())) < LITTLE);

    let second = Device::new(&stage.service).unwrap();
    second.sign_in(&account).unwrap();
    second.call(["index", "records", "--source", "shop"]).ok().unwrap();
    for place in [&second, &device, &second] {
        table.change();
        let dump = table.dump();
        let bytes = sent(place.backup_bytes("shop", &dump));
        assert!(bytes < LITTLE * 2, "{bytes}");
        assert!(second.restore_latest("shop").unwrap() == dump);
        assert!(device.restore_latest("shop").unwrap() == dump);
    }
    device.call(["index", "records", "--source", "nothing"]).refused(7).unwrap();
    device.call(["check", "--read-data"]).ok().unwrap();
}

#[test]
fn two_devices_may_store_the_same_chunks_at_once_each_in_its_own_way() {
    let stage = Stage::shared().unwrap();
    let (one, account) = stage.new_account().unwrap();
    let other = Device::new(&stage.service).unwrap();
    other.sign_in(&account).unwrap();
    let mut table = Table::new(5);
    let mut days = vec![table.dump()];
    // Both have a list of the first day: the other device's chunks were already stored.
    for device in [&one, &other] {
        device.backup_bytes("shop", &days[0]).ok().unwrap();
    }
    for _ in 0..3 {
        table.change();
        let dump = table.dump();
        // Concurrently: neither knows what the other stores.
        let runs = [&one, &other].map(|device| device.backup_bytes("shop", &dump).start().unwrap());
        for run in runs {
            run.wait().unwrap().expect_ok().unwrap();
        }
        days.push(dump);
    }
    for device in [&one, &other] {
        let snapshots = device.call(["snapshots"]).ok().unwrap();
        let snapshots = list(&snapshots, "snapshots").unwrap();
        assert_eq!(snapshots.len(), 2 * days.len());
        // Newest first.
        for (at, snapshot) in snapshots.iter().rev().enumerate() {
            assert!(device.restore_bytes(text(snapshot, "id").unwrap()).unwrap() == days[at / 2], "{at}");
        }
        let report = device.call(["check", "--read-data"]).ok().unwrap();
        assert_eq!(list(&report, "problems").unwrap().len(), 0, "{report}");
    }
}

#[test]
fn a_killed_run_leaves_a_usable_list() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let mut table = Table::new(3);
    device.backup_bytes("shop", &table.dump()).ok().unwrap();
    let mut random = StdRng::seed_from_u64(4);
    // The last backup found chunks that a killed run had stored as copies. Its list does not know what they copy from,
    // so the next backup cannot copy from them.
    let mut resumed = false;
    for round in 0..12 {
        table.change();
        let dump = table.dump();
        let running = device.backup_bytes("shop", &dump).start().unwrap();
        // Any moment will do: where a kill leaves an unusable list is not known.
        thread::sleep(Duration::from_millis(random.random_range(0..1200)));
        drop(running.signal(Signal::KILL));
        let killed = running.wait().unwrap().code != 0;
        if round % 3 == 2 {
            let report = device.backup_bytes("shop", &dump).ok().unwrap();
            let [bytes, chunks, new] =
                ["bytes_uploaded", "chunks", "chunks_new"].map(|name| number(&report, name).unwrap());
            // At most three days' rows: a list never comes from an uncommitted run.
            assert!(bytes < LITTLE * 3 || resumed, "round {round}: {bytes}");
            resumed = killed && new < chunks;
            assert!(device.restore_latest("shop").unwrap() == dump, "round {round}");
            assert_eq!(lists(&device).len(), 1, "something of the killed runs was left");
        }
    }
    device.call(["check", "--read-data"]).ok().unwrap();
}

#[test]
fn a_lost_pack_names_every_snapshot_that_copies_from_it() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("ca").unwrap();
    let mut table = Table::new(5);
    let first = device.backup_bytes("shop", &table.dump()).ok().unwrap();
    table.change();
    let dump = table.dump();
    let second = device.backup_bytes("shop", &dump).ok().unwrap();
    let mut packs: Vec<_> = service.bucket().of_kind("packs").unwrap().into_iter().collect();
    packs.sort_by_key(|(_, pack)| pack.bytes().unwrap().len());
    let (victim, pack) = packs.pop().unwrap();
    pack.remove().unwrap();

    let id = text(&second, "snapshot_id").unwrap();
    let said = device.restore_to(id, "whole").refused(9).unwrap().to_string();
    assert!(said.contains(&victim[..8]), "{said}");
    let partial = device.restore_to(id, "partial").arg("--partial").go().unwrap();
    assert_eq!(partial.code, 9, "{partial}");
    let saved = fs::read(device.desk().join("partial")).unwrap();
    assert_eq!(saved.len(), dump.len());
    let mut at = 0;
    for range in list(&partial.json().unwrap(), "damaged").unwrap() {
        let (start, end) = (number(range, "start").unwrap() as usize, number(range, "end").unwrap() as usize);
        assert!(saved[at..start] == dump[at..start]);
        at = end;
    }
    assert!(saved[at..] == dump[at..]);
    let checked = device.call(["check", "--read-data"]).refused(9);
    let said = checked.map_or_else(|e| e.to_string(), |e| e.to_string());
    for snapshot in [&first, &second] {
        assert!(said.contains(&text(snapshot, "snapshot_id").unwrap()[..8]), "{said}");
    }
}

#[test]
fn a_database_whose_rows_changed_sends_them_alone() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "rows", 40).unwrap();
    let first = sent(device.backup(postgres, "rows"));
    data::change(postgres, "rows", 1.0, data::Spread::Uniform, 1).unwrap();
    let second = sent(device.backup(postgres, "rows"));
    println!("first {first}, after one row in a hundred changed {second}");
    assert!(second < first / 8, "{second} of {first}");
    device.restore_into("latest", postgres, "rows_back").ok().unwrap();
    let count = |database| postgres.sql(database, "select count(*) from orders").unwrap();
    assert_eq!(count("rows"), count("rows_back"));
}

/// The unfavorable days and their cost: a measurement, and every dump comes back.
#[test]
#[ignore = "slow"]
fn rows_that_move() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "moving", 40).unwrap();
    let first = sent(device.backup(postgres, "moving"));
    println!("first backup: {first} bytes sent");
    let days = [
        ("nothing", "select 1"),
        ("VACUUM FULL", "vacuum full"),
        (
            "rows in another order (CLUSTER)",
            "create index by_kind on events (kind, id); cluster events using by_kind",
        ),
        (
            "rows in random order",
            "create table again as select * from orders order by md5(id::text); truncate orders; insert into orders select * from again; drop table again",
        ),
        (
            "a table before the others",
            "create table aaa as select i, md5(i::text) from generate_series(1, 20000) i",
        ),
        ("a new column in every row", "alter table events add extra text default 'new'"),
    ];
    for (what, sql) in days {
        postgres.sql("moving", sql).unwrap();
        let report = device.backup(postgres, "moving").ok().unwrap();
        let bytes = number(&report, "bytes_uploaded").unwrap();
        println!(
            "{what}: {bytes} bytes sent, {:.0} % of the first backup",
            100.0 * bytes as f64 / first as f64
        );
        let id = text(&report, "snapshot_id").unwrap();
        assert_eq!(
            files::sha256_of(&device.restore_bytes(id).unwrap()),
            text(&report, "sha256").unwrap(),
            "{what}"
        );
    }
}
