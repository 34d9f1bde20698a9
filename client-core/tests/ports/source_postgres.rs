//! Dumps of a real PostgreSQL server: complete ones, and every way for one to be incomplete.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{
    begin::begin,
    postgres_target::{Target, inspect, open, open_by},
};
use std::{
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use crate::private_postgres::{PASSWORD, PASSWORD_IN_URL, Server, eventually};

use client_core::{
    error::{Error, ErrorKind},
    event::Warning,
    source::{self, Complete, DumpStream, PgUrl, SourceError, postgres::Tools},
};

/// One server for the tests that do not modify it.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.shop("shop", 3);
    server.sql("postgres", "CREATE DATABASE nothing");
    server
});

fn read_all(mut stream: DumpStream) -> (Vec<u8>, Result<Complete, Error>) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => (bytes, stream.finish().map_err(Error::from)),
        Err(error) => (bytes, Err(Error::source_read(&error))),
    }
}

/// Whether any process has `text` in its arguments or name.
fn in_arguments(text: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read(entry.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
}

/// Process ids of this process's pg_dump children that read from `server`; other tests run theirs at the same time.
fn own_pg_dumps(server: &Server) -> Vec<i32> {
    let own = std::process::id().to_string();
    let port = format!("PGPORT={}\0", server.port);
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((front, rest)) = stat.rsplit_once(") ") else { continue };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let ours = environment.windows(port.len()).any(|part| part == port.as_bytes());
        if ours && front.ends_with("(pg_dump") && rest.split(' ').nth(1) == Some(&own) {
            found.extend(entry.file_name().to_str().and_then(|pid| pid.parse::<i32>().ok()));
        }
    }
    found
}

