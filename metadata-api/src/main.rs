//! Sealkeep's metadata service as a command.
//!
//! Each form of it puts the parts of the library together: `run_serve` with a database and stores of the operator's,
//! `run_embedded` with those that it starts in a directory. `beside` holds what runs next to requests: the jobs, the
//! readiness watch, and the listener of the operations routes. The drawing stands at the top of `lib.rs`.

use std::{
    fmt::Display,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use api_types::{backup::URL_SECS, unseen};
use axum::http::HeaderName;
use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use metadata_api::{
    app,
    callers::Callers,
    clock::Clock,
    config::{self, InFront, Limits, Listen, Source, Transport},
    db,
    embedded::{self, Embedded},
    handlers::health,
    jobs,
    listener::{self, Bounds},
    operations,
    process_guard::guard_memory,
    proxies, serve,
    state::AppState,
    telemetry,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use url::Url;

/// Sealkeep's metadata service: accounts, devices, presigned URLs, snapshots. It never sees a key or a plaintext.
///
/// Settings come from the environment (SEALKEEP_*); each may instead stand in a file named by SEALKEEP_*_FILE.
/// See operations.md.
///
/// Exit codes: 0 fine, 1 could not start or failed, 2 wrong usage.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    embedded: EmbeddedArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Serve with a database and object stores of your own.
    Serve(ServeArgs),
    /// Bring the database's schema up to date, as its owner (SEALKEEP_OWNER_DATABASE_URL).
    Migrate,
    /// Check every setting, the database and the object stores, and exit.
    CheckConfig {
        #[command(flatten)]
        args: ServeArgs,
        /// Settings only: connect to nothing.
        #[arg(long)]
        offline: bool,
    },
    /// Print fresh secrets as an environment file. Store them where the service, and nobody else, can read them.
    GenerateSecrets,
}

#[derive(Args)]
struct EmbeddedArgs {
    /// Start everything on this machine: a private PostgreSQL and an object store in DIR, and the service.
    #[arg(long, value_name = "DIR")]
    embedded: Option<PathBuf>,
    /// Where the object store listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    s3_listen: SocketAddr,
    /// The object store's URL as clients reach it, where that is not http://ADDR.
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<Url>,
    /// The service's host and port as clients write them, where that is not the listening address.
    #[arg(long, value_name = "HOST")]
    public_authority: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    common: Common,
}

/// Where the operations routes are, unless somebody says otherwise.
const OPERATIONS: ([u8; 4], u16) = ([127, 0, 0, 1], 8789);

#[derive(Args, Clone)]
struct Common {
    /// Where the service listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", env = "SEALKEEP_LISTEN")]
    listen: SocketAddr,
    /// PEM certificate chain: TLS 1.3 ends here.
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "SEALKEEP_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// PEM private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "SEALKEEP_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Plain HTTP on any address: a proxy in front speaks TLS.
    #[arg(long, conflicts_with = "tls_cert", env = "SEALKEEP_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Address or network of a proxy in front, whose word about callers counts; repeatable. Without it: this machine's own.
    #[arg(long, value_name = "CIDR", requires = "behind_proxy", value_delimiter = ',',
          value_parser = proxies::network, env = "SEALKEEP_TRUSTED_PROXY")]
    trusted_proxy: Vec<IpNet>,
    /// Header in which the proxy names the caller; x-forwarded-for where none is given.
    #[arg(long, value_name = "NAME", requires = "behind_proxy", env = "SEALKEEP_CLIENT_IP_HEADER")]
    client_ip_header: Option<HeaderName>,
    /// The proxy names no callers: limits per network are off, and the proxy has to limit requests.
    #[arg(long, requires = "behind_proxy", conflicts_with_all = ["client_ip_header", "trusted_proxy"],
          env = "SEALKEEP_ONE_NETWORK")]
    one_network: bool,
    /// Where /readyz and /metrics are served, for whoever runs this; without it 127.0.0.1:8789, where that is free.
    #[arg(long, value_name = "ADDR", env = "SEALKEEP_OPERATIONS_LISTEN")]
    operations_listen: Option<SocketAddr>,
    /// Requests per second and address.
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests_per_second,
          value_parser = clap::value_parser!(u32).range(1..), env = "SEALKEEP_REQUESTS_PER_SECOND")]
    requests_per_second: u32,
    /// Sign-up and sign-in requests per minute and address.
    #[arg(long, value_name = "N", default_value_t = Limits::default().auth_per_minute,
          value_parser = clap::value_parser!(u32).range(1..), env = "SEALKEEP_AUTH_PER_MINUTE")]
    auth_per_minute: u32,
    /// Accounts per 30 days and network.
    #[arg(long, value_name = "N", default_value_t = Limits::default().accounts_per_network,
          value_parser = clap::value_parser!(i32).range(1..), env = "SEALKEEP_ACCOUNTS_PER_NETWORK")]
    accounts_per_network: i32,
    /// Sign-ups begun per hour and network.
    #[arg(long, value_name = "N", default_value_t = Limits::default().signups_per_network,
          value_parser = clap::value_parser!(i32).range(1..), env = "SEALKEEP_SIGNUPS_PER_NETWORK")]
    signups_per_network: i32,
    /// Bytes that a vault may hold.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().vault_quota,
          value_parser = clap::value_parser!(u64).range(1..=1 << 62), env = "SEALKEEP_VAULT_QUOTA")]
    vault_quota: u64,
    /// Seconds that a presigned URL works.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().url_secs,
          value_parser = clap::value_parser!(u64).range(1..=URL_SECS), env = "SEALKEEP_URL_SECONDS")]
    url_seconds: u64,
    /// Connections to the database.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=500),
          env = "SEALKEEP_DATABASE_CONNECTIONS")]
    database_connections: u32,
    /// Seconds that requests under way get when the service ends.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=600),
          env = "SEALKEEP_GRACE")]
    grace: u64,
}

