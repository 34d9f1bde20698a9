//! PUT and GET with presigned URLs: no redirects, pinned address, exact headers, exact bytes, retries.

mod pace;
mod part;

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use api_types::{
    ObjectKey, ObjectKind, VaultId,
    backup::{MAX_OBJECT_SIZE, UploadGrant, UploadState},
    vault::ReadGrant,
};
use bytes::Bytes;
use reqwest::{StatusCode, header};
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;
use url::Host;

use super::{Reach, StoreError, Throttle, address::Address, reach::Watched, upload_body};
use crate::{
    net::{self, describe_network_error},
    patience::{NoMore, Patience, Peer, retry_after},
    text,
    text::Text,
};

/// A transfer that makes no progress for this long is aborted and retried.
const STALL: Duration = Duration::from_secs(45);
/// First pause between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// What is verified before an object is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Its length and its SHA-256.
    Whole,
    /// Its length only. The content is then merely *sealed* by someone: the reader must compare every chunk with its id
    /// before returning it.
    Length,
}

/// The object store of one vault.
pub struct PresignedStore {
    http: reqwest::Client,
    vault: VaultId,
    address: Address,
    storage: Host,
    reach: Reach,
    throttle: RwLock<Option<Arc<Throttle>>>,
    stall: Duration,
    first_pause: Duration,
    patience: Arc<Patience>,
}

/// How an attempt failed: for good, or worth a retry.
enum FailedAttempt {
    Fatal(StoreError),
    Retryable(Text, Option<Duration>),
}

impl FailedAttempt {
    const fn retryable(detail: Text) -> Self {
        Self::Retryable(detail, None)
    }
}

impl PresignedStore {
    /// Connects to a vault's pinned storage.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] for an address that is not https (http on this machine itself, when the service is there).
    pub fn new(
        storage_origin: &str,
        bucket: &str,
        vault: VaultId,
        reach: &Reach,
    ) -> Result<Self, StoreError> {
        let address = Address::new(storage_origin, bucket, reach)?;
        let storage =
            address.host().ok_or_else(|| StoreError::Internal("a storage without a host".into()))?;
        let watched = Watched { storage: storage.clone(), reach: reach.clone() };
        let http = net::client(address.url())
            .http1_only()
            .dns_resolver(Arc::new(watched))
            .build()
            .map_err(|e| StoreError::Internal(format!("the HTTP client: {e}")))?;
        Ok(Self {
            http,
            vault,
            address,
            storage,
            reach: reach.clone(),
            throttle: RwLock::new(None),
            stall: STALL,
            first_pause: FIRST_PAUSE,
            patience: Arc::default(),
        })
    }

    /// Limits the uploads that start from here on, all together, in bytes per second.
    pub fn limit_upload(&self, bytes_per_second: Option<u64>) {
        *self.throttle.write().unwrap_or_else(PoisonError::into_inner) =
            bytes_per_second.map(|limit| Arc::new(Throttle::new(limit)));
    }

    /// Uses the patience of an operation.
    #[must_use]
    pub fn with_patience(mut self, patience: Arc<Patience>) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how long a transfer may make no progress.
    #[must_use]
    pub const fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Sets the first pause between attempts.
    #[must_use]
    pub const fn with_first_pause(mut self, first_pause: Duration) -> Self {
        self.first_pause = first_pause;
        self
    }

    /// Scheme, host and port of the storage.
    #[must_use]
    pub fn origin(&self) -> String {
        self.address.origin()
    }

    /// Uploads an object, unless the grant says that it is already stored.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::AlreadyThere`] and [`StoreError::NeedNewUrl`] are for the caller to handle.
    pub async fn put(&self, grant: &UploadGrant, kind: ObjectKind, bytes: Bytes) -> Result<(), StoreError> {
        let UploadState::Put { url, headers, .. } = &grant.state else { return Ok(()) };
        let key = ObjectKey { vault: self.vault, kind, id: grant.id };
        let url = self.address.check(url, &key)?;
        self.admit().await?;
        let mut exact = header::HeaderMap::new();
        for (name, value) in headers {
            let odd =
                || StoreError::Foreign(text!("the service asks for an unusable header \"{name}\"", name));
            let name = header::HeaderName::try_from(name).map_err(|_| odd())?;
            // The service may not set where a request goes or who sends it, nor anything else that a store does not need.
            let needed =
                matches!(name, header::CONTENT_LENGTH | header::CONTENT_TYPE | header::IF_NONE_MATCH);
            if !needed && !name.as_str().starts_with("x-amz-") {
                return Err(odd());
            }
            exact.insert(name, header::HeaderValue::try_from(value).map_err(|_| odd())?);
        }
        if exact
            .get(header::CONTENT_LENGTH)
            .is_some_and(|n| n.as_bytes() != bytes.len().to_string().as_bytes())
        {
            return Err(StoreError::Internal("the permission is for another length".into()));
        }
        exact.insert(header::CONTENT_LENGTH, bytes.len().into());
        self.with_retry(|| self.put_once(url.clone(), exact.clone(), bytes.clone())).await
    }

