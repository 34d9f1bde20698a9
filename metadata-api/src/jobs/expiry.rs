//! Deletes expired counters, sign-ups, sign-ins and nonces.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Context, Job};
use crate::{
    db::{pending, pre_auth::PreAuthTx, rate_limit, replay},
    error::ApiError,
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

    fn round<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(async {
            let now = context.clock.now();
            let mut tx = PreAuthTx::begin(&context.db).await?;
            rate_limit::delete_expired(&mut tx, now).await?;
            pending::delete_expired(&mut tx, now).await?;
            tx.commit().await?;
            Ok(replay::delete_expired(&context.db, now).await?)
        })
    }
}
