//! A private PostgreSQL cluster in a directory, run from the installed binaries as a child of ours.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::{
        fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

/// Longest path that fits a Unix socket's address with PostgreSQL's file name behind it, bytes.
const MAX_SOCKET_DIR: usize = 90;
/// How long an earlier cluster's processes get to end, and the server to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The cluster's superuser; used to create roles and the database, and for nothing else.
const ADMIN: &str = "sealkeep_admin";

/// Why the private cluster could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No `initdb` and `postgres` anywhere.
    #[error(
        "PostgreSQL is not installed: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin. Install it (Debian: apt-get install postgresql), or use `serve` with a database of your own"
    )]
    NoBinaries,
    /// Started by root, and nobody to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody. Start this program as an ordinary user"
    )]
    NoUser,
    /// The unprivileged user cannot reach the directory.
    #[error(
        "{dir} cannot be entered by the user {user}, who has to run PostgreSQL: {below} is closed to others. Choose a directory such as /var/lib/sealkeep, or start this program as an ordinary user"
    )]
    Unreachable {
        /// The cluster's directory.
        dir: String,
        /// Who would run PostgreSQL.
        user: String,
        /// The ancestor that keeps others out.
        below: String,
    },
    /// A cluster of another major version.
    #[error(
        "the cluster in {dir} was made by PostgreSQL {found}, and only {installed} is installed. Install PostgreSQL {found}, or move the data with pg_dump"
    )]
    Version {
        /// The cluster's directory.
        dir: String,
        /// The cluster's major version.
        found: String,
        /// The installed one.
        installed: String,
    },
    /// Processes of another run.
    #[error("processes of an earlier run still use {0}; end them first")]
    InUse(String),
    /// `initdb` or `postgres` ended with an error.
    #[error("{program} ended with {status}: {last_words}")]
    Ended {
        /// Which.
        program: &'static str,
        /// How.
        status: ExitStatus,
        /// The last lines it wrote.
        last_words: String,
    },
    /// It runs and does not answer.
    #[error("PostgreSQL does not answer: {0}")]
    Silent(String),
    /// The directory cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// A statement failed.
    #[error("setting up the private database: {0}")]
    Sql(#[from] sqlx::Error),
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}

/// Passwords of the cluster's three logins.
pub struct Passwords<'a> {
    /// Creates roles and the database.
    pub admin: &'a SecretString,
    /// Owns the tables; for migrations.
    pub owner: &'a SecretString,
    /// The service's.
    pub api: &'a SecretString,
}

/// A running cluster. [`Postgres::stop`] ends it; should we die first, the kernel does.
#[derive(Debug)]
pub struct Postgres {
    socket_dir: PathBuf,
    pid: Pid,
    ended: mpsc::Receiver<io::Result<ExitStatus>>,
    log: PathBuf,
    _short_socket_dir: Option<tempfile::TempDir>,
}

