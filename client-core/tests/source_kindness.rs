//! What a backup does to its source: nothing that stays, and nothing that pg_dump alone would not do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod private_postgres;

use std::{
    fs,
    io::Read,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use client_core::{
    error::{Error, ErrorKind},
    source::{self, Complete, DumpStream, PgUrl, SourceError, SourceSpec, Stopper, postgres},
};
use private_postgres::{PASSWORD, PASSWORD_IN_URL, Server, eventually};

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.shop("shop", 3);
    server
});

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
fn libpq_parameters_refused() {
    // Each is taken, or refused with its name where the installed libpq is too old for it; psql agrees.
    let port = SERVER.port;
    let psql_takes = |text: &str| {
        let output =
            Command::new(SERVER.bin().join("psql")).args(["-XAtq", "-c", "SELECT 1", text]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (name, value) in [
        ("keepalives", "1"),
        ("keepalives_idle", "30"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "20000"),
        ("sslcompression", "0"),
        ("load_balance_hosts", "random"),
        ("gsslib", "gssapi"),
        ("gssencmode", "disable"),
        ("gssdelegation", "0"),
        ("client_encoding", "UTF8"),
        ("connect_timeout", "10"),
        ("application_name", "mine"),
        ("fallback_application_name", "mine"),
        ("sslmode", "prefer"),
        ("sslnegotiation", "postgres"),
        ("sslpassword", "secret"),
        ("sslsni", "0"),
        ("sslcertmode", "allow"),
        ("ssl_min_protocol_version", "TLSv1.2"),
        ("ssl_max_protocol_version", "TLSv1.3"),
        ("min_protocol_version", "3.0"),
        ("max_protocol_version", "latest"),
        ("channel_binding", "prefer"),
        ("require_auth", "scram-sha-256"),
        ("target_session_attrs", "any"),
        ("options", "-c%20geqo%3Doff"),
        ("passfile", "/nonexistent"),
        ("hostaddr", "127.0.0.1"),
        ("krbsrvname", "postgres"),
        ("sslkeylogfile", "/nonexistent"),
        ("oauth_scope", "x"),
        ("pgbouncer", "true"),
        ("schema", "public"),
        ("connection_limit", "5"),
    ] {
        let text = format!("{}?{name}={value}", SERVER.url("shop"));
        let (taken, said) = psql_takes(&text);
        match open(&text) {
            Ok(stream) => {
                assert!(taken, "{name}: psql refuses it: {said}");
                drop(stream);
            }
            Err(error) => {
                assert!(!taken, "{name}: psql takes it: {error}");
                let error = Error::from(error);
                assert_eq!(error.kind(), ErrorKind::Usage, "{name}: {error}");
                assert!(error.happened().contains(&format!("`{name}`")), "{name}: {error}");
            }
        }
    }
    // Other ways to write a connection.
    for text in [
        format!("POSTGRES://postgres:{PASSWORD_IN_URL}@127.0.0.1:{port}/shop"),
        format!("host=127.0.0.1 port={port} user=postgres password='{PASSWORD}' dbname=shop"),
        format!("postgres://postgres:{PASSWORD_IN_URL}@127.0.0.1:1,127.0.0.1:{port}/shop"),
        format!("postgres:///shop?host=127.0.0.1&port={port}&user=postgres&password={PASSWORD_IN_URL}"),
    ] {
        let stream = open(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(stream.expected_bytes().is_some());
    }
    // A service file names the source.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services");
    fs::write(
        &file,
        format!("[db]\nhost=127.0.0.1\nport={port}\nuser=postgres\npassword={PASSWORD}\ndbname=shop\nkeepalives_idle=9\n"),
    )
    .unwrap();
    let text = format!("service=db servicefile={}", file.display());
    let spec = SourceSpec::postgres(&text).unwrap();
    assert_eq!(spec.default_name(), "shop");
    assert!(dumped(source::open(spec).unwrap()).1.verified_end);
}

#[test]
fn odd_names_go_through_everything() {
    let server = Server::start();
    for name in [
        "a\nb",
        "tab\there",
        "quo\"te",
        "sing'le",
        "back\\slash",
        "pi|pe",
        "\u{1}\u{1f}\u{7f}",
        "sp ace ",
        "größe",
        "a=b",
        "postgres://x",
        "%41",
    ] {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        server.sql("postgres", &format!("CREATE DATABASE {quoted}; "));
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let url = server.url(&encoded);
        let psql = |sql: &str| {
            let output = Command::new(server.bin().join("psql"))
                .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, &url])
                .output()
                .unwrap();
            assert!(output.status.success(), "{name:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        psql(&format!(
            "CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} int); INSERT INTO {quoted}.{quoted} VALUES (1)"
        ));
        psql(&format!(
            "CREATE ROLE {quoted}; ALTER TABLE {quoted}.{quoted} OWNER TO {quoted}; ALTER DATABASE {quoted} OWNER TO {quoted}"
        ));
        psql(&format!(
            "COMMENT ON DATABASE {quoted} IS E'{}'",
            name.replace('\\', "\\\\").replace('\'', "''")
        ));
        let spec = SourceSpec::postgres(&url).unwrap();
        assert_eq!(spec.default_name(), name);
        let (_, complete) = dumped(source::open(spec).unwrap());
        assert!(complete.verified_end);
        let tables: Vec<_> = complete.tables.iter().map(|t| t.name.clone()).collect();
        let ident = if name == "größe" { name.to_owned() } else { quoted.clone() };
        assert!(
            tables == [format!("{quoted}.{quoted}")] || tables == [format!("{ident}.{ident}")],
            "{name:?}: {tables:?}"
        );
        let properties = complete.origin.properties.unwrap();
        assert_eq!((properties.owner.as_str(), properties.comment.as_deref()), (name, Some(name)));
        assert_eq!(complete.origin.database.unwrap().name, name);
    }
    // Encodings in which a name need not be UTF-8.
    server.sql("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    server.sql("postgres", "CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    server.sql("latin", "CREATE TABLE U&\"gr\\00F6\\00DFe\" (x int)");
    server.sql("bytes", "SET client_encoding = SQL_ASCII; DO $$ BEGIN EXECUTE format('CREATE TABLE %I (x int)', encode('\\x636166'::bytea, 'escape')); END $$");
    let tables = |name: &str| dumped(open(&server.url(name)).unwrap()).1.tables;
    assert_eq!(tables("latin")[0].name, "public.\"größe\"");
    assert_eq!(tables("bytes")[0].name, "public.caf");
    // Bytes of LATIN1 in a cluster that does not convert.
    let output = Command::new(server.bin().join("psql"))
        .args([
            "-XAtq",
            "-h",
            "127.0.0.1",
            "-p",
            &server.port.to_string(),
            "-U",
            "postgres",
            "-d",
            "bytes",
            "-f",
            "-",
        ])
        .env("PGPASSWORD", PASSWORD)
        .env("PGCLIENTENCODING", "SQL_ASCII")
        .stdin({
            let file = tempfile::tempfile().unwrap();
            let mut file = file;
            std::io::Write::write_all(
                &mut file,
                b"CREATE TABLE \"\xe9t\xe9\" (x int); CREATE TABLE \"\xe8t\xe9\" (x int);",
            )
            .unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            file
        })
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<_> = tables("bytes").into_iter().map(|t| t.name).collect();
    assert!(names.len() == 3 && names.iter().any(|n| n.contains("\\xe9t\\xe9")), "{names:?}");
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
