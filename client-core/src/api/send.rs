//! Calls of the service: with a session's token where the route wants one.

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    ApiError, HttpApi,
    bounded::Spent,
    call::{Auth, Call},
    renew::SessionToken,
    transport::{NoToken, encode},
};

impl HttpApi {
    /// Sends a request, with retries if they help, and parses the answer.
    pub(super) async fn call<R: DeserializeOwned>(&self, call: Call) -> Result<R, ApiError> {
        self.decode(&self.send(&call, &[]).await?)
    }

    /// Like [`HttpApi::call`], for one page of a list, whose rows `count` counts: refuses an endless list.
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

    /// Like [`HttpApi::call`], with a JSON body.
    pub(super) async fn call_with<B: Serialize + Sync, R: DeserializeOwned>(
        &self,
        call: Call,
        body: &B,
    ) -> Result<R, ApiError> {
        self.decode(&self.send(&call, &encode(body)?).await?)
    }

    /// Like [`HttpApi::call_with`], for an empty answer.
    pub(super) async fn send_json<B: Serialize + Sync>(&self, call: Call, body: &B) -> Result<(), ApiError> {
        self.send(&call, &encode(body)?).await.map(drop)
    }

    /// Empty body and empty answer.
    pub(super) async fn send_empty(&self, call: Call) -> Result<(), ApiError> {
        self.send(&call, &[]).await.map(drop)
    }

    async fn send(&self, call: &Call, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        match (call.auth, &self.session) {
            (Auth::Session, None) => Err(ApiError::NotSignedIn),
            (Auth::Session, Some(session)) => {
                self.exchange(call, body, &SessionToken { api: self, session }).await
            }
            _ => self.exchange(call, body, &NoToken).await,
        }
    }
}
