//! The real service in its embedded form: `metadata-api --embedded DIR`.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    net::{SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    binaries,
    bucket::Bucket,
    failure::{Context, Failure, Result},
    files, measure,
    proxy::Proxy,
};

/// A first start creates a cluster and migrates it, which takes a while under load.
const PATIENCE: Duration = Duration::from_secs(120);
/// To the service, concurrent tests come from one network; its limits are not under test here.
const ONE_NETWORK: [&str; 8] = [
    "--requests-per-second",
    "5000",
    "--auth-per-minute",
    "5000",
    "--sign-ups-per-network",
    "5000",
    "--accounts-per-network",
    "5000",
];

/// A running service; dropping it stops it with its database and removes its files.
pub struct Service {
    child: Option<Child>,
    url: String,
    ports: (u16, u16),
    wires: Option<Wires>,
    front: Option<(Arc<dyn Front>, usize)>,
    arguments: Vec<String>,
    dir: TempDir,
}

/// A proxy between devices and services, for [`Service::start_behind`].
pub trait Front: Send + Sync {
    /// Its addresses for the service and for the store.
    fn addresses(&self) -> (SocketAddr, SocketAddr);

    /// Sets the ports of a service and its store. There may be several services, numbered from 0.
    fn lead_to(&self, world: usize, api: u16, store: u16);
}

/// The network around a service started with [`Service::start_wired`].
pub struct Wires {
    /// Between devices and the service.
    pub api: Proxy,
    /// Between devices, the service and the object store.
    pub store: Proxy,
}

impl Service {
    /// Starts a service in a new directory on free ports.
    ///
    /// # Errors
    /// The service's.
    pub fn start() -> Result<Self> {
        Self::start_with(None, None, &[])
    }

    /// The same with the default limits.
    ///
    /// # Errors
    /// The service's.
    pub fn start_as_shipped() -> Result<Self> {
        Self::start_whole(None, None, Vec::new())
    }

    /// The same with a recording network around it.
    ///
    /// # Errors
    /// The service's.
    pub fn start_wired() -> Result<Self> {
        Self::start_wired_with(&[])
    }

    /// The same with more arguments for the service.
    ///
    /// # Errors
    /// The service's.
    pub fn start_wired_with(arguments: &[&str]) -> Result<Self> {
        Self::start_with(Some(Wires { api: Proxy::start()?, store: Proxy::start()? }), None, arguments)
    }

    /// The same behind another proxy.
    ///
    /// # Errors
    /// The service's.
    pub fn start_behind(front: Arc<dyn Front>) -> Result<Self> {
        Self::start_with(None, Some((front, 0)), &[])
    }

    /// Starts a second service with the same accounts, secrets and objects behind the same proxy; the two diverge from
    /// here.
    ///
    /// # Errors
    /// Either service's.
    pub fn fork(&mut self, world: usize) -> Result<Self> {
        self.stop()?;
        let dir = files::temporary()?;
        files::copy(&self.dir(), &dir.path().join("service"))?;
        let front = self.front.as_ref().map(|(front, _)| (Arc::clone(front), world));
        let mut fork = Self {
            child: None,
            url: String::new(),
            ports: (free_port()?, free_port()?),
            wires: None,
            front,
            arguments: self.arguments.clone(),
            dir,
        };
        self.launch()?;
        fork.launch()?;
        Ok(fork)
    }

    fn start_with(
        wires: Option<Wires>,
        front: Option<(Arc<dyn Front>, usize)>,
        arguments: &[&str],
    ) -> Result<Self> {
        let arguments = ONE_NETWORK.iter().chain(arguments).map(ToString::to_string).collect();
        Self::start_whole(wires, front, arguments)
    }

    fn start_whole(
        wires: Option<Wires>,
        front: Option<(Arc<dyn Front>, usize)>,
        arguments: Vec<String>,
    ) -> Result<Self> {
        let dir = files::temporary()?;
        // The service probes its store before it is ready, so the proxy must know the ports by then.
        let ports = if wires.is_some() || front.is_some() { (free_port()?, free_port()?) } else { (0, 0) };
        let mut service = Self { child: None, url: String::new(), ports, wires, front, arguments, dir };
        service.launch()?;
        Ok(service)
    }

    /// The network around it.
    ///
    /// # Errors
    /// It was started without one.
    pub fn wires(&self) -> Result<&Wires> {
        self.wires
            .as_ref()
            .ok_or_else(|| Failure::new("this service was started without a network around it"))
    }

