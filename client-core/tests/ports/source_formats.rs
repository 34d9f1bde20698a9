//! Dumps of every format whose end is recognizable: complete ones pass, truncated ones do not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use client_core::source::completeness::{Broken, CompletenessCheck, Format, Seen};
use proptest::prelude::*;

fn see(bytes: &[u8], step: usize) -> Result<Seen, Broken> {
    let mut check = CompletenessCheck::new();
    for piece in bytes.chunks(step) {
        check.feed(piece)?;
    }
    check.finish()
}

fn run(program: &str, arguments: &[&str], input: &[u8], folder: &Path) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

/// A plain dump with rows that do not compress to nothing.
fn plain(rows: u32) -> Vec<u8> {
    let mut text = String::from("--\n-- PostgreSQL database dump\n--\n\nCOPY public.a (x) FROM stdin;\n");
    for row in 0..rows {
        text.push_str(&format!("{row}\t{:x}\n", u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    }
    text.push_str("\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n");
    text.into_bytes()
}

fn document(fields: &[(&str, &str)], over: Option<bool>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.push(2);
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(&(value.len() as u32 + 1).to_le_bytes());
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    if let Some(over) = over {
        body.extend_from_slice(b"\x08EOF\0");
        body.push(u8::from(over));
        body.extend_from_slice(b"\x12CRC\0\0\0\0\0\0\0\0\0");
    }
    body.push(0);
    [&(body.len() as u32 + 4).to_le_bytes()[..], &body].concat()
}

/// In mongodump's format: two collections, one of them empty, and a time series.
fn mongo() -> Vec<u8> {
    let mark = [0xff; 4];
    let mut all = vec![0x6d, 0xe2, 0x99, 0x81];
    all.extend(document(&[("version", "0.1"), ("server_version", "7.0.2"), ("tool_version", "100.9")], None));
    for (name, kind) in [("orders", ""), ("empty", "collection"), ("weather", "timeseries")] {
        all.extend(document(
            &[("db", "shop"), ("collection", name), ("metadata", "{}"), ("type", kind)],
            None,
        ));
    }
    all.extend(mark);
    for (name, rows) in [("orders", 40), ("empty", 0), ("system.buckets.weather", 3)] {
        if rows > 0 {
            all.extend(document(&[("db", "shop"), ("collection", name)], Some(false)));
            (0..rows).for_each(|row| all.extend(document(&[("row", &format!("number {row}"))], None)));
            all.extend(mark);
        }
        all.extend(document(&[("db", "shop"), ("collection", name)], Some(true)));
        all.extend(mark);
    }
    all
}

fn redis() -> Vec<u8> {
    let mut all = b"REDIS0011\xfe\x00\x00\x03key\x05value\xff".to_vec();
    let crc = crc_of(&all);
    all.extend(crc.to_le_bytes());
    all
}

/// CRC-64 as Redis computes it, bit by bit, independent of the code under test.
fn crc_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0_u64, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0x95ac_9329_ac4b_c9b5 } else { crc >> 1 }
        })
    })
}

/// An archive without files, and one whose directory is unreadable but correctly described in the header.
fn seven_zip(packed: &[u8], directory: &[u8]) -> Vec<u8> {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let header = [
        &(packed.len() as u64).to_le_bytes()[..],
        &(directory.len() as u64).to_le_bytes(),
        &crc.checksum(directory).to_le_bytes(),
    ]
    .concat();
    let magic = b"7z\xbc\xaf\x27\x1c\0\x04";
    [magic, &crc.checksum(&header).to_le_bytes()[..], &header, packed, directory].concat()
}

/// mysqldump --skip-comments
fn mysql(rows: u32) -> Vec<u8> {
    let rows: String = (0..rows).map(|row| format!("INSERT INTO `a` VALUES ({row});\n")).collect();
    let begin = "\n/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n";
    let end = "/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;\n/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n\n";
    format!("{begin}{rows}{end}").into_bytes()
}

