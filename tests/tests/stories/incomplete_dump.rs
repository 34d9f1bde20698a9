//! A dump that dies midway never becomes a snapshot.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    time::{Duration, Instant},
};

use e2e::{Device, Postgres, Stage, data, device::text, files, until, within};
use rustix::process::Signal;

/// The command's `pg_dump` once it is connected to the server; before that, it may only have been asked for its
/// version.
fn pg_dump_of(parent: u32, postgres: &Postgres) -> u32 {
    let find = || {
        fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (head, tail) = stat.rsplit_once(')')?;
            let ppid: u32 = tail.split_whitespace().nth(1)?.parse().ok()?;
            // Right after fork it still has the parent's name.
            let found = ppid == parent && head.ends_with("(pg_dump");
            found.then(|| head.split_whitespace().next().unwrap().parse().unwrap())
        })
    };
    let mut found = None;
    until("pg_dump", || {
        found = (postgres.dumps_running(true).unwrap() > 0).then(find).flatten();
        found.is_some()
    })
    .unwrap();
    found.unwrap()
}

/// Waits until `pg_dump` sends the large table; it cannot finish soon, because the upload is slow.
fn midway(postgres: &Postgres) {
    let sql = "select count(*) from pg_stat_activity where query ilike 'copy public.noise%'";
    until("the large table", || postgres.sql("postgres", sql).unwrap() != "0").unwrap();
}

fn slow_backup(device: &Device, postgres: &Postgres, database: &str) -> e2e::Running {
    device.backup(postgres, database).arg("--limit-upload").arg("1000").start().unwrap()
}

fn no_session_is_left(postgres: &Postgres) {
    let patience = Duration::from_secs(10);
    within(patience, "the end of pg_dump's session", || postgres.dumps_running(false).unwrap() == 0).unwrap();
}

// Its own server: each part inspects and ends all of its dumps.
#[test]
fn a_dump_that_dies_is_no_snapshot() {
    let stage = Stage::shared().unwrap();
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "dying", 1).unwrap();
    // Too much for the pipeline's queues, and hard to compress, so that a slow upload blocks pg_dump.
    postgres
        .sql("dying", "create table noise (i int, hex text); alter table noise alter hex set storage external;
              insert into noise select i, (select string_agg(md5(i || '.' || j), '') from generate_series(1, 500) j) from generate_series(1, 8000) i")
        .unwrap();
    let (device, _) = stage.new_account().unwrap();

    let running = slow_backup(&device, &postgres, "dying");
    let pg_dump = pg_dump_of(running.pid(), &postgres);
    midway(&postgres);
    e2e::measure::signal(pg_dump, Signal::KILL).unwrap();
    let outcome = running.wait().unwrap();
    assert_eq!(outcome.code, 6, "{outcome}");
    assert_eq!(device.snapshots().unwrap(), [""; 0]);

    let running = slow_backup(&device, &postgres, "dying");
    pg_dump_of(running.pid(), &postgres);
    // The program exists before its session does.
    until("pg_dump's session", || postgres.end_dumps().unwrap() > 0).unwrap();
    let outcome = running.wait().unwrap();
    assert_eq!(outcome.code, 6, "{outcome}");
    assert_eq!(device.snapshots().unwrap(), [""; 0]);

    for signal in [Signal::INT, Signal::TERM] {
        let running = slow_backup(&device, &postgres, "dying");
        pg_dump_of(running.pid(), &postgres);
        midway(&postgres);
        let asked = Instant::now();
        running.signal(signal).unwrap();
        let outcome = running.wait().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(10), "{signal:?} took {:?}", asked.elapsed());
        assert_eq!(outcome.code, 130, "{outcome}");
        no_session_is_left(&postgres);
        assert_eq!(device.snapshots().unwrap(), [""; 0]);
    }

    device.backup(&postgres, "dying").ok().unwrap();
    assert_eq!(device.snapshots().unwrap().len(), 1);
}

#[test]
fn a_dump_without_its_end_is_refused() {
    let stage = Stage::shared().unwrap();
    data::fill(&stage.postgres, "cut_short", 3).unwrap();
    let (device, _) = stage.new_account().unwrap();
    let custom = device.desk().join("custom");
    stage.postgres.dump("cut_short", &custom).unwrap();
    let plain =
        e2e::measure::run(stage.postgres.tool("pg_dump").unwrap().args(["-d", "cut_short"])).unwrap().stdout;
    for (taken, (name, bytes)) in
        [("custom.dump", fs::read(&custom).unwrap()), ("plain.sql", plain)].into_iter().enumerate()
    {
        for keep in [bytes.len() / 2, bytes.len() - 200] {
            fs::write(device.desk().join(name), &bytes[..keep]).unwrap();
            device.call(["backup", "--file", name]).refused(6).unwrap();
            device.backup_bytes(name, &bytes[..keep]).refused(6).unwrap();
            assert_eq!(device.snapshots().unwrap().len(), taken, "{name}, {keep} of {} bytes", bytes.len());
        }
        // The control: a complete one is accepted.
        fs::write(device.desk().join(name), &bytes).unwrap();
        let report = device.call(["backup", "--file", name]).ok().unwrap();
        assert_eq!(text(&report, "sha256").unwrap(), files::sha256_of(&bytes));
    }
    assert_eq!(device.snapshots().unwrap().len(), 2);
}

#[test]
fn the_same_name_twice_is_two_contents() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let contents = [files::noise(1, 700_000), files::noise(2, 700_000)];
    let ids: Vec<String> = contents
        .iter()
        .map(|bytes| {
            let report = device.backup_bytes("nightly", bytes).ok().unwrap();
            text(&report, "snapshot_id").unwrap().to_owned()
        })
        .collect();
    for (id, bytes) in ids.iter().zip(&contents) {
        assert!(&device.restore_bytes(id).unwrap() == bytes);
    }
    assert!(device.restore_bytes("latest").unwrap() == contents[1]);
}
