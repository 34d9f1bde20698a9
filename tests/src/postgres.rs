//! A private PostgreSQL cluster to back up from and restore into.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

use crate::{
    binaries,
    failure::{Context, Failure, Result},
    files, measure,
};

/// The cluster's only role.
pub const USER: &str = "owner";
/// How the command and pg_dump identify themselves.
const DUMPS: &str = "application_name in ('sealkeep', 'pg_dump')";
const PATIENCE: Duration = Duration::from_secs(30);

/// A running cluster; dropping it stops it and removes its files.
pub struct Postgres {
    child: Child,
    port: u16,
    password: String,
    owner: Option<(u32, u32)>,
    dir: TempDir,
}

impl Postgres {
    /// Creates and starts a cluster on a free loopback port. Clients sign in with a password.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub fn start() -> Result<Self> {
        let dir = files::temporary()?;
        let owner = unprivileged()?;
        let data = dir.path().join("data");
        let password = files::sha256_of(dir.path().as_os_str().as_encoded_bytes());
        let secret = dir.path().join("password");
        fs::write(&secret, format!("{password}\n"))?;
        if let Some((uid, gid)) = owner {
            chown(dir.path(), Some(uid), Some(gid))?;
            chown(&secret, Some(uid), Some(gid))?;
        }
        let mut initdb = as_user(binaries::postgres_tool("initdb")?, owner);
        initdb
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", USER])
            .arg(format!("--pwfile={}", secret.display()))
            .arg("-D")
            .arg(&data);
        let made = measure::run(&mut initdb)?;
        if !made.status.success() {
            return Err(Failure::new(format!("initdb: {}", String::from_utf8_lossy(&made.stderr))));
        }
        fs::remove_file(secret)?;
        let (child, port) = launch(&data, owner)?;
        Ok(Self { child, port, password, owner, dir })
    }

    /// A `postgres://` URL without the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The value for `PGPASSWORD`.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A PostgreSQL program, set up to reach this cluster.
    ///
    /// # Errors
    /// It is not installed.
    pub fn tool(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(binaries::postgres_tool(name)?);
        command
            .env("PGPASSWORD", &self.password)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string());
        command.env("PGUSER", USER).env_remove("PGSERVICE").stdin(Stdio::null());
        Ok(command)
    }

    /// Runs SQL and returns its output without headers.
    ///
    /// # Errors
    /// The server's.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.tool("psql")?;
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"])
            .stdin(Stdio::piped());
        psql.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().context("psql")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(sql.as_bytes())?;
        }
        let ended = measure::finish(child, Instant::now())?;
        if ended.status.success() {
            Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
        } else {
            Err(Failure::new(format!("psql: {}", String::from_utf8_lossy(&ended.stderr))))
        }
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// The server's.
    pub fn create(&self, database: &str) -> Result<()> {
        self.sql("postgres", &format!("create database \"{database}\"")).map(drop)
    }

    /// The row count of every table of schema `public`.
    ///
    /// # Errors
    /// The server's.
    pub fn row_counts(&self, database: &str) -> Result<BTreeMap<String, u64>> {
        let tables = self.sql(
            database,
            "select quote_ident(relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1",
        )?;
        tables
            .lines()
            .map(|table| {
                let rows = self.sql(database, &format!("select count(*) from {table}"))?;
                Ok((table.to_owned(), rows.parse().context("a count")?))
            })
            .collect()
    }

    /// One hash over the content of every table, independent of row order.
    ///
    /// # Errors
    /// The server's.
    pub fn content_hash(&self, database: &str) -> Result<String> {
        let mut all = String::new();
        for table in self.row_counts(database)?.into_keys() {
            let sum = self.sql(
                database,
                &format!("select '{table}', sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint) from {table} t"),
            )?;
            all.push_str(&sum);
            all.push('\n');
        }
        Ok(files::sha256_of(all.as_bytes()))
    }

    /// Writes `pg_dump -Fc -Z0` to a file.
    ///
    /// # Errors
    /// The error from `pg_dump`.
    pub fn dump(&self, database: &str, to: &Path) -> Result<()> {
        self.dump_as(database, &["-Fc", "-Z0"], to)
    }

    /// Writes a dump in another form to a file; `form` are arguments of `pg_dump`.
    ///
    /// # Errors
    /// The error from `pg_dump`.
    pub fn dump_as(&self, database: &str, form: &[&str], to: &Path) -> Result<()> {
        let mut tool = self.tool("pg_dump")?;
        let ended = measure::run(tool.args(form).args(["-d", database, "-f"]).arg(to))?;
        if ended.status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("pg_dump: {}", String::from_utf8_lossy(&ended.stderr))))
        }
    }

    /// Number of server processes for the command's dumps. `copying`: only those in the middle of table data.
    ///
    /// # Errors
    /// The server's.
    pub fn dumps_running(&self, copying: bool) -> Result<u32> {
        let which = if copying { "query ilike 'copy %'" } else { "true" };
        self.sql("postgres", &format!("select count(*) from pg_stat_activity where {DUMPS} and {which}"))?
            .parse()
            .context("a count")
    }

    /// Ends the server processes of dumps, as an administrator could; returns their number.
    ///
    /// # Errors
    /// The server's.
    pub fn end_dumps(&self) -> Result<u32> {
        self.sql(
            "postgres",
            &format!("select count(pg_terminate_backend(pid)) from pg_stat_activity where {DUMPS}"),
        )?
        .parse()
        .context("a count")
    }

    /// Makes the server's user the owner of a folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn give(&self, folder: &Path) -> Result<()> {
        match self.owner {
            Some((uid, gid)) => Ok(chown(folder, Some(uid), Some(gid))?),
            None => Ok(()),
        }
    }

    /// Limits the length of files that new sessions may write, bytes.
    ///
    /// # Errors
    /// The server is gone.
    pub fn limit_files(&self, len: u64) -> Result<()> {
        let limit = Rlimit { current: Some(len), maximum: Some(len) };
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        prlimit(pid, Resource::Fsize, limit).context("prlimit").map(drop)
    }

    /// Kills the server and starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn crash(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        let (child, port) = launch(&self.dir.path().join("data"), self.owner)?;
        self.child = child;
        self.port = port;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT ends it at once, with its children; leftovers are removed with the directory.
        let _ = measure::signal(self.child.id(), Signal::QUIT);
        let _ = self.child.wait();
    }
}

