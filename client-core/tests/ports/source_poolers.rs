//! Backup and restore through a connection pooler leave nothing behind in its sessions.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::postgres_target::{Target, clean_up, open};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use crate::private_postgres::{PASSWORD, PASSWORD_IN_URL, Server, dumped, eventually};

use client_core::{
    error::Error,
    source::{SourceError, Stopper},
};

/// A pooler in front of a server.
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
        self.show(server, database, "search_path")
    }

    fn show(&self, server: &Server, database: &str, setting: &str) -> String {
        let output = Command::new(server.bin().join("psql"))
            .args(["-XAtq", "-c", &format!("SHOW {setting}"), &self.url(database)])
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

// case: pooler-search-path-poisoned
#[test]
#[ignore = "slow"]
fn a_pooler_is_refused_and_left_unchanged() {
    let server = Server::start();
    server.shop("app_db", 1);
    let (dump, _) = dumped(open(&server.url("app_db")).unwrap());
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_0badcafe");
    let databases =
        "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate";
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
            // A restore into it sets nothing there either.
            let target = Target::new(&pooler.url("app_db"), false).unwrap();
            let mut sink = target.sink();
            let refused = sink.write(&dump).and_then(|()| sink.finish().map(drop)).unwrap_err();
            assert!(matches!(refused, SourceError::Pooler(_)), "{mode} {size} {more}: {refused}");
            let error = Error::from(error);
            assert!(error.next_step().contains("session mode"), "{}", error.next_step());
            if more.is_empty() {
                // Neither does a restore into a database to be created, which is not created, nor a clean-up.
                let target = Target::new(&pooler.url("fresh"), false).unwrap();
                let mut sink = target.sink();
                let refused = sink.write(&dump).and_then(|()| sink.finish().map(drop)).unwrap_err();
                assert!(matches!(refused, SourceError::Pooler(_)), "{mode} {size} {more}: {refused}");
                let cleaned = clean_up(&pooler.url("app_db"), &Stopper::default());
                assert!(matches!(cleaned, Err(SourceError::Pooler(_))), "{mode} {size} {more}: {cleaned:?}");
                assert_eq!(server.sql("postgres", databases), "app_db,postgres,sealkeep_restoring_0badcafe");
            }
            for (database, setting) in [("app_db", "search_path"), ("postgres", "client_min_messages")] {
                let (now, usual) = (
                    pooler.show(&server, database, setting),
                    server.sql(database, &format!("SHOW {setting}")),
                );
                assert_eq!(now, usual, "{mode} {size} {more}: {setting}");
            }
            assert_eq!(pooler.search_path(&server, "app_db"), before, "{mode} {size} {more}");
        }
    }
    // Session pooling is as good as the server itself.
    for more in ["", "ignore_startup_parameters = options"] {
        let pooler = Pooler::start(&server, "session", 5, more);
        let (_, complete) = dumped(open(&pooler.url("app_db")).unwrap());
        assert!(complete.verified_end && complete.tables.len() == 3);
        assert_eq!(pooler.search_path(&server, "app_db"), "\"$user\", public");
        let name = format!("through_{}", more.len());
        let mut sink = Target::new(&pooler.url(&name), false).unwrap().sink();
        sink.write(&dump).and_then(|()| sink.finish().map(drop)).unwrap();
        assert!(server.sql("postgres", databases).contains(&name));
    }
    let pooler = Pooler::start(&server, "session", 5, "");
    let cleaned = clean_up(&pooler.url("app_db"), &Stopper::default()).unwrap();
    assert_eq!(cleaned.dropped, ["sealkeep_restoring_0badcafe"]);
}
