//! Sealkeep's metadata service as a command.
//!
//! Each mode assembles the library: `run_serve` with the operator's own database and stores, `run_embedded` with those
//! that it starts in a directory. What happens to a request: see the drawing at the top of `lib.rs`.
//!
//! ```text
//!               --embedded: Embedded::start (PostgreSQL, object store), db::migrate
//!                                  |
//!  Environment -> Config ----------+-> serve::boot -> AppState -> Background (jobs, readiness, operations)
//!  args -> Limits, Bounds ---------+                     |
//!                                                        +------> serve::run until a signal, then its grace period
//! ```
//!
//! ```text
//! layers
//! background
//! args
//! output
//! ```

mod args;
mod background;
mod output;

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use api_types::unseen;
use clap::Parser;
use metadata_api::{
    app,
    clock::Clock,
    config::{self, Environment, Transport},
    db,
    embedded::{self, Embedded},
    listener::Bounds,
    process_guard::guard_memory,
    serve, telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    args::{Cli, Command, Common, EmbeddedArgs},
    background::Background,
    output::{Failure, print_line, ready},
};

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
                // If standard error is closed, there is nobody to tell.
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
            let url = Environment::of_process().database_url("SEALKEEP_OWNER_DATABASE_URL")?;
            db::migrate(&url).await?;
            print_line("the database is up to date")
        }
        Some(Command::CheckConfig { args, offline }) => check(args.common, offline).await,
        Some(Command::GenerateSecrets) => {
            io::stdout().write_all(config::generate_secrets().as_bytes()).map_err(Failure::from)
        }
    }
}

async fn check(common: Common, offline: bool) -> Result<(), Failure> {
    let config = Environment::of_process().config(&common.listen(common.listen))?;
    if let Transport::Tls { cert, key } = &config.transport {
        serve::tls_config(cert, key)?;
    }
    let callers = common.callers()?;
    if common.behind_proxy {
        print_line(&format!("callers: {callers}"))?;
    }
    if offline {
        return print_line("the settings are complete");
    }
    let state = serve::boot(&config, common.limits()?, Clock::default(), 2).await?;
    for (region, store) in state.stores().iter() {
        let guarantees = store.guarantees();
        print_line(&format!("storage {region} ({}): {guarantees}", store.presigner().origin()))?;
    }
    state.db().close().await;
    print_line("settings, database and storage are usable")
}

async fn run_serve(common: Common) -> Result<(), Failure> {
    telemetry::install_logs();
    let (listener, addr) = serve::bind(common.listen)?;
    let config = Environment::of_process().config(&common.listen(addr))?;
    let state = serve::boot(&config, common.limits()?, Clock::default(), common.database_connections).await?;
    let background = Background::start(&state, &common)?;
    ready(&config.transport, addr, None, background.operations)?;
    let ended = stop_signal()?;
    let bounds = common.bounds()?;
    serve::run(listener, &config.transport, app(state.clone()), bounds, ended, common.grace()).await?;
    drop(background);
    state.db().close().await;
    Ok(())
}

async fn run_embedded(dir: PathBuf, args: EmbeddedArgs) -> Result<(), Failure> {
    telemetry::install_logs();
    let EmbeddedArgs { s3_listen, s3_endpoint, public_authority, common, .. } = args;
    // First, so that a Ctrl-C during startup stops what has been started.
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
    // Report a wrong transport before creating a cluster.
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
    let background = Background::start(&state, common)?;
    ready(&config.transport, addr, Some(running.s3_addr()), background.operations)?;
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
    drop(background);
    if gone.load(Ordering::Acquire) {
        return Err(Failure(
            "the private PostgreSQL exited unexpectedly; its log is DIR/postgres/postgres.log".into(),
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