    /// Refuses a storage inside the user's network, with an explanation. The address is checked again on connecting:
    /// see [`Watched`].
    async fn admit(&self) -> Result<(), StoreError> {
        // A name that does not resolve is a network error, which the request itself reports.
        let Ok(Err(inside)) = self.reach.admitted(&self.storage).await else { return Ok(()) };
        let origin = self.origin();
        Err(StoreError::Foreign(text!(
            "the service names {origin} ({inside}) as this vault's storage, which is inside your network; if that is right, name it yourself: --storage-origin {origin}",
            origin,
            inside = inside.to_string()
        )))
    }

    async fn put_once(
        &self,
        url: url::Url,
        headers: header::HeaderMap,
        bytes: Bytes,
    ) -> Result<(), FailedAttempt> {
        let sent = Arc::new(AtomicU64::new(0));
        let throttle = self.throttle.read().unwrap_or_else(PoisonError::into_inner).clone();
        let body = upload_body::UploadBody::new(bytes, Arc::clone(&sent), throttle);
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(body, upload_body::STEP));
        let sending = self.http.put(url).headers(headers).body(body).send();
        let answer = tokio::select! {
            answer = sending => answer.map_err(|e| FailedAttempt::retryable(describe_network_error(&e)))?,
            () = stalled(&sent, self.stall) => return Err(FailedAttempt::retryable(text!("the upload stalled"))),
        };
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::PRECONDITION_FAILED => Err(FailedAttempt::Fatal(StoreError::AlreadyThere)),
            status => Err(self.refused(status, answer.headers())),
        }
    }

    /// Fetches a whole object and verifies that it is what was stored.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Damaged`] if its length or SHA-256 differs.
    pub async fn get(
        &self,
        grant: &ReadGrant,
        kind: ObjectKind,
        verify: Verify,
    ) -> Result<Vec<u8>, StoreError> {
        let size = usize::try_from(grant.object.size).unwrap_or(0);
        self.fetch(grant, kind, verify, || Ok(Vec::with_capacity(size))).await
    }

    /// Like [`PresignedStore::get`], but into an unnamed file in `dir`, to save memory.
    ///
    /// # Errors
    /// Same as [`PresignedStore::get`]; [`StoreError::Disk`] if the file cannot be written.
    pub async fn get_file(
        &self,
        grant: &ReadGrant,
        kind: ObjectKind,
        verify: Verify,
        dir: &Path,
    ) -> Result<File, StoreError> {
        self.fetch(grant, kind, verify, || tempfile::tempfile_in(dir)).await
    }

    async fn fetch<W: Write>(
        &self,
        grant: &ReadGrant,
        kind: ObjectKind,
        verify: Verify,
        open: impl Fn() -> io::Result<W>,
    ) -> Result<W, StoreError> {
        let object = &grant.object;
        if object.kind != kind || object.size > MAX_OBJECT_SIZE {
            return Err(StoreError::Damaged(text!("object {id} is not what it should be", id = object.id)));
        }
        let key = ObjectKey { vault: self.vault, kind, id: object.id };
        let url = self.address.check(&grant.url, &key)?;
        self.admit().await?;
        let wrong_size = |found: u64| {
            let (id, size) = (object.id, object.size);
            FailedAttempt::Fatal(StoreError::Damaged(text!(
                "object {id} has {found} bytes instead of {size}",
                id,
                found,
                size
            )))
        };
        let disk = |e: io::Error| FailedAttempt::Fatal(StoreError::Disk(e.to_string()));
        self.with_retry(|| async {
            let mut answer = self.answer(self.http.get(url.clone())).await?;
            match answer.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Err(FailedAttempt::Fatal(StoreError::NotFound)),
                status => return Err(self.refused(status, answer.headers())),
            }
            if let Some(found) = answer.content_length().filter(|found| *found != object.size) {
                return Err(wrong_size(found));
            }
            let (mut out, mut hash, mut len) = (open().map_err(disk)?, Sha256::new(), 0);
            let mut pace = pace::Pace::new(self.stall);
            while let Some(piece) = self.piece(&mut answer, &mut pace).await? {
                len += piece.len() as u64;
                if len > object.size {
                    return Err(wrong_size(len));
                }
                if verify == Verify::Whole {
                    hash.update(&piece);
                }
                out.write_all(&piece).map_err(disk)?;
            }
            if len != object.size {
                return Err(wrong_size(len));
            }
            if verify == Verify::Length || hash.finalize().as_slice() == object.id.as_bytes() {
                return Ok(out);
            }
            Err(FailedAttempt::Fatal(StoreError::Damaged(text!(
                "object {id} has other content than was stored",
                id = object.id
            ))))
        })
        .await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, FailedAttempt> {
        let request = request.header(header::ACCEPT_ENCODING, "identity");
        tokio::time::timeout(self.stall, request.send())
            .await
            .map_err(|_| FailedAttempt::retryable(text!("no answer")))?
            .map_err(|e| FailedAttempt::retryable(describe_network_error(&e)))
    }

    async fn piece(
        &self,
        answer: &mut reqwest::Response,
        pace: &mut pace::Pace,
    ) -> Result<Option<Bytes>, FailedAttempt> {
        let still = || FailedAttempt::retryable(text!("the download stalled"));
        let piece = tokio::time::timeout(self.stall, answer.chunk())
            .await
            .map_err(|_| still())?
            .map_err(|e| FailedAttempt::retryable(describe_network_error(&e)))?;
        let moves = pace.moves(piece.as_ref().map_or(0, Bytes::len));
        if moves || piece.is_none() { Ok(piece) } else { Err(still()) }
    }

    fn refused(&self, status: StatusCode, headers: &header::HeaderMap) -> FailedAttempt {
        match status.as_u16() {
            // An expired URL, a wrong clock or a differing checksum: stores do not agree on the status.
            400 | 401 | 403 => FailedAttempt::Fatal(StoreError::NeedNewUrl),
            // 409: another conditional upload of the same object is in progress.
            408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 => FailedAttempt::Retryable(
                text!("status {status}", status = status.to_string()),
                asked_for(headers),
            ),
            300..=399 => self.for_good(text!("a redirect, which is never followed")),
            507 => self.for_good(text!("it is full")),
            _ => self.for_good(text!("status {status}", status = status.to_string())),
        }
    }

    fn for_good(&self, detail: Text) -> FailedAttempt {
        FailedAttempt::Fatal(StoreError::Refused { origin: self.origin(), detail })
    }

    async fn with_retry<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, FailedAttempt>>,
    {
        let mut request = self.patience.request(Peer::Store, self.first_pause);
        loop {
            match request.transfer(attempt()).await.map_err(|_| StoreError::Cancelled)? {
                Ok(done) => {
                    request.answered();
                    return Ok(done);
                }
                Err(FailedAttempt::Fatal(error)) => {
                    request.answered();
                    return Err(error);
                }
                Err(FailedAttempt::Retryable(detail, wait)) => {
                    tracing::debug!(%detail, "the store is tried again");
                    match request.pause(wait).await {
                        Ok(()) => {}
                        Err(NoMore::Cancelled) => return Err(StoreError::Cancelled),
                        Err(NoMore::Exhausted) => {
                            let seconds = request.failing_for();
                            let detail = text!("{detail}, for {seconds} s", detail, seconds);
                            return Err(StoreError::Unreachable { origin: self.origin(), detail });
                        }
                    }
                }
            }
        }
    }
}

/// How long the store asks us to wait.
fn asked_for(headers: &header::HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    retry_after::asked_for(text(header::RETRY_AFTER)?, text(header::DATE))
}

/// Returns once `sent` has not changed for `patience`.
async fn stalled(sent: &AtomicU64, patience: Duration) {
    let mut last = sent.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(patience).await;
        let now = sent.load(Ordering::Relaxed);
        if now == last {
            return;
        }
        last = now;
    }
}