#[test]
fn a_whole_dump_is_read_proven_and_restores() {
    let stream = open(&SERVER.url("shop")).unwrap();
    assert!(stream.expected_bytes().unwrap() > 3_000_000 && stream.warnings().is_empty());
    let (dump, complete) = read_all(stream);
    let complete = complete.unwrap();
    assert!(complete.verified_end && complete.tool == "pg_dump", "{complete:?}");
    assert!(complete.tool_line().starts_with("pg_dump 1"), "{}", complete.tool_line());
    assert!(complete.detail.starts_with(&format!("127.0.0.1:{}/shop (PostgreSQL ", SERVER.port)));
    assert!(dump.len() > 3_000_000, "uncompressed");

    let target = Target::new(&SERVER.url("restored"), false).unwrap();
    let mut sink = target.clone().sink();
    for piece in dump.chunks(100_000) {
        sink.write(piece).unwrap();
    }
    sink.finish().unwrap();
    let sums = "SELECT (SELECT md5(string_agg(i::text, ',' ORDER BY id)) FROM item i),
        (SELECT md5(string_agg(o::text, ',' ORDER BY x)) FROM s.\"odd name\" o),
        (SELECT md5(string_agg(md5(lo_get(oid)), ',' ORDER BY oid)) FROM pg_largeobject_metadata)";
    assert_eq!(SERVER.sql("restored", sums), SERVER.sql("shop", sums));

    // Now it is not empty: refused, but accepted with --overwrite.
    let mut sink = target.sink();
    assert!(matches!(sink.write(&dump), Err(SourceError::NotEmpty(_))));
    let mut sink = Target::new(&SERVER.url("restored"), true).unwrap().sink();
    sink.write(&dump).unwrap();
    sink.finish().unwrap();
    assert_eq!(SERVER.sql("restored", sums), SERVER.sql("shop", sums));

    // The source itself is refused.
    let target = Target::new(&SERVER.url("shop"), true).unwrap().refusing_source(
        complete.origin.database.clone(),
        &complete.detail,
        true,
    );
    assert!(matches!(target.sink().write(&dump), Err(SourceError::SameAsSource(_))));
}

#[test]
fn what_cannot_be_restored_leaves_nothing_behind() {
    let exists = |name: &str| {
        SERVER.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")) == "1"
    };
    let (dump, _) = read_all(open(&SERVER.url("shop")).unwrap());

    // Abandoned midway.
    let mut sink = Target::new(&SERVER.url("abandoned"), false).unwrap().sink();
    sink.write(&dump[..dump.len() / 2]).unwrap();
    let restoring = || {
        SERVER.sql(
            "postgres",
            "SELECT count(*) FROM pg_database WHERE datname ~ '^sealkeep_re[a-z]+_[0-9a-f]{8}$'",
        )
    };
    assert!(!exists("abandoned") && restoring() != "0");
    drop(sink);
    assert!(!exists("abandoned"));

    // Truncated.
    let mut sink = Target::new(&SERVER.url("cut"), false).unwrap().sink();
    sink.write(&dump[..dump.len() - 10]).unwrap();
    assert!(matches!(sink.finish(), Err(SourceError::RestoreFailed { .. })));
    assert!(!exists("cut"));

    // psql restores plain SQL, and would commit if its input ended early.
    let plain = SERVER.tool("pg_dump", "shop", &[]).stdout;
    let mut sink = Target::new(&SERVER.url("plain"), false).unwrap().sink();
    sink.write(&plain[..plain.len() / 2]).unwrap();
    drop(sink);
    assert!(!exists("plain"));
    let mut sink = Target::new(&SERVER.url("plain"), false).unwrap().sink();
    sink.write(&plain).unwrap();
    sink.finish().unwrap();
    assert_eq!(SERVER.sql("plain", "SELECT count(*) FROM item"), "3000");
    assert_eq!(SERVER.sql("plain", "SELECT count(*) FROM pg_largeobject_metadata"), "2");

    // Not dumps of one PostgreSQL database.
    for (bytes, word) in
        [(&b"-- MySQL dump 10.13\n"[..], "MySQL"), (b"hello", "unknown"), (&[0x1f, 0x8b, 8], "gzip")]
    {
        let mut sink = Target::new(&SERVER.url("never"), false).unwrap().sink();
        let refused = sink.write(bytes).and_then(|()| sink.finish()).unwrap_err();
        assert!(
            matches!(&refused, SourceError::NotRestorable(why) if why.to_string().contains(word)),
            "{refused}"
        );
    }
    assert!(!exists("never"));
}

#[test]
fn every_refusal_has_its_kind_and_no_password() {
    let port = SERVER.port;
    for (url, kind) in [
        (format!("postgres://postgres:wrong-marker@127.0.0.1:{port}/shop"), ErrorKind::SourceAuth),
        (format!("postgres://postgres@127.0.0.1:{port}/shop"), ErrorKind::SourceAuth),
        (format!("postgres://nobody:wrong-marker@127.0.0.1:{port}/shop"), ErrorKind::SourceAuth),
        (SERVER.url("absent"), ErrorKind::SourceUnreachable),
        ("postgres://postgres:wrong-marker@127.0.0.1:1/shop".to_owned(), ErrorKind::SourceUnreachable),
        (
            "postgres://postgres:wrong-marker@no-such-host.invalid/shop".to_owned(),
            ErrorKind::SourceUnreachable,
        ),
        (format!("{}?sslmode=require", SERVER.url("shop")), ErrorKind::SourceAuth),
        (format!("{}?sslmode=nonsense", SERVER.url("shop")), ErrorKind::Usage),
        (format!("{}?connect_timeout=x", SERVER.url("shop")), ErrorKind::Usage),
    ] {
        let error = Error::from(open(&url).err().unwrap());
        assert_eq!(error.kind(), kind, "{url}: {error}");
        let text = format!("{error} {error:?} {}", error.next_step());
        assert!(!text.contains("wrong-marker") && !text.contains(PASSWORD), "{text}");
    }
}

#[test]
fn inspecting_names_what_cannot_be_read() {
    SERVER.sql("postgres", "CREATE DATABASE inspected");
    SERVER.sql(
        "inspected",
        "CREATE TABLE a (); CREATE TABLE \"Odd table\" (); CREATE ROLE reader LOGIN PASSWORD 'reader-secret'; GRANT SELECT ON a TO reader",
    );
    let url = PgUrl::parse(&format!("postgres://reader:reader-secret@127.0.0.1:{}/inspected", SERVER.port))
        .unwrap();
    let found = inspect(&url).unwrap();
    assert_eq!(
        (found.readable_tables, found.unreadable.clone()),
        (1, vec!["public.\"Odd table\"".to_owned()])
    );
    assert_eq!((found.database.as_str(), found.tls), ("inspected", false));
    assert!(found.size > 1_000_000 && found.dump_tool.major >= found.server_major);
    assert!(matches!(found.warnings(&url).as_slice(), [Warning::UnreadableTables(_)]));
    // The dump then fails, and no snapshot is created.
    let (_, outcome) = read_all(open_by(&url, &Tools::installed()).unwrap());
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DumpFailed);
    assert!(error.happened().contains("permission denied"), "{error}");
}

