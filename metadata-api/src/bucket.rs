//! Requests of the service itself to a store: does the object exist, and what are its length and checksum?

use std::{collections::BTreeMap, time::Duration};

use api_types::{ObjectId, ObjectKey, Region};
use base64ct::{Base64, Encoding};
use reqwest::{Client, StatusCode, header::RANGE, redirect::Policy};

use crate::{
    guarantees::Guarantees,
    presign::{Presigner, Target, Unusable},
};

/// Our own requests are sent immediately.
const OWN_URL_SECS: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a store gave no usable response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or the connection broke.
    #[error("the object store at {origin} cannot be reached: {reason}")]
    Unreachable {
        /// The store.
        origin: String,
        /// Without the URL, which contains a signature.
        reason: String,
    },
    /// An unexpected response.
    #[error("the object store at {origin} answered {status} to {what}")]
    Unexpected {
        /// The store.
        origin: String,
        /// HTTP status.
        status: u16,
        /// The request.
        what: &'static str,
    },
}

/// An object as the store describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Length, bytes.
    pub size: u64,
    /// If the store keeps one.
    pub sha256: Option<ObjectId>,
}

impl Found {
    /// Whether this is the announced object. If the store returns no checksum, the length decides: a wrong upload harms
    /// only the uploader's own vault, and every reader verifies the SHA-256.
    #[must_use]
    pub fn is(&self, id: &ObjectId, size: u64) -> bool {
        self.size == size && self.sha256.is_none_or(|sha256| sha256 == *id)
    }
}

/// One region's bucket.
pub struct Store {
    presigner: Presigner,
    http: Client,
    guarantees: Option<Guarantees>,
}

impl Store {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// The endpoint cannot be signed for.
    pub fn new(target: &Target) -> Result<Self, Unusable> {
        let presigner = Presigner::new(target)?;
        let builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT);
        // Plain HTTP (loopback) must not fail where the system has no certificates.
        let builder = if target.endpoint.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let http = builder.build().map_err(|e| Unusable::new(target, e.to_string()))?;
        Ok(Self { presigner, http, guarantees: None })
    }

    /// The presigner for this bucket.
    #[must_use]
    pub fn presigner(&self) -> &Presigner {
        &self.presigner
    }

    /// The result of the boot probe; `None` until it has run.
    #[must_use]
    pub fn guarantees(&self) -> Option<Guarantees> {
        self.guarantees
    }

    pub(crate) fn set_guarantees(&mut self, guarantees: Guarantees) {
        self.guarantees = Some(guarantees);
    }

    /// Size and checksum of an object; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn head(&self, key: &ObjectKey) -> Result<Option<Found>, Error> {
        self.head_raw(&key.to_string()).await
    }

    /// Up to `len` leading bytes of an object; fewer if it is shorter, `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn first(&self, key: &ObjectKey, len: usize) -> Result<Option<Vec<u8>>, Error> {
        let url = self.presigner.get(key, OWN_URL_SECS);
        let range = format!("bytes=0-{}", len.saturating_sub(1));
        let mut answer =
            self.http.get(url).header(RANGE, range).send().await.map_err(|e| self.unreachable(e))?;
        match answer.status() {
            // Some stores send the whole object; the unread rest is dropped with the connection.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(self.unexpected(status, "GET")),
        }
        let mut first = Vec::with_capacity(len);
        while first.len() < len
            && let Some(piece) = answer.chunk().await.map_err(|e| self.unreachable(e))?
        {
            first.extend(piece.iter().take(len - first.len()));
        }
        Ok(Some(first))
    }

    pub(crate) async fn head_raw(&self, key: &str) -> Result<Option<Found>, Error> {
        let (url, (name, value)) = self.presigner.head_raw(key, OWN_URL_SECS);
        let answer = self.http.head(url).header(name, value).send().await.map_err(|e| self.unreachable(e))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(self.unexpected(status, "HEAD")),
        }
        let header = |name: &str| answer.headers().get(name)?.to_str().ok();
        // HEAD has no body, so the HTTP client reports a length of 0.
        let size = header("content-length")
            .and_then(|v| v.parse().ok())
            .ok_or_else(|| self.unexpected(answer.status(), "HEAD (no length)"))?;
        let sha256 = match header("x-amz-checksum-sha256") {
            None => None,
            Some(text) => {
                let mut digest = [0; 32];
                match Base64::decode(text, &mut digest) {
                    Ok(bytes) if bytes.len() == 32 => Some(ObjectId::new(digest)),
                    _ => return Err(self.unexpected(answer.status(), "HEAD (checksum unreadable)")),
                }
            }
        };
        Ok(Some(Found { size, sha256 }))
    }

    /// Uploads through a URL as a client would; used by the probe.
    pub(crate) async fn put_raw(
        &self,
        key: &str,
        announced: &ObjectId,
        bytes: Vec<u8>,
    ) -> Result<StatusCode, Error> {
        let put = self.presigner.put_raw(key, bytes.len() as u64, announced, OWN_URL_SECS);
        let mut request = self.http.put(put.url).body(bytes);
        for (name, value) in put.headers.iter().filter(|(name, _)| *name != "content-length") {
            request = request.header(name, value);
        }
        Ok(request.send().await.map_err(|e| self.unreachable(e))?.status())
    }

    pub(crate) async fn get_raw(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let url = self.presigner.get_raw(key, OWN_URL_SECS);
        let answer = self.http.get(url).send().await.map_err(|e| self.unreachable(e))?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer.bytes().await.map_err(|e| self.unreachable(e))?.to_vec())),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.unexpected(status, "GET")),
        }
    }

    pub(crate) async fn delete_raw(&self, key: &str) -> Result<StatusCode, Error> {
        let url = self.presigner.delete_raw(key, OWN_URL_SECS);
        Ok(self.http.delete(url).send().await.map_err(|e| self.unreachable(e))?.status())
    }

    /// A readiness check: any response about an object that cannot exist will do.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.head_raw("sealkeep-ping").await.map(drop)
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        // Presigned URLs contain a signature, and errors end up in logs.
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        Error::Unreachable { origin: self.presigner.origin(), reason }
    }

    fn unexpected(&self, status: StatusCode, what: &'static str) -> Error {
        Error::Unexpected { origin: self.presigner.origin(), status: status.as_u16(), what }
    }
}

/// The stores of all regions served here. A store is reached only through its region.
#[derive(Default)]
pub struct Stores(BTreeMap<Region, Store>);

impl Stores {
    /// Built from the configured targets.
    ///
    /// # Errors
    /// The first endpoint that cannot be signed for.
    pub fn new<'a>(targets: impl IntoIterator<Item = (Region, &'a Target)>) -> Result<Self, Unusable> {
        targets
            .into_iter()
            .map(|(region, target)| Ok((region, Store::new(target)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The store of a region; `None` if it is not served here.
    #[must_use]
    pub fn get(&self, region: Region) -> Option<&Store> {
        self.0.get(&region)
    }

    /// Regions served here.
    pub fn regions(&self) -> impl Iterator<Item = Region> + '_ {
        self.0.keys().copied()
    }

    /// All regions with their stores.
    pub fn iter(&self) -> impl Iterator<Item = (Region, &Store)> {
        self.0.iter().map(|(region, store)| (*region, store))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Region, &mut Store)> {
        self.0.iter_mut().map(|(region, store)| (*region, store))
    }
}
