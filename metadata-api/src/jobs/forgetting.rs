//! Deletes expired counters, sign-ups, sign-ins and nonces.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Job;
use crate::{
    db::{pending, pre_auth::PreAuthTx, rate, replay},
    error::ApiError,
    state::AppState,
};

#[derive(Debug)]
pub(super) struct Forgetting;

impl Job for Forgetting {
    fn name(&self) -> &'static str {
        "forgetting"
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn round<'a>(&'a mut self, state: &'a AppState) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async {
            let now = state.clock().now();
            let mut tx = PreAuthTx::begin(state.db()).await?;
            rate::forget(&mut tx, now).await?;
            pending::forget(&mut tx, now).await?;
            tx.commit().await?;
            Ok(replay::forget(state.db(), now).await?)
        })
    }
}
