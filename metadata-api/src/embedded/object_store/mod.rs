//! A small, durable S3 store in a directory, for `--embedded`.
//!
//! Tolerates kill -9 at any moment: an object exists completely or not at all. There is no replication: for more than
//! one machine, configure another S3 endpoint; nothing else changes.

mod access;
mod backend;
mod disk;
mod drain;
mod listed_bucket;
mod listing;
mod request_filter;

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
    access::OnlySigned, backend::Backend, disk::Bucket, listed_bucket::ListedBucket, listing::Listing,
};
use crate::listener::{self, Bounds, Proven};

/// Options of a store.
pub struct Options<'a> {
    /// The data directory; created if missing.
    pub dir: &'a Path,
    /// Already bound, so that the caller knows the port.
    pub listener: TcpListener,
    /// Names of the buckets; no others exist.
    pub buckets: &'a [String],
    /// Access key id; grants every operation of the store.
    pub access_key: &'a str,
    /// Its SigV4 secret.
    pub secret_key: &'a SecretString,
    /// Largest object, bytes.
    pub max_object_size: u64,
    /// Limits on connections.
    pub bounds: Bounds,
}

/// A running store. [`ObjectStore::stop`] lets requests finish; dropping the handle does not wait.
#[derive(Debug)]
pub struct ObjectStore {
    addr: SocketAddr,
    ending: oneshot::Sender<Duration>,
    task: JoinHandle<io::Result<()>>,
}

impl ObjectStore {
    /// Opens the buckets, removes leftovers of an interrupted process, and serves.
    ///
    /// # Errors
    /// The directory or the socket is unusable.
    pub async fn start(options: Options<'_>) -> io::Result<Self> {
        let Options { dir, listener, buckets, access_key, secret_key, max_object_size, bounds } = options;
        let roots: Vec<_> = buckets.iter().map(|name| (name.clone(), dir.join(name))).collect();
        let buckets = tokio::task::spawn_blocking(move || {
            roots
                .into_iter()
                .map(|(name, root)| {
                    let listed = ListedBucket { bucket: Bucket::open(root)?, listing: Listing::default() };
                    Ok((name, Arc::new(listed)))
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
            tracing::error!(%error, "storage");
            StatusCode::INTERNAL_SERVER_ERROR
        });
        let app = Router::new()
            .fallback_service(service)
            .layer(from_fn(drain::refused_uploads))
            .layer(map_response(proven))
            // Outermost: an unsigned body is never read, not even to drain it.
            .layer(from_fn_with_state(max_object_size, request_filter::refuse_unsigned));

        let addr = listener.local_addr()?;
        let (ending, ended) = oneshot::channel();
        // Keep serving if the handle was dropped: nobody asked the store to stop.
        let ended = async move {
            match ended.await {
                Ok(grace) => grace,
                Err(_) => std::future::pending().await,
            }
        };
        let task = tokio::spawn(listener::serve(listener, None, app, bounds, ended));
        Ok(Self { addr, ending, task })
    }

    /// The listening address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accepts no new requests and waits up to `grace` for those in progress.
    pub async fn stop(self, grace: Duration) {
        // If nobody receives this, the server has already stopped.
        let _ = self.ending.send(grace);
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "storage"),
            Err(error) => tracing::error!(%error, "storage"),
        }
    }
}

/// Marks successful responses as proven: nothing succeeds here without a signature.
async fn proven(mut response: Response) -> Response {
    if response.status().is_success() {
        response.extensions_mut().insert(Proven);
    }
    response
}