/// The user that runs PostgreSQL if we are root.
fn unprivileged() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
        })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or_else(|| {
        Failure::new("PostgreSQL does not run as root, and there is no user postgres or nobody")
    })
}

fn as_user(program: PathBuf, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).current_dir("/").env_remove("PGDATA").env("LC_ALL", "C");
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command
}

fn launch(data: &Path, owner: Option<(u32, u32)>) -> Result<(Child, u16)> {
    let log = data.with_file_name("log");
    let postgres = binaries::postgres_tool("postgres")?;
    // Another process may take the port in between, and a killed server's lock file may linger for a moment.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let out = File::create(&log)?;
        let mut command = as_user(postgres.clone(), owner);
        command
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"])
            .args(["-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB", "-c", "autovacuum=off"])
            .args(["-p", &port.to_string(), "-D"])
            .arg(data)
            .stdout(out.try_clone()?)
            .stderr(out)
            // Ctrl-C in a terminal is for us; we stop the server in order.
            .process_group(0);
        let mut child = command.spawn().context("postgres")?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if child.try_wait()?.is_some() {
                break;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() && is_ready(port)? {
                return Ok((child, port));
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
        // Until the lock file is gone; another try takes another port.
        thread::sleep(Duration::from_millis(500));
    }
    let mut words = String::new();
    File::open(&log)?.read_to_string(&mut words)?;
    Err(Failure::new(format!("PostgreSQL does not start: {words}")))
}

fn is_ready(port: u16) -> Result<bool> {
    let mut command = Command::new(binaries::postgres_tool("pg_isready")?);
    command.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", USER]);
    Ok(measure::run(&mut command)?.status.success())
}
