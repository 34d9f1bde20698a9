//! Deletes expired counters, sign-ups, sign-ins and nonces.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Job;
use crate::{
    db::{pending, pre_auth::PreAuthTx, rate_limit, replay},
    error::ApiError,
    state::AppState,
};

#[derive(Debug)]
pub(super) struct Expiry;

impl Job for Expiry {
    fn name(&self) -> &'static str {
        "expiry"
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn round<'a>(&'a mut self, state: &'a AppState) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async {
            let now = state.clock().now();
            let mut tx = PreAuthTx::begin(state.db()).await?;
            rate_limit::delete_expired(&mut tx, now).await?;
            pending::delete_expired(&mut tx, now).await?;
            tx.commit().await?;
            Ok(replay::delete_expired(state.db(), now).await?)
        })
    }
}
