//! Effects of a backup on its source: nothing that stays, and nothing that pg_dump alone would not do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::postgres_target::{Target, clean_up, inspect, open};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::private_postgres::{PASSWORD, Server, dumped, eventually};

use client_core::source::{self, Opening, PgUrl, RestoreSink, SourceError, Stopper};

/// Locks a table of `database` like VACUUM FULL, until dropped.
struct Holder(Child);

impl Holder {
    fn of(server: &Server, database: &str, table: &str) -> Self {
        Self::in_mode(server, database, table, "ACCESS EXCLUSIVE")
    }

    fn in_mode(server: &Server, database: &str, table: &str, mode: &str) -> Self {
        let mut child = Command::new(server.bin().join("psql"))
            .args([
                "-XAtq",
                "-h",
                "127.0.0.1",
                "-p",
                &server.port.to_string(),
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .args(["-v", "ON_ERROR_STOP=1", "-c", "BEGIN", "-c", "SET LOCAL lock_timeout = '20s'"])
            .args(["-c", &format!("LOCK TABLE {table} IN {mode} MODE")])
            // While the list of databases is locked nobody can connect and ask.
            .args(["-c", "\\! echo held", "-c", "SELECT pg_sleep(300)"])
            .env("PGPASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n", "{table} in {database}");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It is idle in a transaction or sleeping: an interrupt cancels that, and its exit releases everything.
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.0.wait().unwrap();
    }
}

// case: look-before-dump-stops-backups
#[test]
fn settings_and_locks_do_not_stop_the_inspection() {
    let server = Server::start();
    server.shop("big", 1);
    server.sql("big", "SELECT count(*) FROM (SELECT lo_create(0) FROM generate_series(1, 10)) x");
    for setting in [
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "search_path = 'no_such'",
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "row_security = off",
    ] {
        server.sql("postgres", &format!("ALTER ROLE postgres IN DATABASE big SET {setting}"));
        let stream = open(&server.url("big")).unwrap_or_else(|error| panic!("{setting}: {error}"));
        assert!(stream.warnings().is_empty(), "{setting}: {:?}", stream.warnings());
        let (_, complete) = dumped(stream);
        assert!(complete.verified_end && complete.tables.len() == 3, "{setting}: {complete:?}");
        server.sql("postgres", "ALTER ROLE postgres IN DATABASE big RESET ALL");
    }

    // With a locked table, the inspection omits its size, and the dump waits as pg_dump does.
    let holder = Holder::of(&server, "big", "empty");
    let stream = open(&server.url("big")).unwrap();
    drop(holder);
    let (_, complete) = dumped(stream);
    let rows: Vec<_> = complete.tables.iter().map(|t| (t.name.as_str(), t.rows.is_some())).collect();
    assert!(rows.contains(&("public.empty", false)) && rows.contains(&("public.item", true)), "{rows:?}");

    // A statement cancelled by an administrator is not "cannot be reached".
    server.sql("postgres", "CREATE ROLE weak LOGIN PASSWORD 'weak'; GRANT pg_read_all_data TO weak");
    server.sql("big", "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public");
    let url = format!("postgres://weak:weak@127.0.0.1:{}/big", server.port);
    let found = inspect(&PgUrl::parse(&url).unwrap()).unwrap();
    assert_eq!(found.identity.as_ref().unwrap().system_identifier, None);
    assert!(found.properties.is_some());
}

// case: cancel-waits-for-locked-table
#[test]
fn a_locked_table_does_not_delay_a_cancellation() {
    let server = Server::start();
    server.shop("lk", 1);
    let _holder = Holder::of(&server, "lk", "pg_catalog.pg_class");
    let stopper = Stopper::default();
    let stop = stopper.clone();
    let url = server.url("lk");
    let looking =
        thread::spawn(move || source::database(&url).unwrap().connect(&stopper, &Opening::default()).err());
    eventually("a session that waits", || server.has_waiting_session());
    let begun = Instant::now();
    stop.stop();
    assert_eq!(looking.join().unwrap(), Some(SourceError::Cancelled));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    eventually("the end of the session", || server.sessions() == "0");
    assert_eq!(
        source::database(&server.url("lk")).unwrap().connect(&stop, &Opening::default()).err(),
        Some(SourceError::Cancelled),
        "nothing starts after a stop"
    );
}

/// Runs `work` in a thread, stops it once it waits for a lock, and returns its result and how long stopping took.
fn stopped<T: Send + std::fmt::Debug + 'static>(
    server: &Server,
    stopper: &Stopper,
    work: impl FnOnce() -> T + Send + 'static,
) -> (T, Duration) {
    let working = thread::spawn(work);
    eventually("a session that waits", || working.is_finished() || server.has_waiting_session());
    if working.is_finished() {
        panic!("nothing was waited for: {:?}", working.join());
    }
    let begun = Instant::now();
    stopper.stop();
    (working.join().unwrap(), begun.elapsed())
}

fn restored(mut sink: Box<dyn RestoreSink>, dump: &[u8]) -> Result<(), SourceError> {
    dump.chunks(50_000).try_for_each(|piece| sink.write(piece))?;
    sink.finish().map(drop)
}

/// A lock on the list of databases blocks everything: connections, CREATE DATABASE, renaming, dropping.
#[test]
fn a_waiting_restore_stops_within_seconds() {
    const PATIENCE: Duration = Duration::from_secs(15);
    let server = Server::start();
    server.shop("shop", 1);
    let dump = server.tool("pg_dump", "shop", &["-Fc"]).stdout;
    let databases =
        "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate";
    let sink = |name: &str| {
        let sink = Target::new(&server.url(name), false).unwrap().sink();
        let stopper = sink.stopper();
        (sink, stopper)
    };
    server.sql("postgres", "CREATE DATABASE empty");
    for (what, into, at, table, mode) in [
        ("the connection", "fresh", "postgres", "pg_database", "ACCESS EXCLUSIVE"),
        ("the survey", "empty", "empty", "pg_largeobject_metadata", "ACCESS EXCLUSIVE"),
        ("CREATE DATABASE", "fresh", "postgres", "pg_database", "SHARE"),
    ] {
        let holder = Holder::in_mode(&server, at, table, mode);
        let (sink, stopper) = sink(into);
        let dump = dump.clone();
        let (outcome, took) = stopped(&server, &stopper, move || restored(sink, &dump));
        assert_eq!(outcome, Err(SourceError::Cancelled), "{what}");
        assert!(took < PATIENCE, "{what}: {took:?}");
        drop(holder);
        eventually("the end of our sessions", || server.sessions() == "0");
        assert_eq!(server.sql("postgres", databases), "empty,postgres,shop", "{what}");
    }
}

/// The last steps wait too: the rename at a restore's end, and a clean-up.
#[test]
fn a_rename_and_a_clean_up_that_wait_are_stopped() {
    const PATIENCE: Duration = Duration::from_secs(15);
    let server = Server::start();
    server.shop("shop", 20);
    let dump = server.tool("pg_dump", "shop", &["-Fc"]).stdout;
    let databases =
        "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate";
    let mut sink = Target::new(&server.url("fresh"), false).unwrap().sink();
    let (first, rest) = dump.split_at(dump.len() / 2);
    sink.write(first).unwrap();
    let stopper = sink.stopper();
    eventually("a database to fill", || server.sql("postgres", databases).contains("sealkeep_restoring_"));
    let holder = Holder::in_mode(&server, "postgres", "pg_database", "SHARE");
    let rest = rest.to_vec();
    let (outcome, took) =
        stopped(&server, &stopper, move || sink.write(&rest).and_then(|()| sink.finish().map(drop)));
    assert!(outcome.is_err() && took < PATIENCE, "{outcome:?} {took:?}");
    let left = server.sql("postgres", databases);
    assert!(left.contains("sealkeep_restoring_") && !left.contains("fresh"), "{left}");

    let (stopper, url) = (Stopper::default(), server.url("shop"));
    let stop = stopper.clone();
    let cleaning = move || clean_up(&url, &stop).map(drop);
    let (outcome, took) = stopped(&server, &stopper, cleaning);
    assert_eq!(outcome, Err(SourceError::Cancelled));
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(server.sql("postgres", databases), left);

    drop(holder);
    eventually("the end of our sessions", || server.sessions() == "0");
    let cleaned = clean_up(&server.url("shop"), &Stopper::default()).unwrap();
    assert_eq!((cleaned.dropped.len(), cleaned.in_use.len(), cleaned.failed.len()), (1, 0, 0), "{cleaned:?}");
    assert_eq!(server.sql("postgres", databases), "postgres,shop");
}

#[test]
fn a_server_that_speaks_german_is_understood() {
    let server = Server::start();
    server.shop("shop", 1);
    server.speak_german();
    let wrong = format!("postgres://postgres:wrong@127.0.0.1:{}/shop", server.port);
    let refused = open(&wrong).err().unwrap();
    assert!(matches!(refused, SourceError::Refused { .. }), "{refused}");
    let away = open("postgres://postgres:wrong@127.0.0.1:1/shop").err().unwrap();
    assert!(matches!(away, SourceError::Unreachable { .. }), "{away}");
    let (dump, complete) = dumped(open(&server.url("shop")).unwrap());

    // The source's place, where no database exists any more, is free.
    let detail = complete.detail.replace("/shop", "/fresh");
    let target = Target::new(&server.url("fresh"), false).unwrap();
    let target = target.refusing_source(complete.origin.database, &detail, true);
    restored(target.sink(), &dump).unwrap();
    assert_eq!(server.sql("fresh", "SELECT count(*) FROM item"), "1000");

    // A half-restored database whose drop is refused for a while: PostgreSQL itself waits 5 seconds.
    let half = "SELECT datname FROM pg_database WHERE datname ~ '^sealkeep_restoring_'";
    let mut sink = Target::new(&server.url("half"), false).unwrap().sink();
    sink.write(&dump[..dump.len() / 2]).unwrap();
    let name = server.sql("postgres", half);
    let mut somebody = Command::new(server.bin().join("psql"))
        .args(["-XAtq", "-c", "SELECT pg_sleep(7)", &server.url(&name)])
        .spawn()
        .unwrap();
    eventually("somebody's session", || {
        server.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(7)'") == "1"
    });
    drop(sink);
    assert_eq!(server.sql("postgres", half), "");
    somebody.wait().unwrap();
}

#[test]
fn a_role_with_its_own_limits_backs_up_and_restores() {
    let server = Server::start();
    server.shop("shop", 1);
    server.sql("postgres", "CREATE ROLE bounded SUPERUSER LOGIN PASSWORD 'bounded'");
    for setting in [
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "search_path = 'no_such'",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "row_security = off",
        "client_min_messages = 'debug1'",
        "session_preload_libraries = 'auto_explain'",
    ] {
        server.sql("postgres", &format!("ALTER ROLE bounded SET {setting}"));
    }
    let url = |name: &str| format!("postgres://bounded:bounded@127.0.0.1:{}/{name}", server.port);
    let (dump, complete) = dumped(open(&url("shop")).unwrap());
    assert!(complete.verified_end && complete.tables.len() == 3);
    for overwrite in [false, true] {
        let target = Target::new(&url("fresh"), overwrite).unwrap();
        restored(target.sink(), &dump).unwrap();
        assert_eq!(server.sql("fresh", "SELECT count(*) FROM item"), "1000");
    }
    server.sql("postgres", "CREATE DATABASE empty");
    restored(Target::new(&url("empty"), false).unwrap().sink(), &dump).unwrap();
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_00c0ffee");
    let cleaned = clean_up(&url("postgres"), &Stopper::default());
    assert_eq!(cleaned.unwrap().dropped, ["sealkeep_restoring_00c0ffee"]);
}

#[test]
fn an_inspection_ended_by_an_administrator_is_no_unreachable_server() {
    let server = Server::start();
    server.shop("lk", 1);
    for end in ["pg_cancel_backend", "pg_terminate_backend"] {
        let holder = Holder::of(&server, "lk", "pg_shdescription");
        let url = server.url("lk");
        let looking = thread::spawn(move || open(&url).map(|stream| stream.warnings().to_vec()));
        let until = Instant::now() + Duration::from_secs(20);
        while !looking.is_finished() {
            assert!(Instant::now() < until, "{end}");
            server.sql(
                "postgres",
                &format!(
                    "SELECT count({end}(pid)) FROM pg_stat_activity WHERE application_name = 'sealkeep' AND wait_event_type = 'Lock'"
                ),
            );
            thread::sleep(Duration::from_millis(100));
        }
        let warned = looking.join().unwrap().unwrap();
        let said: Vec<String> = warned.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains("due to")), "{end}: {said:?}");
        assert!(!said.iter().any(|said| said.contains("cannot be reached")), "{end}: {said:?}");
        drop(holder);
    }
}