#[test]
fn tools_that_are_missing_or_too_old_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let tools = Tools::in_folders(vec![folder.path().to_owned()]);
    let url = PgUrl::parse(&SERVER.url("shop")).unwrap();
    assert!(matches!(open_by(&url, &tools).err(), Some(SourceError::ToolMissing { tool: "psql", .. })));
    std::os::unix::fs::symlink(SERVER.bin().join("psql"), folder.path().join("psql")).unwrap();
    assert!(matches!(open_by(&url, &tools).err(), Some(SourceError::ToolMissing { tool: "pg_dump", .. })));
    script(&folder.path().join("pg_dump"), "echo 'pg_dump (PostgreSQL) 9.6.24'");
    let error = open_by(&url, &tools).err().unwrap();
    assert!(matches!(&error, SourceError::ToolTooOld { found, .. } if found == "9.6.24"), "{error}");
    assert_eq!(Error::from(error).kind(), ErrorKind::ToolMissing);
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A pg_dump that misbehaves after a correct `--version`.
fn odd_tools(folder: &Path, text: &str) -> Tools {
    std::os::unix::fs::symlink(SERVER.bin().join("psql"), folder.join("psql")).unwrap();
    let real = SERVER.bin().join("pg_dump").display().to_string();
    script(
        &folder.join("pg_dump"),
        &format!("if [ \"$1\" = --version ]; then exec {real} --version; fi\nREAL={real}\n{text}"),
    );
    Tools::in_folders(vec![folder.to_owned()])
}

#[test]
fn exit_code_and_structure_both_count() {
    let url = PgUrl::parse(&SERVER.url("shop")).unwrap();
    for (text, kind, word) in [
        // A complete dump, but a bad exit code.
        ("$REAL \"$@\"; echo it went wrong >&2; exit 3", ErrorKind::DumpFailed, "it went wrong"),
        // A good exit code, but a truncated dump.
        ("$REAL \"$@\" | head -c 2000000; exit 0", ErrorKind::DumpIncomplete, "data block"),
        ("$REAL \"$@\" | head -c 300; exit 0", ErrorKind::DumpIncomplete, "table of contents"),
        ("$REAL \"$@\"; echo; exit 0", ErrorKind::DumpIncomplete, "behind its last block"),
        ("$REAL \"$@\" | head -c 2000000; kill -9 $$", ErrorKind::DumpFailed, "signal 9"),
        ("echo \"the password is $PGPASSWORD\" >&2; exit 1", ErrorKind::DumpFailed, "the password is ***"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (_, outcome) = read_all(open_by(&url, &odd_tools(folder.path(), text)).unwrap());
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.happened().contains(word), "{text}: {error}");
    }
}

#[test]
fn an_unread_dump_is_no_dump() {
    let mut stream = open(&SERVER.url("shop")).unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    assert!(matches!(stream.finish(), Err(SourceError::Incomplete(_))));
}

#[test]
fn nothing_secret_stands_in_an_argument() {
    let mut stream = open(&SERVER.url("shop")).unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    assert!(in_arguments("--format=custom"), "the search can find something");
    assert!(!in_arguments(PASSWORD) && !in_arguments(PASSWORD_IN_URL));
}

