//! From settings to a listening service: connect, check everything, listen, and shut down gracefully.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};

use crate::{
    bucket::Client,
    clock::Clock,
    config::{Config, Limits, Transport, UnusableSecret},
    db,
    listener::{self, Bounds},
    presign::Unusable,
    probe::{self, Unsuitable},
    state::{AppState, Settings},
};

/// Why the service does not start; each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is unreachable.
    #[error("the database cannot be reached: {0}")]
    Connect(sqlx::Error),
    /// The database is unsuitable.
    #[error(transparent)]
    Database(#[from] db::CheckError),
    /// No URL can be built from an endpoint.
    #[error(transparent)]
    Endpoint(#[from] Unusable),
    /// A store is unreachable or unsuitable.
    #[error(transparent)]
    Store(#[from] Unsuitable),
    /// A secret is unusable.
    #[error(transparent)]
    Secret(#[from] UnusableSecret),
    /// The certificate or key is unusable.
    #[error("{path}: {reason}")]
    Tls {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is unusable.
    #[error("{addr} cannot be listened on: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// Serving failed.
    #[error("serving failed: {0}")]
    Serve(io::Error),
}

/// Binds the address, so that its port is known before anything else starts.
pub fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listen = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    Ok((listener, addr))
}

/// Connects to database and stores, and checks both.
pub async fn boot(
    config: &Config,
    limits: Limits,
    clock: Clock,
    connections: u32,
) -> Result<AppState, Error> {
    let db = db::connect(&config.database_url, connections).await.map_err(Error::Connect)?;
    db::check(&db).await?;
    let clients =
        config.regions.iter().map(|(region, target)| Client::new(target).map(|client| (*region, client)));
    let stores = probe::probe_all(clients.collect::<Result<Vec<_>, Unusable>>()?).await?;
    let public_authority = config.public_authority.clone();
    Ok(AppState::new(Settings { db, stores, public_authority, limits, clock }, &config.secrets)?)
}

/// Serves until `shutdown` is ready, then accepts no more requests and waits up to `grace` for those in progress.
///
/// # Errors
/// [`Error::Tls`] and [`Error::Serve`].
pub async fn run(
    listener: TcpListener,
    transport: &Transport,
    app: Router,
    bounds: Bounds,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> Result<(), Error> {
    let tls = match transport {
        Transport::Tls { cert, key } => Some(tls_config(cert, key)?),
        Transport::Loopback | Transport::BehindProxy => None,
    };
    let shutdown = async move {
        shutdown.await;
        grace
    };
    listener::serve(listener, tls, app, bounds, shutdown).await.map_err(Error::Serve)
}

/// TLS 1.3 only.
pub fn tls_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, Error> {
    let wrong = |path: &Path, reason: String| Error::Tls { path: path.display().to_string(), reason };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong(cert, format!("no PEM certificate: {e}")))?;
    if chain.is_empty() {
        return Err(wrong(cert, "no PEM certificate in it".into()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|e| wrong(key, format!("no PEM private key: {e}")))?;
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|e| wrong(cert, format!("certificate and key cannot be used: {e}")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