/// Names, bytes, and the formats found in them.
fn samples(folder: &Path) -> Vec<(String, Vec<u8>, Vec<Format>)> {
    let dump = plain(3000);
    let mut all = vec![("plain".to_owned(), dump.clone(), vec![Format::PgPlain])];
    for (program, format) in [
        ("gzip", Format::Gzip),
        ("zstd", Format::Zstd),
        ("lz4", Format::Lz4),
        ("xz", Format::Xz),
        ("bzip2", Format::Bzip2),
    ] {
        let once = run(program, &["-c"], &dump, folder);
        all.push((program.to_owned(), once.clone(), vec![format, Format::PgPlain]));
        // Two halves compressed separately form one file.
        let (front, back) = dump.split_at(dump.len() / 2);
        let joined = [run(program, &["-c"], front, folder), run(program, &["-c"], back, folder)].concat();
        all.push((format!("{program} twice"), joined, vec![format, Format::PgPlain]));
        let twice = run("gzip", &["-c"], &once, folder);
        all.push((format!("{program} in gzip"), twice, vec![Format::Gzip, format, Format::PgPlain]));
    }
    std::fs::write(folder.join("dump.sql"), &dump).unwrap();
    std::fs::write(folder.join("empty"), "").unwrap();
    let long = "directory-with-a-long-name/".repeat(6);
    std::fs::create_dir_all(folder.join(&long)).unwrap();
    std::fs::write(folder.join(format!("{long}file")), &dump[..700]).unwrap();
    std::os::unix::fs::symlink("dump.sql", folder.join("link")).unwrap();
    run("truncate", &["-s", "5M", "sparse"], b"", folder);
    for kind in ["gnu", "pax", "ustar", "oldgnu", "v7"] {
        let names: &[&str] = if ["v7", "ustar"].contains(&kind) {
            &["dump.sql", "empty", "link"]
        } else {
            &["dump.sql", "empty", "link", &long, "sparse"]
        };
        let sparse: &[&str] = if ["v7", "ustar"].contains(&kind) { &[] } else { &["--sparse"] };
        let arguments = [&["-c", "--format", kind][..], sparse, names].concat();
        let tar = run("tar", &arguments, b"", folder);
        let compressed = run("zstd", &["-c"], &tar, folder);
        all.push((format!("{kind} tar"), tar, vec![Format::Tar]));
        all.push((format!("{kind} tar in zstd"), compressed, vec![Format::Zstd, Format::Tar]));
    }
    run("zip", &["-q", "-r", "some.zip", "dump.sql", "empty"], b"", folder);
    all.push(("zip".to_owned(), std::fs::read(folder.join("some.zip")).unwrap(), vec![Format::Zip]));
    all.push(("7z".to_owned(), seven_zip(&dump[..5000], b"\x01directory\x01"), vec![Format::SevenZip]));
    all.push(("mysqldump".to_owned(), mysql(2000), vec![Format::MySql]));
    let compressed = run("zstd", &["-c"], &mysql(2000), folder);
    all.push(("mysqldump in zstd".to_owned(), compressed, vec![Format::Zstd, Format::MySql]));
    all.push(("mongodump".to_owned(), mongo(), vec![Format::Mongo]));
    all.push(("redis".to_owned(), redis(), vec![Format::Redis]));
    let database = folder.join("app.db");
    let script = "create table a(x, y); with recursive n(i) as (select 1 union all select i+1 from n where i<2000) \
                  insert into a select i, hex(randomblob(20)) from n;";
    run("sqlite3", &[database.to_str().unwrap(), script], b"", folder);
    all.push(("sqlite".to_owned(), std::fs::read(&database).unwrap(), vec![Format::Sqlite]));
    let text = run("sqlite3", &[database.to_str().unwrap(), ".dump"], b"", folder);
    all.push(("sqlite text".to_owned(), text, vec![Format::SqliteSql]));
    all
}

