//! Renews a session's tokens before they expire, and stores them before they are used.

use std::time::{Duration, Instant};

use api_types::{
    Base64,
    account::{Refresh, Session},
};
use rand::RngCore;
use zeroize::Zeroizing;

use super::{
    ApiError, HttpApi,
    call::{Auth, Call},
    session::SessionState,
    transport::{AccessTokens, NoToken, encode},
};
use crate::device::{SessionKeeper, SessionTokens};

/// How long before its expiry an access token is renewed, seconds.
const EARLY: i64 = 60;
/// Minimum time to wait for a renewal by another process, which may itself be waiting for the service.
const OTHERS: Duration = Duration::from_secs(60);

/// The tokens of a session: renewed if they are about to expire, or if the service said so.
pub(super) struct SessionToken<'a> {
    pub(super) api: &'a HttpApi,
    pub(super) session: &'a SessionState,
}

impl AccessTokens for SessionToken<'_> {
    async fn current(&self, expired: bool) -> Result<Option<Zeroizing<String>>, ApiError> {
        let Self { api, session } = self;
        let mut tokens = session.tokens.lock().await;
        if (expired || tokens.expires_at - EARLY <= api.request_time())
            && let Some(keeper) = &session.keeper
        {
            renew(api, keeper.as_ref(), &mut tokens).await?;
        }
        Ok(Some(tokens.access.clone()))
    }

    fn can_renew(&self) -> bool {
        self.session.renews()
    }
}

async fn renew(
    api: &HttpApi,
    keeper: &dyn SessionKeeper,
    tokens: &mut SessionTokens,
) -> Result<(), ApiError> {
    // Another process of this device may have been faster; using a token twice ends the session.
    let _turn = lock_renewal(keeper, OTHERS.max(api.patience().longest())).await?;
    let stored = keeper.load().map_err(ApiError::Keeper)?.ok_or(ApiError::NotSignedIn)?;
    let newer = stored.refresh != tokens.refresh;
    *tokens = stored;
    if newer && tokens.expires_at - EARLY > api.request_time() {
        return Ok(());
    }
    let attempt = match tokens.attempt {
        // Its answer was lost: the same attempt gets the same successor.
        Some(attempt) => attempt,
        None => {
            let mut attempt = [0; 16];
            rand::rng().fill_bytes(&mut attempt);
            tokens.attempt = Some(attempt);
            keeper.save(tokens).map_err(ApiError::Keeper)?;
            attempt
        }
    };
    let request =
        Refresh { refresh_token: Base64(tokens.refresh.to_vec()), attempt: Base64(attempt.to_vec()) };
    let call = Call::post("/v1/token/refresh".into()).auth(Auth::Device);
    let response = api.exchange(&call, &encode(&request)?, &NoToken).await?;
    let session: Session = api.decode(&response)?;
    let renewed = SessionTokens::new(&session);
    keeper.save(&renewed).map_err(ApiError::Keeper)?;
    *tokens = renewed;
    Ok(())
}

async fn lock_renewal(keeper: &dyn SessionKeeper, longest: Duration) -> Result<Box<dyn Send>, ApiError> {
    let until = Instant::now() + longest;
    while Instant::now() < until {
        if let Some(turn) = keeper.lock().map_err(ApiError::Keeper)? {
            return Ok(turn);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(ApiError::Internal(format!(
        "another process has been renewing this device's session for {} s",
        longest.as_secs()
    )))
}
