//! A small, durable S3 store in a directory: what `--embedded` keeps objects in.
//!
//! Tolerates kill -9 at any moment: an object is there whole or not at all. It has no replication: for more than
//! one machine configure another S3 endpoint, nothing else changes.

mod access;
mod backend;
mod disk;
mod drain;
mod listing;

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{Router, error_handling::HandleError, http::StatusCode, middleware::from_fn_with_state};
use hyper_util::rt::TokioTimer;
use s3s::{HttpError, auth::SimpleAuth, service::S3ServiceBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;

use self::{
    access::OnlySigned,
    backend::{Backend, Shelf},
    disk::Bucket,
    listing::Listing,
};

/// Longest wait for a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the store is started with.
pub struct Options<'a> {
    /// Where objects lie; created when missing.
    pub dir: &'a Path,
    /// Bound already, so that the caller knows the port.
    pub listener: TcpListener,
    /// Names of the buckets; there are no others.
    pub buckets: &'a [String],
    /// Whoever holds these may do everything the store offers.
    pub access_key: &'a str,
    /// SigV4 secret of `access_key`.
    pub secret_key: &'a SecretString,
    /// Largest object, bytes.
    pub max_object_size: u64,
}

/// A running store. [`ObjectStore::stop`] lets requests finish; dropping it does not wait.
#[derive(Debug)]
pub struct ObjectStore {
    addr: SocketAddr,
    handle: axum_server::Handle<SocketAddr>,
    task: JoinHandle<io::Result<()>>,
}

impl ObjectStore {
    /// Opens the buckets, removes what an interrupted process left, and serves.
    ///
    /// # Errors
    /// The directory or the socket cannot be used.
    pub async fn start(options: Options<'_>) -> io::Result<Self> {
        let Options { dir, listener, buckets, access_key, secret_key, max_object_size } = options;
        let roots: Vec<_> = buckets.iter().map(|name| (name.clone(), dir.join(name))).collect();
        let buckets = tokio::task::spawn_blocking(move || {
            roots
                .into_iter()
                .map(|(name, root)| {
                    let shelf = Shelf { bucket: Bucket::open(root)?, listing: Listing::default() };
                    Ok((name, Arc::new(shelf)))
                })
                .collect::<io::Result<HashMap<_, _>>>()
        })
        .await
        .map_err(io::Error::other)??;

        let mut service = S3ServiceBuilder::new(Backend { buckets });
        service.set_auth(SimpleAuth::from_single(access_key, secret_key.expose_secret()));
        service.set_access(OnlySigned { max_object_size });
        let service = HandleError::new(service.build(), |error: HttpError| async move {
            let error: Box<dyn std::error::Error + Send + Sync> = error.into();
            tracing::error!(%error, "object store");
            StatusCode::INTERNAL_SERVER_ERROR
        });
        let app = Router::new()
            .fallback_service(service)
            .layer(from_fn_with_state(max_object_size, drain::refused_uploads));

        let addr = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let handle = axum_server::Handle::new();
        let mut server = axum_server::from_tcp(listener)?.handle(handle.clone());
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        let task = tokio::spawn(server.serve(app.into_make_service()));
        Ok(Self { addr, handle, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no new requests and waits at most `grace` for those under way.
    pub async fn stop(self, grace: Duration) {
        self.handle.graceful_shutdown(Some(grace));
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "object store"),
            Err(error) => tracing::error!(%error, "object store"),
        }
    }
}
