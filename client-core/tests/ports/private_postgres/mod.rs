//! A PostgreSQL server of our own in a temporary directory.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::Read,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use client_core::source::{Complete, DumpStream};
use tempfile::TempDir;

/// The password of the superuser `postgres`.
pub(crate) const PASSWORD: &str = "s3cret/marker%21";
/// The same password in a URL.
pub(crate) const PASSWORD_IN_URL: &str = "s3cret%2Fmarker%2521";

/// A running server; dropping it stops the server and removes its files.
pub(crate) struct Server {
    dir: TempDir,
    bin: PathBuf,
    pub(crate) port: u16,
    /// Stops the server when this process ends in any way, because its standard input then closes.
    watch: Option<Child>,
}

impl Server {
    /// Starts a server with password authentication.
    pub(crate) fn start() -> Self {
        let bin = newest_bin();
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(dir.path().join("pw"), PASSWORD).unwrap();
        if is_root() {
            let owned = Command::new("chown").args(["-R", "postgres:"]).arg(dir.path()).status().unwrap();
            assert!(owned.success());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { dir, bin, port, watch: None };
        let pw = server.path("pw");
        server.run(
            "initdb",
            &[
                "-A",
                "scram-sha-256",
                "-U",
                "postgres",
                "--pwfile",
                &pw,
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
                "-D",
                &server.path("data"),
            ],
        );
        server.watch = Some(server.watch());
        server.up();
        server
    }

    /// A copy of its files on another port, like a base backup or a cloud clone.
    pub(crate) fn cloned(&self) -> Self {
        self.down();
        let dir = TempDir::new().unwrap();
        let files = Command::new("cp").args(["-a", &self.path("data")]).arg(dir.path()).status().unwrap();
        assert!(files.success());
        if is_root() {
            let owned = Command::new("chown").arg("postgres:").arg(dir.path()).status().unwrap();
            assert!(owned.success());
        }
        self.up();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { dir, bin: self.bin.clone(), port, watch: None };
        server.watch = Some(server.watch());
        server.up();
        server
    }

    fn watch(&self) -> Child {
        let script = "cat > /dev/null; \"$1/pg_ctl\" -m immediate -D \"$2/data\" stop; rm -rf \"$2\"";
        let arguments =
            ["sh", "-c", script, "watch", self.bin.to_str().unwrap(), self.dir.path().to_str().unwrap()];
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).args(arguments);
            command
        } else {
            let mut command = Command::new(arguments[0]);
            command.args(&arguments[1..]);
            command
        };
        command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    pub(crate) fn up(&self) {
        let language = if self.locales().exists() { "-c lc_messages=de_DE.UTF-8" } else { "" };
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=30 {language}",
            self.port
        );
        self.run(
            "pg_ctl",
            &["-w", "-D", &self.path("data"), "-l", &self.path("log"), "-o", &options, "start"],
        );
    }

    /// Switches its messages to German.
    pub(crate) fn speak_german(&self) {
        let locale = self.locales().join("de_DE.UTF-8");
        std::fs::create_dir(self.locales()).unwrap();
        let made =
            Command::new("localedef").args(["-i", "de_DE", "-f", "UTF-8"]).arg(&locale).status().unwrap();
        assert!(made.success(), "the package locales is installed; .ci/setup does it");
        self.down();
        self.up();
        let said = self.tool("psql", "postgres", &["-c", "SELECT * FROM absent"]).stderr;
        assert!(String::from_utf8_lossy(&said).contains("existiert nicht"), "the server speaks German");
    }

    fn locales(&self) -> PathBuf {
        self.dir.path().join("locales")
    }

    /// Stops at once, like a crash.
    pub(crate) fn down(&self) {
        self.run("pg_ctl", &["-w", "-m", "immediate", "-D", &self.path("data"), "stop"]);
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn run(&self, tool: &str, arguments: &[&str]) {
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(self.bin.join(tool));
            command
        } else {
            Command::new(self.bin.join(tool))
        };
        if self.locales().exists() {
            command.env("LOCPATH", self.locales());
        }
        let output = command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("LC_ALL", "C.UTF-8")
            // A server that inherits the test's pipes would keep them open.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(output.success(), "{tool} {arguments:?}");
    }

    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    /// A URL with the right password.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{PASSWORD_IN_URL}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL and returns the output.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.tool("psql", database, &["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs a client program with the right password.
    pub(crate) fn tool(&self, tool: &str, database: &str, arguments: &[&str]) -> Output {
        Command::new(self.bin.join(tool))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database])
            .args(arguments)
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap()
    }

    /// The number of sessions of our own programs.
    pub(crate) fn sessions(&self) -> String {
        self.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sealkeep'")
    }

    /// Whether a session waits for a lock, as its process's title says: one that locks the list of databases leaves
    /// nobody to ask.
    pub(crate) fn has_waiting_session(&self) -> bool {
        let server = std::fs::read_to_string(self.path("data/postmaster.pid")).unwrap();
        let server = server.lines().next();
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let read = |name: &str| {
                let bytes = std::fs::read(entry.path().join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let (stat, title) = (read("stat"), read("cmdline"));
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
            let title = title.trim_end_matches(['\0', ' ']);
            parent == server && title.contains("127.0.0.1(") && title.ends_with(" waiting")
        })
    }

    /// A database with tables, a large object and about `megabytes` of rows.
    pub(crate) fn shop(&self, database: &str, megabytes: u32) {
        self.sql("postgres", &format!("CREATE DATABASE {database}"));
        self.sql(
            database,
            &format!(
                "CREATE TABLE item (id int PRIMARY KEY, name text, body text);
                 INSERT INTO item SELECT i, 'item ' || i, repeat(md5(i::text), 32) FROM generate_series(1, {}) i;
                 CREATE TABLE empty (x int);
                 CREATE SCHEMA s; CREATE TABLE s.\"odd name\" (x bytea);
                 INSERT INTO s.\"odd name\" SELECT decode(md5(i::text), 'hex') FROM generate_series(1, 100) i;
                 CREATE VIEW v AS SELECT count(*) FROM item;
                 SELECT lo_from_bytea(0, decode(repeat('ab', 70000), 'hex'));
                 SELECT lo_from_bytea(0, '');",
                megabytes * 1000
            ),
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.dir.path().join("data/postmaster.pid").exists() {
            self.down();
        }
        if let Some(mut watch) = self.watch.take() {
            drop(watch.stdin.take());
            watch.wait().unwrap();
        }
    }
}

/// Reads a dump to its end.
pub(crate) fn dumped(mut stream: DumpStream) -> (Vec<u8>, Complete) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    (bytes, stream.finish().unwrap())
}

/// Polls until `done` returns true.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "{what} did not happen");
        thread::sleep(Duration::from_millis(50));
    }
}

fn newest_bin() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is installed in /usr/lib/postgresql")
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect("a PostgreSQL server is installed").1
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