impl Common {
    fn listen(&self, addr: SocketAddr) -> Listen {
        Listen { addr, tls: self.tls_cert.clone().zip(self.tls_key.clone()), behind_proxy: self.behind_proxy }
    }

    fn in_front(&self) -> InFront {
        InFront {
            behind_proxy: self.behind_proxy,
            header: self.client_ip_header.clone(),
            trusted: self.trusted_proxy.clone(),
            one_network: self.one_network,
        }
    }

    fn callers(&self) -> Result<Callers, Failure> {
        Ok(self.in_front().callers(self.listen)?)
    }

    fn limits(&self) -> Result<Limits, Failure> {
        let standard = Limits::default();
        Ok(Limits {
            requests_per_second: self.requests_per_second,
            burst: standard.burst.max(self.requests_per_second),
            auth_per_minute: self.auth_per_minute,
            url_secs: self.url_seconds,
            accounts_per_network: self.accounts_per_network,
            signups_per_network: self.signups_per_network,
            vault_quota: self.vault_quota,
            callers: self.callers()?,
            ..standard
        })
    }

    fn bounds(&self) -> Result<Bounds, Failure> {
        let bounds = Bounds { proxies: self.callers()?.proxies(), ..Bounds::default() };
        Ok(bounds.within(file_descriptors()))
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}

/// A sentence, ready for the operator.
struct Failure(String);

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    guard_memory();
    let cli = Cli::parse();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(dispatch(cli)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(sentences)) => {
            for sentence in sentences.lines() {
                // Where standard error is gone there is nobody to tell.
                let _ =
                    writeln!(io::stderr(), "metadata-api: {}", unseen::escaped(&sentence, usize::MAX, true));
            }
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => {
            let dir = cli.embedded.embedded.clone().ok_or("give --embedded DIR or a command; see --help")?;
            run_embedded(dir, cli.embedded).await
        }
        Some(Command::Serve(args)) => run_serve(args.common).await,
        Some(Command::Migrate) => {
            let url = Source::environment().database_url("SEALKEEP_OWNER_DATABASE_URL")?;
            db::migrate(&url).await?;
            say("the database is up to date")
        }
        Some(Command::CheckConfig { args, offline }) => check(args.common, offline).await,
        Some(Command::GenerateSecrets) => {
            io::stdout().write_all(config::generate_secrets().as_bytes()).map_err(Failure::from)
        }
    }
}

async fn check(common: Common, offline: bool) -> Result<(), Failure> {
    let config = Source::environment().config(&common.listen(common.listen))?;
    if let Transport::Tls { cert, key } = &config.transport {
        serve::tls_config(cert, key)?;
    }
    let callers = common.callers()?;
    if common.behind_proxy {
        say(&format!("callers: {callers}"))?;
    }
    if offline {
        return say("the settings are complete");
    }
    let state = serve::boot(&config, common.limits()?, Clock::default(), 2).await?;
    for (region, store) in state.stores().iter() {
        if let Some(guarantees) = store.guarantees() {
            say(&format!("object store {region} ({}): {guarantees}", store.presigner().origin()))?;
        }
    }
    state.db().close().await;
    say("settings, database and object stores are fit")
}

