//! What a backup does to its source: nothing that stays, and nothing that pg_dump alone would not do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod private_postgres;

use std::{
    fs,
    io::Read,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use client_core::{
    error::Error,
    source::{self, Complete, DumpStream, PgUrl, SourceError, SourceSpec, Stopper, postgres},
};
use private_postgres::{PASSWORD, PASSWORD_IN_URL, Server, eventually};

fn open(url: &str) -> Result<DumpStream, SourceError> {
    source::open(SourceSpec::postgres(url)?)
}

fn dumped(mut stream: DumpStream) -> (Vec<u8>, Complete) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    (bytes, stream.finish().unwrap())
}

/// Holds a table of `database` as VACUUM FULL would, until it is dropped.
struct Holder<'a>(&'a Server, Child);

impl<'a> Holder<'a> {
    fn of(server: &'a Server, database: &str, table: &str) -> Self {
        let sql = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)");
        let child = Command::new(server.bin().join("psql"))
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
            .args(["-c", &sql])
            .env("PGPASSWORD", PASSWORD)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let held = format!(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
              WHERE d.datname = '{database}' AND l.mode = 'AccessExclusiveLock' AND l.granted"
        );
        eventually("a held table", || server.sql("postgres", &held) != "0");
        Self(server, child)
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        self.0.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE query LIKE '%pg_sleep(300)%' AND pid <> pg_backend_pid()",
        );
        self.1.wait().unwrap();
    }
}

#[test]
fn look_before_dump_stops_backups() {
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

    // A table that somebody holds: the look goes on without its size, the dump waits as pg_dump does.
    let holder = Holder::of(&server, "big", "empty");
    let stream = open(&server.url("big")).unwrap();
    drop(holder);
    let (_, complete) = dumped(stream);
    let rows: Vec<_> = complete.tables.iter().map(|t| (t.name.as_str(), t.rows.is_some())).collect();
    assert!(rows.contains(&("public.empty", false)) && rows.contains(&("public.item", true)), "{rows:?}");

    // A statement that an administrator cancels is not "cannot be reached".
    server.sql("postgres", "CREATE ROLE weak LOGIN PASSWORD 'weak'; GRANT pg_read_all_data TO weak");
    server.sql("big", "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public");
    let url = format!("postgres://weak:weak@127.0.0.1:{}/big", server.port);
    let found = postgres::inspect(&PgUrl::parse(&url).unwrap()).unwrap();
    assert_eq!(found.identity.as_ref().unwrap().system_identifier, None);
    assert!(found.properties.is_some());
}

#[test]
fn cancel_waits_for_locked_table() {
    let server = Server::start();
    server.shop("lk", 1);
    let _holder = Holder::of(&server, "lk", "pg_catalog.pg_class");
    let stopper = Stopper::default();
    let stop = stopper.clone();
    let url = server.url("lk");
    let looking = thread::spawn(move || source::prepare(SourceSpec::postgres(&url).unwrap(), &stopper).err());
    thread::sleep(Duration::from_millis(1500));
    let begun = Instant::now();
    stop.stop();
    assert_eq!(looking.join().unwrap(), Some(SourceError::Cancelled));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    eventually("the end of the session", || server.sessions() == "0");
    assert_eq!(
        source::prepare(SourceSpec::postgres(&server.url("lk")).unwrap(), &stop).err(),
        Some(SourceError::Cancelled),
        "nothing starts after a stop"
    );
}

/// A pooler before a server.
struct Pooler {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Pooler {
    fn start(server: &Server, mode: &str, size: u32, more: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let users = dir.path().join("users");
        fs::write(&users, format!("\"postgres\" \"{PASSWORD}\"\n")).unwrap();
        let file = dir.path().join("pgbouncer.ini");
        fs::write(
            &file,
            format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {size}\n{more}\n",
                server.port,
                users.display()
            ),
        )
        .unwrap();
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
            .into_iter()
            .find(|path| fs::exists(path).unwrap())
            .expect("pgbouncer is installed; .ci/setup does it");
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            assert!(
                Command::new("chown").args(["-R", "postgres:"]).arg(dir.path()).status().unwrap().success()
            );
            command.args(["-u", "postgres"]);
        }
        let child = command.arg("-q").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("the pooler", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port, _dir: dir }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{PASSWORD_IN_URL}@127.0.0.1:{}/{database}", self.port)
    }

    fn search_path(&self, server: &Server, database: &str) -> String {
        let output = Command::new(server.bin().join("psql"))
            .args(["-XAtq", "-c", "SHOW search_path", &self.url(database)])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn pooler_search_path_poisoned() {
    let server = Server::start();
    server.shop("app_db", 1);
    let (dump, _) = dumped(open(&server.url("app_db")).unwrap());
    for (size, more) in [
        (1, ""),
        (5, ""),
        (5, "server_round_robin = 1"),
        (1, "ignore_startup_parameters = options, extra_float_digits"),
        (5, "ignore_startup_parameters = options"),
    ] {
        for mode in ["transaction", "statement"] {
            if mode == "statement" && size == 5 {
                continue;
            }
            let pooler = Pooler::start(&server, mode, size, more);
            let before = pooler.search_path(&server, "app_db");
            assert_eq!(before, "\"$user\", public");
            let error = open(&pooler.url("app_db")).err().unwrap();
            assert!(matches!(error, SourceError::Pooler(_)), "{mode} {size} {more}: {error}");
            // A restore into it neither sets anything there.
            let target = postgres::RestoreTarget::new(&pooler.url("app_db"), false).unwrap();
            let mut sink = postgres::DatabaseSink::new(target);
            let refused = sink.write(&dump).and_then(|()| sink.finish().map(drop)).unwrap_err();
            assert!(matches!(refused, SourceError::Pooler(_)), "{mode} {size} {more}: {refused}");
            let error = Error::from(error);
            assert!(error.next_step().contains("session mode"), "{}", error.next_step());
            assert_eq!(pooler.search_path(&server, "app_db"), before, "{mode} {size} {more}");
        }
    }
    // A pool of whole sessions is as good as the server.
    for more in ["", "ignore_startup_parameters = options"] {
        let pooler = Pooler::start(&server, "session", 5, more);
        let (_, complete) = dumped(open(&pooler.url("app_db")).unwrap());
        assert!(complete.verified_end && complete.tables.len() == 3);
        assert_eq!(pooler.search_path(&server, "app_db"), "\"$user\", public");
    }
}

#[test]
fn a_paused_dump_survives() {
    // Scaled: a server that would give up on a client after 3 seconds, a pause of 9. A dump that is paused for 15 minutes
    // meets nothing else: its session has no time limit at all.
    let server = Server::start();
    server.shop("shop", 40);
    server.sql("postgres", "ALTER SYSTEM SET tcp_user_timeout = '3s'");
    server.sql("postgres", "ALTER SYSTEM SET statement_timeout = '3s'");
    server.sql("postgres", "ALTER SYSTEM SET idle_in_transaction_session_timeout = '3s'");
    server.sql("postgres", "SELECT pg_reload_conf()");
    let mut stream = open(&server.url("shop")).unwrap();
    let settings = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sealkeep'";
    stream.read_exact(&mut vec![0; 1_000_000]).unwrap();
    thread::sleep(Duration::from_secs(9));
    assert_eq!(server.sql("postgres", settings), "1");
    let (bytes, complete) = dumped(stream);
    assert!(complete.verified_end && bytes.len() > 39_000_000);
}