impl Postgres {
    /// Creates the cluster in `dir` when there is none, starts it, and makes roles and database.
    ///
    /// # Errors
    /// [`Error`]: a sentence for the operator.
    pub async fn start(dir: &Path, passwords: &Passwords<'_>) -> Result<Self, Error> {
        let binaries = Binaries::find(dir)?;
        let user = User::choose()?;
        fs::create_dir_all(dir).map_err(io_error(format!("creating {}", dir.display())))?;
        let dir = dir.canonicalize().map_err(io_error(format!("resolving {}", dir.display())))?;
        if let Some(user) = &user {
            user.can_reach(&dir)?;
        }
        own(&dir, user.as_ref())?;
        let data = dir.join("data");
        if !data.join("PG_VERSION").exists() {
            initialise(&dir, &data, &binaries, user.as_ref(), passwords.admin)?;
        }
        wait_for_earlier_run(&data).await?;

        let (socket_dir, short) = socket_dir(&dir, user.as_ref())?;
        let log = dir.join("postgres.log");
        let (pid, ended) = spawn_guarded(&binaries.postgres, &data, &socket_dir, &log, user.as_ref())?;
        let mut cluster = Self { socket_dir, pid, ended, log, _short_socket_dir: short };
        match cluster.prepare(passwords).await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                cluster.stop();
                Err(error)
            }
        }
    }

    /// How to connect as `role`.
    fn options(&self, role: &str, password: &SecretString, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .username(role)
            .password(password.expose_secret())
            .database(database)
            .disable_statement_logging()
    }

    /// A connection string for `role`, as `serve` takes it.
    #[must_use]
    pub fn url(&self, role: &str, password: &SecretString) -> SecretString {
        let host: String =
            url::form_urlencoded::byte_serialize(self.socket_dir.as_os_str().as_encoded_bytes()).collect();
        format!("postgres://{role}:{}@localhost/sealkeep?host={host}", password.expose_secret()).into()
    }

    async fn prepare(&mut self, passwords: &Passwords<'_>) -> Result<(), Error> {
        let admin = self.options(ADMIN, passwords.admin, "postgres");
        let mut connection = self.first_connection(&admin).await?;
        // Passwords are hexadecimal, made by us; role names are constants. Neither can end the literal.
        for (role, options, password) in [
            ("sealkeep_owner", "LOGIN NOINHERIT", Some(passwords.owner)),
            ("sealkeep_api", "LOGIN NOINHERIT", Some(passwords.api)),
            ("sealkeep_auth", "NOLOGIN", None),
        ] {
            let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
                .bind(role)
                .fetch_one(&mut connection)
                .await?;
            let verb = if known { "ALTER" } else { "CREATE" };
            let password = password.map(|p| format!(" PASSWORD '{}'", p.expose_secret())).unwrap_or_default();
            let statement = format!(
                "{verb} ROLE {role} {options} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE{password}"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        sqlx::raw_sql("GRANT sealkeep_auth TO sealkeep_api").execute(&mut connection).await?;
        let known: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'sealkeep')")
                .fetch_one(&mut connection)
                .await?;
        if !known {
            sqlx::raw_sql("CREATE DATABASE sealkeep OWNER sealkeep_owner").execute(&mut connection).await?;
            sqlx::raw_sql("REVOKE ALL ON DATABASE sealkeep FROM PUBLIC; GRANT CONNECT ON DATABASE sealkeep TO sealkeep_api")
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(())
    }

    async fn first_connection(&mut self, options: &PgConnectOptions) -> Result<PgConnection, Error> {
        let started = Instant::now();
        loop {
            if let Ok(status) = self.ended.try_recv() {
                let status = status.map_err(io_error("waiting for postgres"))?;
                return Err(Error::Ended { program: "postgres", status, last_words: last_words(&self.log) });
            }
            match PgConnection::connect_with(options).await {
                Ok(connection) => return Ok(connection),
                Err(error) if started.elapsed() > PATIENCE => return Err(Error::Silent(error.to_string())),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Ends the cluster (fast shutdown: connections are closed, everything is written) and waits for it.
    pub fn stop(&mut self) {
        if kill_process(self.pid, Signal::INT).is_err() {
            return;
        }
        if self.ended.recv_timeout(PATIENCE).is_err() {
            tracing::error!("PostgreSQL does not stop; it recovers at the next start");
            // Already gone is as good.
            let _ = kill_process(self.pid, Signal::QUIT);
            let _ = self.ended.recv_timeout(PATIENCE);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if matches!(self.ended.try_recv(), Err(mpsc::TryRecvError::Empty)) {
            self.stop();
        }
    }
}

struct Binaries {
    initdb: PathBuf,
    postgres: PathBuf,
}

impl Binaries {
    /// The binaries that fit the cluster in `dir`; the newest, when there is no cluster yet.
    fn find(dir: &Path) -> Result<Self, Error> {
        let wanted = fs::read_to_string(dir.join("data/PG_VERSION")).ok().map(|v| v.trim().to_owned());
        let mut dirs: Vec<PathBuf> =
            std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
        let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
            .collect();
        debian.sort_by(|a, b| b.cmp(a));
        dirs.extend(debian.into_iter().map(|(_, dir)| dir));

        let mut seen = None;
        for bin in dirs {
            let found = Self { initdb: bin.join("initdb"), postgres: bin.join("postgres") };
            if !found.initdb.is_file() || !found.postgres.is_file() {
                continue;
            }
            let Some(version) = major_version(&found.postgres) else { continue };
            if wanted.as_ref().is_none_or(|wanted| *wanted == version) {
                return Ok(found);
            }
            seen.get_or_insert(version);
        }
        match (wanted, seen) {
            (Some(found), Some(installed)) => {
                Err(Error::Version { dir: dir.display().to_string(), found, installed })
            }
            _ => Err(Error::NoBinaries),
        }
    }
}

/// `postgres --version` says "postgres (PostgreSQL) 15.20 (Debian …)".
fn major_version(postgres: &Path) -> Option<String> {
    let out = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    Some(version.split(|c: char| !c.is_ascii_digit()).next()?.to_owned())
}

/// Whom PostgreSQL runs as when we are root.
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl User {
    fn choose() -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(io_error("reading /etc/passwd"))?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| {
                let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
                let mut fields = line.split(':').skip(2);
                Some(Self {
                    name: (*name).to_owned(),
                    uid: fields.next()?.parse().ok()?,
                    gid: fields.next()?.parse().ok()?,
                })
            })
            .map(Some)
            .ok_or(Error::NoUser)
    }

    fn can_reach(&self, dir: &Path) -> Result<(), Error> {
        for ancestor in dir.ancestors().skip(1) {
            let meta = fs::metadata(ancestor).map_err(io_error(format!("reading {}", ancestor.display())))?;
            let mode = meta.mode();
            let enters = if meta.uid() == self.uid {
                mode & 0o100
            } else if meta.gid() == self.gid {
                mode & 0o010
            } else {
                mode & 0o001
            };
            if enters == 0 {
                return Err(Error::Unreachable {
                    dir: dir.display().to_string(),
                    user: self.name.clone(),
                    below: ancestor.display().to_string(),
                });
            }
        }
        Ok(())
    }
}

/// Gives a directory to whoever runs PostgreSQL, and closes it to others.
fn own(dir: &Path, user: Option<&User>) -> Result<(), Error> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(io_error(format!("closing {}", dir.display())))?;
    if let Some(user) = user {
        chown(dir, Some(user.uid), Some(user.gid)).map_err(io_error(format!(
            "giving {} to {}",
            dir.display(),
            user.name
        )))?;
    }
    Ok(())
}

fn command(program: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    // Nothing of our environment is PostgreSQL's business: it may hold secrets, and PG* would steer it.
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

fn initialise(
    dir: &Path,
    data: &Path,
    binaries: &Binaries,
    user: Option<&User>,
    password: &SecretString,
) -> Result<(), Error> {
    // An initdb that was cut off leaves a directory without PG_VERSION, which the next one refuses.
    if data.exists() {
        fs::remove_dir_all(data).map_err(io_error(format!("removing {}", data.display())))?;
    }
    let file = dir.join("initial-password");
    let written = (|| {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?;
        if let Some(user) = user {
            chown(&file, Some(user.uid), Some(user.gid))?;
        }
        out.write_all(password.expose_secret().as_bytes())
    })();
    written.map_err(io_error(format!("writing {}", file.display())))?;
    let output = command(&binaries.initdb, user)
        .current_dir(dir)
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--data-checksums"])
        .arg(format!("--username={ADMIN}"))
        .arg(format!("--pwfile={}", file.display()))
        .arg(format!("--pgdata={}", data.display()))
        .output();
    fs::remove_file(&file).map_err(io_error(format!("removing {}", file.display())))?;
    let output = output.map_err(io_error("running initdb"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Ended {
        program: "initdb",
        status: output.status,
        last_words: tail(&String::from_utf8_lossy(&output.stderr)),
    })
}

/// Every PostgreSQL process works in its data directory: while one does, none may be started and no lock be
/// removed; when none does, a lock file is a leftover whose number may by now be another program's.
async fn wait_for_earlier_run(data: &Path) -> Result<(), Error> {
    let started = Instant::now();
    while in_use(data) {
        if started.elapsed() > PATIENCE {
            return Err(Error::InUse(data.display().to_string()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let lock = data.join("postmaster.pid");
    if Path::new("/proc/self/cwd").exists() && lock.exists() {
        fs::remove_file(&lock).map_err(io_error(format!("removing {}", lock.display())))?;
    }
    Ok(())
}

fn in_use(data: &Path) -> bool {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data))
}

/// The cluster's own directory, or a short one elsewhere: a socket's address holds some hundred bytes.
fn socket_dir(dir: &Path, user: Option<&User>) -> Result<(PathBuf, Option<tempfile::TempDir>), Error> {
    if dir.as_os_str().len() <= MAX_SOCKET_DIR {
        return Ok((dir.to_owned(), None));
    }
    let short = tempfile::Builder::new()
        .prefix("sealkeep-")
        .tempdir_in("/tmp")
        .map_err(io_error("creating a directory for the socket in /tmp"))?;
    own(short.path(), user)?;
    Ok((short.path().to_owned(), Some(short)))
}

type Started = (Pid, mpsc::Receiver<io::Result<ExitStatus>>);

/// Starts `postgres` so that the kernel ends it when we die, from a thread that lives as long as it does: Linux
/// delivers the signal at a parent's death when the parent's *thread* ends.
fn spawn_guarded(
    postgres: &Path,
    data: &Path,
    socket_dir: &Path,
    log: &Path,
    user: Option<&User>,
) -> Result<Started, Error> {
    let out = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log)
        .map_err(io_error(format!("opening {}", log.display())))?;
    let err: File = out.try_clone().map_err(io_error("opening the log twice"))?;
    // prctl(2) between fork and exec is unsafe code in Rust; util-linux has a program for it.
    let setpriv = Path::new("/usr/bin/setpriv");
    let guards = Command::new(setpriv).args(["--pdeathsig", "INT", "true"]).output();
    let mut guard = if guards.is_ok_and(|out| out.status.success()) {
        let mut guard = command(setpriv, user);
        guard.args(["--pdeathsig", "INT"]).arg(postgres);
        guard
    } else {
        tracing::warn!(
            "no setpriv with --pdeathsig: should this process be killed, PostgreSQL keeps running"
        );
        command(postgres, user)
    };
    guard
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(socket_dir)
        .args(["-c", "listen_addresses="])
        .args(["-c", "unix_socket_permissions=0700"])
        .args(["-c", "max_connections=60"])
        // Statements may carry what people typed; errors are ours to log.
        .args(["-c", "log_min_error_statement=panic"])
        .current_dir("/")
        // A Ctrl-C at the terminal is ours to handle: the cluster ends after the last request.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);

    let (pid_out, pid_in) = mpsc::channel();
    let (end_out, end_in) = mpsc::channel();
    thread::Builder::new()
        .name("postgres".into())
        .spawn(move || match guard.spawn() {
            Ok(mut child) => {
                // Whoever waited for it may have given up; then nobody needs to know.
                let _ = pid_out.send(Ok(child.id()));
                let _ = end_out.send(child.wait());
            }
            Err(error) => {
                let _ = pid_out.send(Err(error));
            }
        })
        .map_err(io_error("starting a thread"))?;
    let pid = pid_in
        .recv()
        .map_err(|_| io::Error::other("the starting thread ended"))
        .and_then(|pid| pid)
        .map_err(io_error("starting postgres"))?;
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io_error("starting postgres")(io::Error::other("no process number")))?;
    Ok((pid, end_in))
}

fn last_words(log: &Path) -> String {
    fs::read(log).map(|bytes| tail(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}
