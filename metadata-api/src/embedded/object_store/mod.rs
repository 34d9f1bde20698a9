//! A small, durable S3 store in a directory: what `--embedded` keeps objects in.
//!
//! Tolerates kill -9 at any moment: an object is there whole or not at all. It has no replication: for more than
//! one machine configure another S3 endpoint, nothing else changes.

mod access;
mod backend;
mod disk;
mod door;
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

use axum::{
    Router,
    error_handling::HandleError,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
};
use s3s::{HttpError, auth::SimpleAuth, service::S3ServiceBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::oneshot, task::JoinHandle};

use self::{
    access::OnlySigned,
    backend::{Backend, Shelf},
    disk::Bucket,
    listing::Listing,
};
use crate::listener::{self, Bounds, Proven};

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
    /// How much connections may cost.
    pub bounds: Bounds,
}

/// A running store. [`ObjectStore::stop`] lets requests finish; dropping it does not wait.
#[derive(Debug)]
pub struct ObjectStore {
    addr: SocketAddr,
    ending: oneshot::Sender<Duration>,
    task: JoinHandle<io::Result<()>>,
}

impl ObjectStore {
    /// Opens the buckets, removes what an interrupted process left, and serves.
    ///
    /// # Errors
    /// The directory or the socket cannot be used.
    pub async fn start(options: Options<'_>) -> io::Result<Self> {
        let Options { dir, listener, buckets, access_key, secret_key, max_object_size, bounds } = options;
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
            .layer(from_fn(drain::refused_uploads))
            .layer(map_response(proven))
            // Outermost: what bears no signature is not read, not even to be polite.
            .layer(from_fn_with_state(max_object_size, door::keeper));

        let addr = listener.local_addr()?;
        let (ending, ended) = oneshot::channel();
        // A store whose handle is gone serves on: nobody asked it to end.
        let ended = async move {
            match ended.await {
                Ok(grace) => grace,
                Err(_) => std::future::pending().await,
            }
        };
        let task = tokio::spawn(listener::serve(listener, None, app, bounds, ended));
        Ok(Self { addr, ending, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no new requests and waits at most `grace` for those under way.
    pub async fn stop(self, grace: Duration) {
        // Whoever is not listening any more has ended.
        let _ = self.ending.send(grace);
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "object store"),
            Err(error) => tracing::error!(%error, "object store"),
        }
    }
}

/// Nothing succeeds here without a signature.
async fn proven(mut answer: Response) -> Response {
    if answer.status().is_success() {
        answer.extensions_mut().insert(Proven);
    }
    answer
}