// case: cut-dumps-of-known-formats
#[test]
fn a_cut_dump_of_a_known_format_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, formats) in samples(folder.path()) {
        for step in [bytes.len(), 4096, 333] {
            let seen = see(&bytes, step).unwrap_or_else(|broken| unreachable!("{name}: {broken}"));
            assert!(seen.verified, "{name} in steps of {step}: {seen}");
            assert_eq!([vec![seen.format], seen.within].concat(), formats, "{name}");
        }
        // A tar's padding and a text's last line break are no loss.
        let needed = bytes.iter().rposition(|byte| !matches!(byte, 0 | b'\n' | b'-')).unwrap();
        let needed = if name.contains("twice") { bytes.len() / 4 } else { needed };
        let cuts = (1..600)
            .chain((0..40).map(|part| bytes.len() * part / 40))
            .chain(needed.saturating_sub(600)..=needed);
        for cut in cuts.filter(|cut| (1..=needed).contains(cut)) {
            if let Ok(seen) = see(&bytes[..cut], 65_536) {
                assert!(!seen.verified, "{name} cut at {cut} of {}: {seen}", bytes.len());
                assert!(cut < 512 && seen.format == Format::Unknown, "{name} cut at {cut}: {seen}");
            }
        }
    }
}

/// Bytes after the end of a complete file. Zeros fill a tape's last block; anything else is unknown.
#[test]
fn bytes_behind_the_end_are_refused_or_marked() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, _) in samples(folder.path()) {
        let more = |more: &[u8]| see(&[&bytes, more].concat(), 4096);
        let passes_over = |result: Result<Seen, Broken>| result.is_ok_and(|seen| seen.verified);
        if ["gzip", "bzip2"].iter().any(|program| name.starts_with(program)) || name.ends_with("tar") {
            assert!(passes_over(more(&[0; 1500])), "{name} and zeros");
        }
        // SQLite's spare pages, and what a 7z does not mention.
        if ["sqlite", "7z"].contains(&name.as_str()) {
            continue;
        }
        for garbage in [&b"pg_dump: error: connection lost\n"[..], &[0xaa; 1500]] {
            assert!(!passes_over(more(garbage)), "{name} and {} bytes", garbage.len());
        }
    }
    assert!(see(&[&seven_zip(b"", b"")[..8], &[0; 24]].concat(), 7).is_err(), "7z that was never completed");
}

#[test]
fn a_dump_cut_before_it_was_compressed_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let dump = plain(3000);
    for program in ["gzip", "zstd", "lz4", "xz", "bzip2"] {
        let cut = run(program, &["-c"], &dump[..dump.len() / 2], folder.path());
        see(&cut, 4096).unwrap_err();
        let nothing = run(program, &["-c"], b"", folder.path());
        see(&nothing, 4096).unwrap_err();
        let complaint = run(program, &["-c"], b"pg_dump: error: connection refused\n", folder.path());
        see(&complaint, 4096).unwrap_err();
    }
}

