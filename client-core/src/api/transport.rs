//! Signs and sends one request, with retries, and parses the response or error. Knows nothing of sessions.

use std::{sync::atomic::Ordering, time::Duration};

use api_types::{ErrorCode, Problem, signature::CanonicalRequest};
use rand::RngCore;
use reqwest::{StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    ApiError, HttpApi,
    call::{Auth, Call},
    retry::{self, Sent},
};
use crate::{
    net::describe_network_error,
    patience::{NoMore, Peer},
    text,
    text::Text,
};

/// Maximum size of a response, bytes: enough for a thousand rows of anything.
const MAX_RESPONSE: usize = 32 * 1024 * 1024;
/// Larger clock differences are not corrected, seconds.
const MAX_OFFSET: i64 = 24 * 3600;

/// Where a request's access token comes from. A renewal is itself a request, so this module does not renew.
pub(super) trait AccessTokens: Sync {
    /// The token for the next attempt, if the request needs one; `expired`: the service refused the last one.
    fn current(
        &self,
        expired: bool,
    ) -> impl Future<Output = Result<Option<Zeroizing<String>>, ApiError>> + Send;

    /// Whether another attempt helps after the service refused a token as expired.
    fn can_renew(&self) -> bool;
}

/// For requests without a session.
pub(super) struct NoToken;

impl AccessTokens for NoToken {
    fn current(&self, _: bool) -> impl Future<Output = Result<Option<Zeroizing<String>>, ApiError>> + Send {
        std::future::ready(Ok(None))
    }

    fn can_renew(&self) -> bool {
        false
    }
}

impl HttpApi {
    pub(super) fn decode<R: DeserializeOwned>(&self, answer: &[u8]) -> Result<R, ApiError> {
        serde_json::from_slice(answer).map_err(|e| ApiError::Unexpected {
            server: self.server.clone(),
            detail: text!(
                "unreadable answer, line {line} column {column}",
                line = e.line(),
                column = e.column()
            ),
        })
    }

    /// Sends a request and returns the body of the response, with retries if they help.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        body: &[u8],
        tokens: &impl AccessTokens,
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let mut request = self.patience.request(Peer::Service, retry::FIRST_PAUSE);
        let (mut clock_set, mut renewed) = (false, false);
        loop {
            let bearer = tokens.current(renewed).await?;
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
                Some(ErrorCode::TokenExpired) if tokens.can_renew() && !renewed => renewed = true,
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

    /// Adopts the service's clock for requests. A lying service can only make its own checks fail.
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
            // A fresh nonce per attempt: the service refuses one that it has seen.
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
            if body.len() + piece.len() > MAX_RESPONSE {
                return Err((self.unexpected(text!("a response larger than 33.5 MB")), Sent::Maybe));
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
            // What a reverse proxy answers if the service behind it is down or fails, or if we send too much.
            Err(_) if matches!(status.as_u16(), 429 | 500 | 502..=504) => {
                let (server, detail) = (self.server.clone(), Text::verbatim(status.to_string()));
                let sent = if status == StatusCode::TOO_MANY_REQUESTS { Sent::No } else { Sent::Maybe };
                return Err((ApiError::Unreachable { server, detail, retry_after }, sent));
            }
            Err(_) if status.is_redirection() => {
                self.unexpected(text!("a redirect, which is never followed"))
            }
            Err(_) if status == StatusCode::NOT_FOUND => self.unexpected(text!("unexpected status 404")),
            Err(_) => self.unexpected(text!("status {status}", status = status.as_u16())),
        };
        Err((error, Sent::Maybe))
    }

    fn unexpected(&self, detail: Text) -> ApiError {
        ApiError::Unexpected { server: self.server.clone(), detail }
    }

    fn silent(&self) -> (ApiError, Sent) {
        let detail = text!("no answer for {seconds} seconds", seconds = self.stall.as_secs());
        (self.away(detail), Sent::Maybe)
    }

    fn unreachable(&self, error: &reqwest::Error) -> (ApiError, Sent) {
        let sent = if error.is_connect() { Sent::No } else { Sent::Maybe };
        let detail = describe_network_error(error);
        (self.away(detail), sent)
    }

    fn away(&self, detail: Text) -> ApiError {
        ApiError::Unreachable { server: self.server.clone(), detail, retry_after: None }
    }
}

pub(super) fn encode<B: Serialize>(body: &B) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    serde_json::to_vec(body).map(Zeroizing::new).map_err(|e| ApiError::Internal(format!("a request: {e}")))
}
