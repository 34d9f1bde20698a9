//! Requests of the service itself to an object store.

use std::time::Duration;

use api_types::ObjectId;
use base64ct::{Base64, Encoding};
use reqwest::{Client as Http, StatusCode, header::RANGE, redirect::Policy};

use crate::presign::{Presigner, Target, Unusable};

/// Our own requests are sent immediately.
const OWN_URL_SECS: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a store gave no usable response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or the connection broke.
    #[error("the storage at {origin} cannot be reached: {reason}")]
    Unreachable {
        /// The store.
        origin: String,
        /// Without the URL, which contains a signature.
        reason: String,
    },
    /// An unexpected response.
    #[error("the storage at {origin} responded to {what} with {status}")]
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

/// Sends requests to one bucket. What the store behind it guarantees is not known yet.
pub struct Client {
    presigner: Presigner,
    http: Http,
}

impl Client {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// The endpoint cannot be signed for.
    pub fn new(target: &Target) -> Result<Self, Unusable> {
        let presigner = Presigner::new(target)?;
        let builder = Http::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT);
        // Plain HTTP (loopback) must not fail where the system has no certificates.
        let builder = if target.endpoint.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let http = builder.build().map_err(|e| Unusable::new(target, e.to_string()))?;
        Ok(Self { presigner, http })
    }

    /// The presigner for this bucket.
    #[must_use]
    pub fn presigner(&self) -> &Presigner {
        &self.presigner
    }

    pub(super) async fn first_raw(&self, key: &str, len: usize) -> Result<Option<Vec<u8>>, Error> {
        let url = self.presigner.get_raw(key, OWN_URL_SECS);
        let range = format!("bytes=0-{}", len.saturating_sub(1));
        let mut response =
            self.http.get(url).header(RANGE, range).send().await.map_err(|e| self.unreachable(e))?;
        match response.status() {
            // Some stores send the whole object; the unread rest is dropped with the connection.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(self.unexpected(status, "GET")),
        }
        let mut first = Vec::with_capacity(len);
        while first.len() < len
            && let Some(piece) = response.chunk().await.map_err(|e| self.unreachable(e))?
        {
            first.extend(piece.iter().take(len - first.len()));
        }
        Ok(Some(first))
    }

    pub(crate) async fn head_raw(&self, key: &str) -> Result<Option<Found>, Error> {
        let (url, (name, value)) = self.presigner.head_raw(key, OWN_URL_SECS);
        let response =
            self.http.head(url).header(name, value).send().await.map_err(|e| self.unreachable(e))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(self.unexpected(status, "HEAD")),
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        // HEAD has no body, so the HTTP client reports a length of 0.
        let size = header("content-length")
            .and_then(|v| v.parse().ok())
            .ok_or_else(|| self.unexpected(response.status(), "HEAD (no length)"))?;
        let sha256 = match header("x-amz-checksum-sha256") {
            None => None,
            Some(text) => {
                let mut digest = [0; 32];
                match Base64::decode(text, &mut digest) {
                    Ok(bytes) if bytes.len() == 32 => Some(ObjectId::new(digest)),
                    _ => return Err(self.unexpected(response.status(), "HEAD (checksum unreadable)")),
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
        let response = self.http.get(url).send().await.map_err(|e| self.unreachable(e))?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.bytes().await.map_err(|e| self.unreachable(e))?.to_vec())),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.unexpected(status, "GET")),
        }
    }

    pub(crate) async fn delete_raw(&self, key: &str) -> Result<StatusCode, Error> {
        let url = self.presigner.delete_raw(key, OWN_URL_SECS);
        Ok(self.http.delete(url).send().await.map_err(|e| self.unreachable(e))?.status())
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