async fn run_serve(common: Common) -> Result<(), Failure> {
    telemetry::install_logs();
    let (listener, addr) = serve::bind(common.listen)?;
    let config = Source::environment().config(&common.listen(addr))?;
    let state = serve::boot(&config, common.limits()?, Clock::default(), common.database_connections).await?;
    let beside = beside(&state, &common)?;
    ready(&config.transport, addr, None, beside.operations)?;
    let ended = stop_signal()?;
    let bounds = common.bounds()?;
    serve::run(listener, &config.transport, app(state.clone()), bounds, ended, common.grace()).await?;
    drop(beside);
    state.db().close().await;
    Ok(())
}

async fn run_embedded(dir: PathBuf, args: EmbeddedArgs) -> Result<(), Failure> {
    telemetry::install_logs();
    let EmbeddedArgs { s3_listen, s3_endpoint, public_authority, common, .. } = args;
    // Before anything is started, so that a Ctrl-C during the start ends what was started.
    let ended = stop_signal()?;
    let (listener, addr) = serve::bind(common.listen)?;
    let options = embedded::Options {
        dir,
        s3_listen,
        s3_endpoint,
        listen: common.listen(addr),
        public_authority,
        bounds: Bounds::default(),
    };
    // A wrong transport is said before a cluster is made.
    options.listen.transport()?;
    let options = embedded::Options { bounds: common.bounds()?, ..options };
    let running = Embedded::start(&options).await?;
    let result = serve_embedded(&running, listener, addr, &common, ended).await;
    running.stop(common.grace()).await;
    result
}

async fn serve_embedded(
    running: &Embedded,
    listener: std::net::TcpListener,
    addr: SocketAddr,
    common: &Common,
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    db::migrate(&running.owner_url).await?;
    let config = &running.config;
    let state = serve::boot(config, common.limits()?, Clock::default(), common.database_connections).await?;
    let beside = beside(&state, common)?;
    ready(&config.transport, addr, Some(running.s3_addr()), beside.operations)?;
    let gone = running.postgres_gone();
    let watch = gone.clone();
    let ended = async move {
        tokio::select! {
            () = ended => {}
            () = until(&watch) => {}
        }
    };
    let bounds = common.bounds()?;
    serve::run(listener, &config.transport, app(state.clone()), bounds, ended, common.grace()).await?;
    drop(beside);
    if gone.load(Ordering::Acquire) {
        return Err(Failure(
            "the private PostgreSQL ended by itself; its log is DIR/postgres/postgres.log".into(),
        ));
    }
    state.db().close().await;
    Ok(())
}

async fn until(flag: &AtomicBool) {
    while !flag.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What runs beside the service, until this is dropped.
struct Beside {
    operations: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Where nobody said where, the operations routes are served if their place is free: two services on one machine are no
/// reason not to start.
fn beside(state: &AppState, common: &Common) -> Result<Beside, Failure> {
    let bound = match common.operations_listen {
        Some(addr) => Some(serve::bind(addr)?),
        None => serve::bind(SocketAddr::from(OPERATIONS))
            .inspect_err(|error| tracing::warn!(%error, "no operations routes; give --operations-listen"))
            .ok(),
    };
    let mut tasks = vec![tokio::spawn(health::watch(state.clone()))];
    tasks.extend(jobs::all().into_iter().map(|job| tokio::spawn(jobs::run(job, state.clone()))));
    let mut at = None;
    if let Some((listener, addr)) = bound {
        at = Some(addr);
        let served = listener::serve(
            listener,
            None,
            operations(state.clone()),
            Bounds { connections: 64, per_network: 32, ..Bounds::default() },
            std::future::pending(),
        );
        tasks.push(tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the operations routes are gone");
            }
        }));
    }
    Ok(Beside { operations: at, tasks })
}

/// As many file descriptors as the system allows: each connection is one.
fn file_descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: maximum.map_or(Some(65_536), |most| Some(most.min(65_536))), maximum };
    if current < wanted.current && setrlimit(Resource::Nofile, wanted).is_ok() {
        return wanted.current;
    }
    current
}

/// Whoever started us may read the ports from it.
#[derive(serde::Serialize)]
struct Ready {
    ready: bool,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<String>,
}

/// One line of JSON on standard output.
fn ready(
    transport: &Transport,
    addr: SocketAddr,
    store: Option<SocketAddr>,
    operations: Option<SocketAddr>,
) -> Result<(), Failure> {
    let scheme = if matches!(transport, Transport::Tls { .. }) { "https" } else { "http" };
    let plain = |addr| format!("http://{addr}");
    let line = Ready {
        ready: true,
        service: format!("{scheme}://{addr}"),
        store: store.map(plain),
        operations: operations.map(plain),
    };
    say(&serde_json::to_string(&line)?)
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::from)
}

fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
