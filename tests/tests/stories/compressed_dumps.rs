//! Compressed dumps: stored as their content, restored to the same bytes, small the next day; incomplete ones are
//! refused.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use e2e::{
    Device, Postgres, Stage, data,
    data::Spread,
    device::{list, number, text},
    files,
};
use serde_json::Value;

const MEGABYTES: u64 = 40;

fn pg_dump(postgres: &Postgres, database: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = postgres.tool("pg_dump").unwrap();
    let made = command.args(arguments).arg("--dbname").arg(postgres.url(database)).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn through(program: &str, arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    let writer = thread::spawn(move || stdin.write_all(&bytes));
    let made = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(made.status.success());
    made.stdout
}

fn gzip(bytes: &[u8], level: &str) -> Vec<u8> {
    through("gzip", &["-c", "-n", level], bytes)
}

/// Backs up and restores; returns the report.
fn keep(device: &Device, name: &str, dump: &[u8]) -> Value {
    let report = device.backup_bytes(name, dump).ok().unwrap();
    assert_eq!(text(&report, "sha256").unwrap(), files::sha256_of(dump));
    assert_eq!(number(&report, "bytes_read").unwrap(), dump.len() as u64);
    assert!(device.restore_latest(name).unwrap() == dump, "{name}");
    report
}

#[test]
#[ignore = "slow"]
fn compressed_dumps_are_as_small_the_next_day_as_others() {
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "shop", MEGABYTES).unwrap();
    // Large objects, each compressed separately within an archive.
    postgres
        .sql("shop", "SELECT count(lo_from_bytea(0, convert_to(repeat(md5(n::text), n), 'UTF8'))) FROM generate_series(1, 300) n")
        .unwrap();
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let dumps = || {
        let plain = pg_dump(&postgres, "shop", &[]);
        [
            ("custom uncompressed", pg_dump(&postgres, "shop", &["-Fc", "-Z0"]), 0),
            ("custom", pg_dump(&postgres, "shop", &["-Fc"]), 301),
            ("custom -Z1", pg_dump(&postgres, "shop", &["-Fc", "-Z1"]), 301),
            ("gzip", gzip(&plain, "-6"), 1),
            ("gzip -1", gzip(&plain, "-1"), 1),
        ]
    };
    let first = dumps().map(|(name, dump, streams)| {
        let report = keep(&device, name, &dump);
        let unwrapped = &report["unwrapped"];
        println!("{name}, {} bytes: {unwrapped}, {} sent", dump.len(), report["bytes_uploaded"]);
        assert!(number(unwrapped, "streams").unwrap() >= streams, "{name}: {report}");
        assert_eq!(number(unwrapped, "kept").unwrap(), 0, "{name}: {report}");
        assert_eq!(report["verified_end"], true, "{name}: {report}");
        dump.len() as u64
    });
    data::change(&postgres, "shop", 1.0, Spread::Uniform, 1).unwrap();
    for ((name, dump, _), first) in dumps().into_iter().zip(first) {
        let sent = number(&keep(&device, name, &dump), "bytes_uploaded").unwrap();
        println!("{name}, a day later: {sent} of {first}");
        assert!(sent < first / 8, "{name}: {sent} of {first}");
    }
    // With the option, they stay as they are.
    let dump = pg_dump(&postgres, "shop", &["-Fc"]);
    let report = device
        .call(["backup", "--stdin", "--name", "as it is", "--no-unwrap"])
        .stdin(dump.clone())
        .ok()
        .unwrap();
    assert_eq!(number(&report["unwrapped"], "streams").unwrap(), 0);
    assert!(device.restore_latest("as it is").unwrap() == dump);
    // A database is also restored from a compressed archive.
    let hash = postgres.content_hash("shop").unwrap();
    let id = device.backup_bytes("custom", &dump).ok().unwrap();
    postgres.create("again").unwrap();
    device.restore_into(text(&id, "snapshot_id").unwrap(), &postgres, "again").ok().unwrap();
    assert_eq!(postgres.content_hash("again").unwrap(), hash);
    let report = device.call(["check", "--read-data"]).ok().unwrap();
    assert_eq!(list(&report, "problems").unwrap().len(), 0, "{report}");
}

#[test]
fn dumps_that_cannot_be_unwrapped_come_back_and_say_so() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let rows: String = (0..100_000).map(|n| format!("{n}\tsome row of {}\n", n * 7 % 1000)).collect();
    // zlib with an unusual memory level.
    let foreign = through(
        "python3",
        &[
            "-c",
            "import sys,zlib;c=zlib.compressobj(6,8,31,2);i=sys.stdin.buffer.read();sys.stdout.buffer.write(c.compress(i)+c.flush())",
        ],
        rows.as_bytes(),
    );
    let report = keep(&device, "foreign", &foreign);
    assert_eq!((&report["unwrapped"]["streams"], &report["unwrapped"]["kept"]), (&0.into(), &1.into()));
    let said = device.call_plain(["backup", "--stdin", "--name", "foreign"]).stdin(foreign).go().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("Turn the compression off"), "{said}");
    if Command::new("zstd").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    let dump = through("zstd", &["-c", "-q"], rows.as_bytes());
    keep(&device, "zstd", &dump);
    let said = device.call_plain(["backup", "--stdin", "--name", "zstd"]).stdin(dump).go().unwrap();
    assert!(said.stderr.contains("compressed with zstd"), "{said}");
}

#[test]
fn a_compressed_dump_that_is_not_whole_is_no_snapshot() {
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "shop", 2).unwrap();
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let plain = pg_dump(&postgres, "shop", &[]);
    let whole = gzip(&plain, "-6");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 4;
    let refused = [
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("without its end", whole[..whole.len() - 3].to_vec()),
        ("damaged", damaged),
        // What `pg_dump | gzip` leaves behind if pg_dump dies: a valid gzip file.
        ("of a dump that died", gzip(&plain[..plain.len() / 2], "-6")),
        ("of nothing", gzip(b"", "-6")),
    ];
    for (what, dump) in refused {
        let error = device.backup_bytes("shop", &dump).refused(6).unwrap();
        println!("{what}: {error}");
    }
    assert_eq!(device.snapshots().unwrap().len(), 0);
    keep(&device, "shop", &whole);
}
