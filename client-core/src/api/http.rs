//! One place for addresses, TLS, timeouts, signatures, retries and errors.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use api_types::{ErrorCode, Problem, signature::CanonicalRequest};
use rand::RngCore;
use reqwest::{Method, StatusCode, header, tls};
use serde::{Serialize, de::DeserializeOwned};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{
    ApiError,
    bounded::{Bounds, Spent},
    retry::{self, Sent},
    session::Keeping,
};
use crate::{
    clock::{Clock, SystemClock},
    device::{DeviceIdentity, DeviceSecrets, SessionKeeper},
    patience::{NoMore, Patience, Peer},
};

/// Largest answer that is read, bytes: a thousand rows of anything fit.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// An answer that does not move for this long is given up and, where that is safe, asked for again.
const STALL: Duration = Duration::from_secs(45);
/// The same for one that drips.
const LONGEST: Duration = Duration::from_secs(600);
/// A clock that is off by more than this is not worked around, seconds.
const MAX_OFFSET: i64 = 24 * 3600;

/// The metadata service over HTTP.
pub struct HttpApi {
    http: reqwest::Client,
    server: String,
    authority: String,
    pub(super) device: DeviceIdentity,
    clock: Arc<dyn Clock>,
    stall: Duration,
    patience: Arc<Patience>,
    /// The service's clock minus ours, seconds.
    offset: AtomicI64,
    bounds: Bounds,
    pub(super) session: Option<Keeping>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// Nobody: public routes.
    Unsigned,
    /// The device, before it has a session.
    Device,
    /// The device with its session.
    Session,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) auth: Auth,
    /// Repeating it after a lost answer changes nothing more.
    pub(super) idempotent: bool,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, query: String::new(), auth: Auth::Session, idempotent: true }
    }

    pub(super) fn post(path: String) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    pub(super) fn query(mut self, query: String) -> Self {
        self.query = query;
        self
    }

    pub(super) const fn once(mut self) -> Self {
        self.idempotent = false;
        self
    }

    pub(super) const fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }
}

impl HttpApi {
    /// For sign-up and sign-in.
    ///
    /// # Errors
    /// [`ApiError::Address`].
    pub fn anonymous(server: &str, device: &DeviceIdentity) -> Result<Self, ApiError> {
        let url = address(server)?;
        let authority = url.authority().to_owned();
        let loopback = is_loopback(&url);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sealkeep/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_version_min(tls::Version::TLS_1_3)
            .connect_timeout(Duration::from_secs(10))
            .timeout(LONGEST);
        if loopback {
            builder = builder.no_proxy();
        }
        builder = if url.scheme() == "https" {
            builder.https_only(true)
        } else {
            // Never used, and so not looked for: a machine may have no certificates at all.
            builder.tls_certs_only([])
        };
        let http = builder.build().map_err(|e| ApiError::Internal(format!("the HTTP client: {e}")))?;
        Ok(Self {
            http,
            server: url.as_str().trim_end_matches('/').to_owned(),
            authority,
            device: device.clone_for_keystore(),
            clock: Arc::new(SystemClock),
            stall: STALL,
            patience: Arc::default(),
            offset: AtomicI64::new(0),
            bounds: Bounds::default(),
            session: None,
        })
    }

    /// With the session that `secrets` hold. Without a keeper ([`HttpApi::keep_session`]) an access token
    /// that ran out is not renewed, because a rotated token that nobody stores would be lost.
    ///
    /// # Errors
    /// [`ApiError::NotSignedIn`] or [`ApiError::Address`].
    pub fn signed_in(server: &str, secrets: &DeviceSecrets) -> Result<Self, ApiError> {
        let tokens = secrets.session.clone().ok_or(ApiError::NotSignedIn)?;
        let mut api = Self::anonymous(server, &secrets.device)?;
        api.session = Some(Keeping::new(tokens));
        Ok(api)
    }