#[test]
fn a_paused_dump_survives() {
    // Scaled: the server would drop a client after 3 seconds; the pause takes 9. Nothing else affects a dump paused for
    // 15 minutes: its session has no time limit at all.
    let server = Server::start();
    server.shop("shop", 40);
    server.sql("postgres", "ALTER SYSTEM SET tcp_user_timeout = '3s'");
    server.sql("postgres", "ALTER SYSTEM SET statement_timeout = '3s'");
    server.sql("postgres", "ALTER SYSTEM SET idle_in_transaction_session_timeout = '3s'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    let mut stream = open(&server.url("shop")).unwrap();
    let settings = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sealkeep'";
    stream.read_exact(&mut vec![0; 1_000_000]).unwrap();
    // A time and no event: the subject is a pause that outlives the server's limits.
    thread::sleep(Duration::from_secs(9));
    assert_eq!(server.sql("postgres", settings), "1");
    let (bytes, complete) = dumped(stream);
    assert!(complete.verified_end && bytes.len() > 39_000_000);
}

/// Milliseconds until the kernel probes the peer of this connection (`/proc/net/tcp`, proc(5)).
fn asked_in(own_port: u16, peer_port: u16) -> Option<u64> {
    const KEEPALIVE: &str = "02";
    let port = |address: &str| u16::from_str_radix(address.split(':').nth(1)?, 16).ok();
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (own, peer) = (port(fields.get(1)?)?, port(fields.get(2)?)?);
        let (timer, hundredths) = fields.get(5)?.split_once(':')?;
        let asks = (own, peer, timer) == (own_port, peer_port, KEEPALIVE);
        asks.then(|| u64::from_str_radix(hundredths, 16).unwrap() * 10)
    })
}