#[test]
fn non_dumps_are_refused_and_other_files_are_not() {
    let dump = String::from_utf8(plain(3)).unwrap();
    let wide = |text: &str, big: bool| -> Vec<u8> {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(unit).collect()
    };
    let refused: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" \n\t\r\n ".to_vec(),
        "\n".repeat(100_000).into_bytes(),
        b"\xef\xbb\xbf".to_vec(),
        [b"\xef\xbb\xbf", dump.as_bytes()].concat(),
        b"\xef\xbb\xbfPGDMP\x01\x0e\x00".to_vec(),
        [&[0xff, 0xfe][..], &wide(&dump, false)].concat(),
        [&[0xfe, 0xff][..], &wide(&dump, true)].concat(),
        [&[0xff, 0xfe][..], &wide(&dump.replace('\n', "\r\n"), false)].concat(),
        wide(&dump, false),
        // gzip through PowerShell's `>`.
        [&[0xff, 0xfe][..], &wide("\u{1f}\u{2039}\u{8}\u{0}\u{0}", false)].concat(),
        b"pg_dump: error: connection to server at \"db\" failed: FATAL: no\n".to_vec(),
        b"/usr/lib/postgresql/15/bin/pg_dump: error: query failed\n".to_vec(),
        b"mysqldump: Got error: 1045: Access denied for user\n".to_vec(),
        format!("mysqldump: [Warning] Using a password can be insecure.\n{dump}").into_bytes(),
        b"bash: line 1: pg_dump: command not found\n".to_vec(),
        b"sh: 1: pg_dump: not found\n".to_vec(),
        b"Error response from daemon: No such container: db\n".to_vec(),
        b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>".to_vec(),
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code></Error>".to_vec(),
        b"PGD".iter().chain(b"M").copied().collect(),
        b"SQLite form".to_vec(),
        b"--\n-- Postgre".to_vec(),
    ];
    for bytes in refused {
        for step in [1, 100_000] {
            assert!(see(&bytes, step).is_err(), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
        }
    }
    for taken in [
        &b"hello"[..],
        b"x",
        b"<!DOCTYPE html><html><title>My holidays</title></html>",
        b"\xef\xbb\xbfname;price\r\nchair;12\r\n",
        b"id,name\n1,error: none\n",
        b"{\"orders\": []}",
    ] {
        assert_eq!(see(taken, 3).unwrap().format, Format::Unknown);
    }
    let table = [&[0xff, 0xfe][..], &wide("name;price\r\n", false)].concat();
    assert_eq!(see(&table, 3).unwrap().format, Format::Unknown);
}

/// Written by `pg_dump 17 -Fc > file` with each compression. It opens standard output for appending, so its completed
/// table of contents follows the last block.
// case: pg17-archive-by-redirect-refused
#[test]
fn an_archive_that_pg_dump_17_appended_to_is_complete() {
    for dump in [
        &include_bytes!("../../testdata/dumps/pg_dump-17-appended-none.dump")[..],
        include_bytes!("../../testdata/dumps/pg_dump-17-appended-gzip.dump"),
        include_bytes!("../../testdata/dumps/pg_dump-17-appended-lz4.dump"),
        include_bytes!("../../testdata/dumps/pg_dump-17-appended-zstd.dump"),
    ] {
        for step in [1, 7, 4096] {
            let seen = see(dump, step).unwrap();
            assert!(seen.verified && seen.format == Format::PgCustom, "in steps of {step}");
        }
        // A cut just before the second table of contents is complete too: nothing of the database is missing.
        let passed: Vec<usize> =
            (1..dump.len()).filter(|cut| see(&dump[..*cut], 4096).is_ok_and(|seen| seen.verified)).collect();
        let [first_ends] = passed[..] else { unreachable!("{passed:?}") };
        // Anything else after the last block is no table of contents.
        let (first, table) = dump.split_at(first_ends);
        let other: Vec<u8> = table.iter().map(|byte| byte ^ 1).collect();
        for more in [b"\0", &b"garbage that is longer than a number"[..], &dump[..200], &other, &table[1..]] {
            assert!(see(&[first, more].concat(), 4096).is_err());
        }
        for more in [&b"\0"[..], table] {
            assert!(see(&[dump, more].concat(), 4096).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Nothing panics, whatever follows a known beginning.
    #[test]
    fn nonsense_behind_a_known_beginning(
        begin in prop::sample::select(vec![
            &b"PGDMP\x01\x0e\x00\x04\x08\x01"[..], &[0x1f, 0x8b, 8, 0], &[0x28, 0xb5, 0x2f, 0xfd],
            &[0x04, 0x22, 0x4d, 0x18], b"\xfd7zXZ\0", b"BZh91AY", b"SQLite format 3\0", &[0x6d, 0xe2, 0x99, 0x81],
            b"REDIS0011", b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"--\n-- PostgreSQL database dump\n", b"<html><title>",
            &[0xff, 0xfe], &[0xef, 0xbb, 0xbf],
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..3000),
        step in 1..700_usize,
    ) {
        let seen = see(&[begin, &rest].concat(), step);
        if let Ok(seen) = seen {
            prop_assert!(!seen.verified);
        }
    }
}