/// These stop servers and kill programs, so they have their own, and run one after the other.
#[test]
fn ends_from_outside() {
    let server = Server::start();
    server.shop("shop", 40);

    // Cancelled: an error, and no session remains.
    let mut stream = open(&server.url("shop")).unwrap();
    let stopper = stream.stopper();
    stream.read_exact(&mut vec![0; 1_000_000]).unwrap();
    eventually("a session", || server.sessions() == "1");
    let begun = Instant::now();
    let mut rest = Vec::new();
    let error = loop {
        if let Err(error) = stream.by_ref().take(100_000).read_to_end(&mut rest) {
            break error;
        }
        if rest.len() == 500_000 {
            stopper.stop();
        }
        // Its pace: the dump must not be read to its end before it is stopped.
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(Error::source_read(&error).kind(), ErrorKind::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(matches!(stream.finish(), Err(SourceError::Cancelled)));
    eventually("the end of the session", || server.sessions() == "0");
    eventually("the end of pg_dump", || own_pg_dumps(&server).is_empty());

    // Cancelled while pg_dump waits for a lock and produces no bytes.
    let blocker = open(&server.url("shop")).unwrap();
    drop(blocker);
    let lock = server.url("shop");
    let holder = std::process::Command::new(server.bin().join("psql"))
        .args(["-XAtq", "-c", "BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)"])
        .env("PGPASSWORD", PASSWORD)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", server.port.to_string())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", "shop")
        .spawn();
    let mut holder = holder.unwrap();
    eventually("a lock", || {
        server.sql("postgres", "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND database IS NOT NULL") != "0"
    });
    let stream = open(&lock).unwrap();
    let stopper = stream.stopper();
    let reading = thread::spawn(move || read_all(stream));
    eventually("a waiting session", || {
        server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sealkeep' AND wait_event_type = 'Lock'") == "1"
    });
    stopper.stop();
    assert_eq!(reading.join().unwrap().1.unwrap_err().kind(), ErrorKind::Cancelled);
    eventually("the end of the waiting session", || server.sessions() == "0");
    holder.kill().unwrap();
    holder.wait().unwrap();
    server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");

    // Dropped without cancelling: the same.
    let mut stream = open(&server.url("shop")).unwrap();
    stream.read_exact(&mut vec![0; 1_000_000]).unwrap();
    drop(stream);
    eventually("the end of the dropped session", || server.sessions() == "0");

    // pg_dump killed.
    let mut stream = open(&server.url("shop")).unwrap();
    stream.read_exact(&mut vec![0; 1_000_000]).unwrap();
    for pid in own_pg_dumps(&server) {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    let error = read_all(stream).1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DumpFailed);
    assert!(error.happened().contains("killed by signal 9"), "{error}");

    // The server goes away midway.
    let mut stream = open(&server.url("shop")).unwrap();
    stream.read_exact(&mut vec![0; 1_000_000]).unwrap();
    server.down();
    let error = read_all(stream).1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DumpFailed);
    eventually("the end of pg_dump", || own_pg_dumps(&server).is_empty());
    server.up();
    let (_, outcome) = read_all(open(&server.url("shop")).unwrap());
    assert!(outcome.unwrap().verified_end, "the next one is whole");
}

#[test]
fn files_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dump");
    let file = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read_all(begin(source::file(path.clone())).unwrap())
    };
    let dump = SERVER.tool("pg_dump", "shop", &["-Fc"]).stdout;
    let (bytes, complete) = file(&dump);
    assert!(bytes == dump && complete.unwrap().verified_end);
    assert_eq!(file(&dump[..dump.len() - 1]).1.unwrap_err().kind(), ErrorKind::DumpIncomplete);
    let (bytes, complete) = file(b"just bytes");
    assert!(bytes == b"just bytes" && !complete.unwrap().verified_end);
    assert_eq!(file(b"").1.unwrap_err().kind(), ErrorKind::DumpIncomplete);

    // On a server whose databases nobody creates or drops in the meantime.
    let server = Server::start();
    server.shop("shop", 1);
    let all = server.tool("pg_dumpall", "dbname=postgres", &[]);
    assert!(all.status.success());
    assert!(file(&all.stdout).1.unwrap().verified_end);
    let cut = file(&all.stdout[..all.stdout.len() - 100]).1.unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::DumpIncomplete);

    let absent = begin(source::file(folder.path().join("absent"))).err().unwrap();
    assert_eq!(Error::from(absent).kind(), ErrorKind::NotFound);
    let directory = begin(source::file(folder.path().to_owned())).err().unwrap();
    assert_eq!(Error::from(directory).kind(), ErrorKind::Usage);
}
