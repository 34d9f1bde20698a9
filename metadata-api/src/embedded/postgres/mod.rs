//! A private PostgreSQL cluster in a directory, run as a child process from the installed binaries.

mod error;
mod host;
mod process;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, chown},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

pub use self::error::Error;
use self::{
    error::io_error,
    host::{Binaries, User, command, own},
    process::{spawn_guarded, wait_for_earlier_run},
};

/// Longest directory, bytes, that still fits in a Unix socket address together with PostgreSQL's file name.
const MAX_SOCKET_DIR: usize = 90;
/// Time limit for an earlier cluster's processes to end, and for the server to respond.
const PATIENCE: Duration = Duration::from_secs(30);
/// Part of the socket's name, whatever PGPORT says.
const PORT: u16 = 5432;
/// The cluster's superuser, used only to create the roles and the database.
const ADMIN: &str = "sealkeep_admin";

/// Passwords of the cluster's three login roles.
pub struct Passwords<'a> {
    /// For creating the roles and the database.
    pub admin: &'a SecretString,
    /// For migrations; owns the tables.
    pub owner: &'a SecretString,
    /// For the service.
    pub api: &'a SecretString,
}

/// A running cluster. [`Postgres::stop`] stops it; if we die first, the kernel does.
#[derive(Debug)]
pub struct Postgres {
    socket_dir: PathBuf,
    pid: Pid,
    ended: mpsc::Receiver<io::Result<ExitStatus>>,
    gone: Arc<AtomicBool>,
    log: PathBuf,
    _short_socket_dir: Option<tempfile::TempDir>,
}

impl Postgres {
    /// Creates the cluster in `dir` if there is none, starts it, and creates the roles and the database.
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
            initialize(&dir, &data, &binaries, user.as_ref(), passwords.admin)?;
        }
        wait_for_earlier_run(&data).await?;

        let (socket_dir, short) = socket_dir(&dir, user.as_ref())?;
        let log = dir.join("postgres.log");
        let (pid, ended, gone) = spawn_guarded(&binaries.postgres, &data, &socket_dir, &log, user.as_ref())?;
        let mut cluster = Self { socket_dir, pid, ended, gone, log, _short_socket_dir: short };
        match cluster.prepare(passwords).await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                cluster.stop();
                Err(error)
            }
        }
    }

    /// Connection options for `role`.
    fn options(&self, role: &str, password: &SecretString, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .port(PORT)
            .ssl_mode(PgSslMode::Disable)
            .username(role)
            .password(password.expose_secret())
            .database(database)
            .disable_statement_logging()
    }

    /// Connection string for `role`, in the form that `serve` takes.
    #[must_use]
    pub fn url(&self, role: &str, password: &SecretString) -> SecretString {
        let host: String =
            url::form_urlencoded::byte_serialize(self.socket_dir.as_os_str().as_encoded_bytes()).collect();
        format!(
            "postgres://{role}:{}@localhost:{PORT}/sealkeep?host={host}&sslmode=disable",
            password.expose_secret()
        )
        .into()
    }

    /// Becomes true when the server has stopped for any reason.
    #[must_use]
    pub fn gone(&self) -> Arc<AtomicBool> {
        self.gone.clone()
    }

    async fn prepare(&mut self, passwords: &Passwords<'_>) -> Result<(), Error> {
        let admin = self.options(ADMIN, passwords.admin, "postgres");
        let mut connection = self.first_connection(&admin).await?;
        // Passwords are generated hexadecimal and role names are constants, so neither can end the literal.
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
                return Err(Error::Ended { program: "postgres", status, output: last_lines(&self.log) });
            }
            match PgConnection::connect_with(options).await {
                Ok(connection) => return Ok(connection),
                Err(error) if started.elapsed() > PATIENCE => return Err(Error::Silent(error.to_string())),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Stops the cluster (fast shutdown: connections are closed, everything is written) and waits for it.
    pub fn stop(&mut self) {
        if kill_process(self.pid, Signal::INT).is_err() {
            return;
        }
        if self.ended.recv_timeout(PATIENCE).is_err() {
            tracing::error!("PostgreSQL does not stop; it recovers at the next start");
            // It may already have exited.
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

fn initialize(
    dir: &Path,
    data: &Path,
    binaries: &Binaries,
    user: Option<&User>,
    password: &SecretString,
) -> Result<(), Error> {
    // An interrupted initdb leaves a directory without PG_VERSION, which the next initdb refuses.
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
        output: tail(&String::from_utf8_lossy(&output.stderr)),
    })
}

/// The cluster's directory, or a short one elsewhere: a socket address has room for about a hundred bytes.
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

fn last_lines(log: &Path) -> String {
    fs::read(log).map(|bytes| tail(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}