#[test]
fn a_silent_dump_probes_its_peer() {
    let server = Server::start();
    server.shop("shop", 1);
    // The system's default is two hours.
    let system: u64 =
        fs::read_to_string("/proc/sys/net/ipv4/tcp_keepalive_time").unwrap().trim().parse().unwrap();
    assert!(system > 60);
    let holder = Holder::of(&server, "shop", "item");
    let url = server.url("shop");
    let dumping = thread::spawn(move || dumped(open(&url).unwrap()));
    let waiting = "SELECT client_port FROM pg_stat_activity
                    WHERE application_name = 'sealkeep' AND wait_event_type = 'Lock'";
    eventually("a dump that waits", || !server.sql("postgres", waiting).is_empty());
    both_ends_ask(server.port, server.sql("postgres", waiting).parse().unwrap());
    drop(holder);
    assert!(dumping.join().unwrap().1.verified_end);
}

fn both_ends_ask(server: u16, client: u16) {
    for (end, own, peer) in [("server", server, client), ("client", client, server)] {
        // Another timer is shown while the peer still has to acknowledge data.
        let mut asked = None;
        eventually(end, || {
            asked = asked_in(own, peer);
            asked.is_some()
        });
        assert!(asked.unwrap() <= 30_000, "the {end} asks in {asked:?} ms");
    }
}

#[test]
fn a_restore_waiting_for_bytes_probes_its_peer() {
    let server = Server::start();
    server.shop("shop", 1);
    server.sql("postgres", "CREATE DATABASE there");
    let dump = server.tool("pg_dump", "shop", &["-Fp"]).stdout;
    // One session fills an existing database; a created one has a second session as a sign of life.
    for (database, sessions) in [("there", 1), ("made", 2)] {
        let mut sink = Target::new(&server.url(database), false).unwrap().sink();
        sink.write(&dump[..dump.len() / 2]).unwrap();
        let waiting = "SELECT client_port FROM pg_stat_activity
                        WHERE application_name = 'sealkeep' AND wait_event = 'ClientRead'";
        eventually("the restore's sessions", || server.sql("postgres", waiting).lines().count() == sessions);
        for client in server.sql("postgres", waiting).lines() {
            both_ends_ask(server.port, client.parse().unwrap());
        }
    }
}