    /// Renews the session when its hour is over; each new token is stored before it is used.
    #[must_use]
    pub fn keep_session(mut self, keeper: Arc<dyn SessionKeeper>) -> Self {
        if let Some(session) = &mut self.session {
            session.keeper = Some(keeper);
        }
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other bounds for lists.
    #[must_use]
    pub const fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// With the patience of an operation.
    #[must_use]
    pub fn with_patience(mut self, patience: Arc<Patience>) -> Self {
        self.patience = patience;
        self
    }

    /// How long the service is waited for.
    #[must_use]
    pub const fn patience(&self) -> &Arc<Patience> {
        &self.patience
    }

    /// How long an answer may stand still.
    #[must_use]
    pub const fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// The service's address, without a slash at the end.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The service's time as far as it is known, seconds since 1970: for requests and tokens alone. What is signed for
    /// devices takes this device's own clock.
    #[must_use]
    pub(super) fn request_time(&self) -> i64 {
        self.clock.now().saturating_add(self.offset.load(Ordering::Relaxed))
    }

    /// Sends a request, again where that helps, and reads the answer.
    pub(super) async fn call<R: DeserializeOwned>(&self, call: Call) -> Result<R, ApiError> {
        self.decode(&self.send(&call, &[]).await?)
    }

    /// As [`HttpApi::call`], for one page of a list, whose rows `count` counts: a list that has no end is refused.
    pub(super) async fn page<R: DeserializeOwned>(
        &self,
        call: Call,
        spent: &mut Spent,
        count: impl FnOnce(&R) -> usize,
    ) -> Result<R, ApiError> {
        let answer = self.send(&call, &[]).await?;
        let page = self.decode(&answer)?;
        spent.page(&self.server, count(&page), answer.len())?;
        Ok(page)
    }

    /// What a list may cost.
    pub(super) fn spending(&self) -> Spent {
        Spent::new(self.bounds)
    }

    /// The same with a JSON body.
    pub(super) async fn call_with<B: Serialize + Sync, R: DeserializeOwned>(
        &self,
        call: Call,
        body: &B,
    ) -> Result<R, ApiError> {
        self.decode(&self.send(&call, &encode(body)?).await?)
    }

    /// The same where the answer is empty.
    pub(super) async fn tell<B: Serialize + Sync>(&self, call: Call, body: &B) -> Result<(), ApiError> {
        self.send(&call, &encode(body)?).await.map(drop)
    }

    /// An empty body and an empty answer.
    pub(super) async fn tell_nothing(&self, call: Call) -> Result<(), ApiError> {
        self.send(&call, &[]).await.map(drop)
    }

    fn decode<R: DeserializeOwned>(&self, answer: &[u8]) -> Result<R, ApiError> {
        serde_json::from_slice(answer).map_err(|e| ApiError::Unexpected {
            server: self.server.clone(),
            detail: format!("unreadable answer, line {} column {}", e.line(), e.column()),
        })
    }

    async fn send(&self, call: &Call, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let mut request = self.patience.request(Peer::Service, retry::FIRST_PAUSE);
        let (mut clock_set, mut renewed) = (false, false);
        loop {
            let bearer = match (call.auth, &self.session) {
                (Auth::Session, None) => return Err(ApiError::NotSignedIn),
                (Auth::Session, Some(session)) => Some(session.bearer(self, renewed).await?),
                _ => None,
            };
            let attempt = request.attempt(self.once(call, body, bearer.as_ref())).await;
            let (error, sent) = match attempt.map_err(|_| ApiError::Cancelled)? {
                Ok(answer) => {
                    request.answered();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            match error.code() {
                Some(ErrorCode::ClockSkew) if !clock_set => {
                    clock_set = true;
                    self.set_offset(error)?;
                }
                Some(ErrorCode::TokenExpired)
                    if !renewed && self.session.as_ref().is_some_and(Keeping::renews) =>
                {
                    renewed = true;
                }
                _ if retry::is_worth_it(&error, sent, call.idempotent) => {
                    tracing::debug!(path = call.path, %error, "trying again");
                    let wait = error.retry_after().map(Duration::from_secs);
                    match request.pause(wait).await {
                        Ok(()) => {}
                        Err(NoMore::Cancelled) => return Err(ApiError::Cancelled),
                        Err(NoMore::Exhausted) => return Err(error.after(request.failing_for())),
                    }
                }
                _ => {
                    request.answered();
                    return Err(error);
                }
            }
        }
    }

    /// Takes the service's clock for its requests. A lying service can only make its own checks fail.
    fn set_offset(&self, error: ApiError) -> Result<(), ApiError> {
        let ApiError::Problem(problem) = &error else { return Err(error) };
        let Some(server_time) = problem.server_time else { return Err(error) };
        let offset = server_time.saturating_sub(self.clock.now());
        if offset.saturating_abs() > MAX_OFFSET {
            return Err(ApiError::ClockTooFar { hours: offset / 3600 });
        }
        self.offset.store(offset, Ordering::Relaxed);
        Ok(())
    }

    async fn once(
        &self,
        call: &Call,
        body: &[u8],
        bearer: Option<&Zeroizing<String>>,
    ) -> Result<Zeroizing<Vec<u8>>, (ApiError, Sent)> {
        let separator = if call.query.is_empty() { "" } else { "?" };
        let url = format!("{}{}{separator}{}", self.server, call.path, call.query);
        let mut request =
            self.http.request(call.method.clone(), url).header(header::ACCEPT, "application/json");
        let authorization = bearer.map(|token| Zeroizing::new(format!("Bearer {}", **token)));
        if call.auth != Auth::Unsigned {
            // A fresh nonce per try: the service refuses one that it has seen.
            let mut nonce = [0; 16];
            rand::rng().fill_bytes(&mut nonce);
            let signed = CanonicalRequest {
                method: call.method.as_str(),
                authority: &self.authority,
                path: &call.path,
                query: &call.query,
                body,
                authorization: authorization.as_ref().map(|a| a.as_str()),
            }
            .sign(self.device.signing_key(), self.device.id, self.request_time(), nonce);
            request = request
                .header("content-digest", signed.content_digest)
                .header("signature-input", signed.signature_input)
                .header("signature", signed.signature);
        }
        if let Some(authorization) = &authorization {
            let mut value = header::HeaderValue::from_str(authorization)
                .map_err(|e| (ApiError::Internal(format!("the access token: {e}")), Sent::No))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_vec());
        }
        let answer = tokio::time::timeout(self.stall, request.send())
            .await
            .map_err(|_| self.silent())?
            .map_err(|e| self.unreachable(&e))?;
        self.read(answer).await
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, (ApiError, Sent)> {
        let status = answer.status();
        let retry_after = retry::asked_for(answer.headers());
        let mut body = Zeroizing::new(Vec::new());
        loop {
            let piece = tokio::time::timeout(self.stall, answer.chunk())
                .await
                .map_err(|_| self.silent())?
                .map_err(|e| self.unreachable(&e))?;
            let Some(piece) = piece else { break };
            if body.len() + piece.len() > MAX_ANSWER {
                return Err((self.unexpected("an answer larger than 32 MiB".into()), Sent::Maybe));
            }
            body.extend_from_slice(&piece);
        }
        if status.is_success() {
            return Ok(body);
        }
        let error = match serde_json::from_slice::<Problem>(&body) {
            Ok(mut problem) => {
                problem.retry_after = problem.retry_after.or(retry_after);
                ApiError::Problem(Box::new(problem))
            }
            // What a reverse proxy says when the service behind it is away, or when there is too much of us.
            Err(_) if matches!(status.as_u16(), 429 | 502..=504) => {
                let (server, detail) = (self.server.clone(), status.to_string());
                ApiError::Unreachable { server, detail, retry_after }
            }
            Err(_) if status.is_redirection() => {
                self.unexpected("a redirect, which is never followed".into())
            }
            Err(_) if status == StatusCode::NOT_FOUND => self.unexpected("no such path".into()),
            Err(_) => self.unexpected(format!("status {}", status.as_u16())),
        };
        Err((error, Sent::Maybe))
    }

    fn unexpected(&self, detail: String) -> ApiError {
        ApiError::Unexpected { server: self.server.clone(), detail }
    }

    fn silent(&self) -> (ApiError, Sent) {
        let detail = format!("no answer for {} seconds", self.stall.as_secs());
        (self.away(detail), Sent::Maybe)
    }

    fn unreachable(&self, error: &reqwest::Error) -> (ApiError, Sent) {
        let sent = if error.is_connect() { Sent::No } else { Sent::Maybe };
        let detail = network_words(error);
        (self.away(detail), sent)
    }

    fn away(&self, detail: String) -> ApiError {
        ApiError::Unreachable { server: self.server.clone(), detail, retry_after: None }
    }
}

fn encode<B: Serialize>(body: &B) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    serde_json::to_vec(body).map(Zeroizing::new).map_err(|e| ApiError::Internal(format!("a request: {e}")))
}

/// The innermost cause in words, without the URL.
fn network_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn address(server: &str) -> Result<Url, ApiError> {
    let url = Url::parse(server.trim())
        .map_err(|e| ApiError::Address(format!("`{server}` is not the address of a service: {e}")))?;
    let bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare || url.host().is_none() {
        return Err(ApiError::Address(format!(
            "the address of a service is a scheme, a host and perhaps a port, not `{server}`"
        )));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(ApiError::Address(format!(
            "`{server}` is not encrypted; plain http is only for this machine itself, use https"
        ))),
        other => Err(ApiError::Address(format!("`{other}` is no scheme of a service, use https"))),
    }
}

/// Names are not resolved: only addresses and `localhost` count.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for good in
            ["https://api.example.com", "http://127.0.0.1:8787/", "http://[::1]:1", "http://localhost"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "http://10.0.0.1:8787",
            "ftp://127.0.0.1",
            "https://u:p@api.example.com",
            "https://api.example.com/v1",
            "https://api.example.com/?x=1",
            "api.example.com",
            "",
        ] {
            assert!(matches!(address(bad), Err(ApiError::Address(_))), "{bad}");
        }
    }

    #[test]
    fn the_authority_is_what_a_host_header_says() {
        let authority = |text| address(text).map(|url| url.authority().to_owned()).ok();
        assert_eq!(authority("https://API.example.com:443/").as_deref(), Some("api.example.com"));
        assert_eq!(authority("http://127.0.0.1:8787").as_deref(), Some("127.0.0.1:8787"));
    }
}