    /// The URL given to devices.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its data directory.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.dir.path().join("service")
    }

    /// The process id of the service; 0 if it is stopped.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Its object store's port.
    #[must_use]
    pub const fn store_port(&self) -> u16 {
        self.ports.1
    }

    /// The files of its object store.
    #[must_use]
    pub fn bucket(&self) -> Bucket {
        Bucket::at(&self.dir().join("objects"))
    }

    /// Runs SQL on the service's own database as superuser, like a hostile operator.
    ///
    /// # Errors
    /// The server's.
    pub fn sql(&self, sql: &str) -> Result<String> {
        let mut psql = self.tool("psql")?;
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let ended = measure::run(&mut psql)?;
        if ended.status.success() {
            Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
        } else {
            Err(Failure::new(format!("psql: {}", String::from_utf8_lossy(&ended.stderr))))
        }
    }

    /// A dump of the service's whole database as SQL text.
    ///
    /// # Errors
    /// The error from `pg_dump`.
    pub fn database_dump(&self) -> Result<Vec<u8>> {
        let ended = measure::run(self.tool("pg_dump")?.args(["--inserts"]))?;
        if ended.status.success() {
            Ok(ended.stdout)
        } else {
            Err(Failure::new(format!("pg_dump: {}", String::from_utf8_lossy(&ended.stderr))))
        }
    }

    /// A PostgreSQL program, set up to reach the service's own database.
    fn tool(&self, name: &str) -> Result<Command> {
        let secrets = fs::read_to_string(self.secrets_path())?;
        let password = secrets
            .lines()
            .find_map(|line| line.strip_prefix("SEALKEEP_EMBEDDED_ADMIN_PASSWORD="))
            .ok_or_else(|| Failure::new("the embedded secrets hold no admin password"))?;
        let sockets = files::find(&self.dir().join("postgres"), |name| {
            name.starts_with(".s.PGSQL.") && !name.ends_with(".lock")
        })?;
        let port = sockets.extension().and_then(|e| e.to_str()).unwrap_or_default().to_owned();
        let mut command = Command::new(binaries::postgres_tool(name)?);
        command
            .env_clear()
            .env("PGPASSWORD", password)
            .env("PGUSER", "sealkeep_admin")
            .env("PGDATABASE", "sealkeep");
        command.env("PGHOST", sockets.parent().unwrap_or(&sockets)).env("PGPORT", port).stdin(Stdio::null());
        Ok(command)
    }

    /// The service's secrets file.
    #[must_use]
    pub fn secrets_path(&self) -> PathBuf {
        self.dir().join("secrets")
    }

    /// Its complete log.
    ///
    /// # Errors
    /// The file system's.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.log_path())?).into_owned())
    }

    /// Stops it as an operator would, and waits.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        measure::signal(child.id(), Signal::TERM)?;
        let until = Instant::now() + PATIENCE;
        while child.try_wait()?.is_none() {
            if Instant::now() > until {
                child.kill()?;
                child.wait()?;
                return Err(Failure::new("the service did not end on SIGTERM"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Kills it without warning.
    ///
    /// # Errors
    /// It has exited.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again on the same ports.
    ///
    /// # Errors
    /// The service's.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    /// The addresses of service and store for devices and for the service itself, if a proxy is in front.
    fn behind(&self) -> Option<(SocketAddr, SocketAddr)> {
        let wires = self.wires.as_ref().map(|wires| (wires.api.address(), wires.store.address()));
        wires.or_else(|| self.front.as_ref().map(|(front, _)| front.addresses()))
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn launch(&mut self) -> Result<()> {
        let log_path = self.log_path();
        let behind = self.behind();
        let mut command = command(&self.dir(), self.ports, behind)?;
        command.args(&self.arguments);
        let log = File::options().create(true).append(true).open(&log_path)?;
        let from = log.metadata()?.len();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        if let Some(wires) = &self.wires {
            wires.api.lead_to(self.ports.0);
            wires.store.lead_to(self.ports.1);
        }
        if let Some((front, world)) = &self.front {
            front.lead_to(*world, self.ports.0, self.ports.1);
        }
        let mut child = command.spawn().context("metadata-api")?;
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some((api, store)) = ready(&log_path, from)? {
                self.url = format!("http://127.0.0.1:{api}");
                if let Some((api, _)) = behind {
                    self.url = format!("http://{api}");
                }
                self.ports = (api, store);
                self.child = Some(child);
                return Ok(());
            }
            let over = child.try_wait()?;
            if over.is_some() || Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                let mut said = String::new();
                let mut log = File::open(&log_path)?;
                log.seek(SeekFrom::Start(from))?;
                log.read_to_string(&mut said)?;
                return Err(Failure::new(format!("metadata-api did not become ready: {said}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Best effort: the directory is removed either way.
        let _ = self.stop();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn command(
    dir: &Path,
    (api, store): (u16, u16),
    behind: Option<(SocketAddr, SocketAddr)>,
) -> Result<Command> {
    let mut command = Command::new(binaries::metadata_api()?);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // Its private PostgreSQL is not the one that the environment names.
    command.env("PGPORT", "1").env("PGSSLMODE", "verify-full");
    command.arg("--embedded").arg(dir);
    command.args(["--listen", &format!("127.0.0.1:{api}"), "--s3-listen", &format!("127.0.0.1:{store}")]);
    if let Some((api, store)) = behind {
        command.args(["--public-authority", &api.to_string()]);
        command.args(["--s3-endpoint", &format!("http://{store}")]);
    }
    Ok(command)
}

/// The ports of the service and its store, once the log announces them.
fn ready(log: &Path, from: u64) -> Result<Option<(u16, u16)>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(from))?;
    for line in BufReader::new(file).lines() {
        let line = line?;
        if !line.contains("ready") {
            continue;
        }
        let ports: Vec<u16> = line
            .match_indices("http://127.0.0.1:")
            .filter_map(|(at, prefix)| {
                let digits: String =
                    line.get(at + prefix.len()..)?.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().ok()
            })
            .collect();
        if let [api, store, ..] = *ports.as_slice() {
            return Ok(Some((api, store)));
        }
    }
    Ok(None)
}
