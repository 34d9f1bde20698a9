//! The service's background jobs. Each job is a file here and a line in [`all`].

mod expiry;
mod failed_sign_ins;

use std::time::Duration;

use axum::extract::FromRef;
use futures_util::future::BoxFuture;

use crate::{clock::Clock, db::Db, error::ApiError, state::AppState};

/// What jobs work with.
#[derive(Clone)]
pub struct Context {
    db: Db,
    clock: Clock,
}

impl FromRef<AppState> for Context {
    fn from_ref(state: &AppState) -> Self {
        Self { db: state.db().clone(), clock: state.clock().clone() }
    }
}

/// Work that no request waits for. Its state between rounds is lost when the process ends.
pub trait Job: Send {
    /// Name in the log.
    fn name(&self) -> &'static str;

    /// Pause between two rounds.
    fn pause(&self) -> Duration;

    /// One round.
    ///
    /// # Errors
    /// The database's; the next round does what is left.
    fn round<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), ApiError>>;
}

/// All jobs in their initial state.
#[must_use]
pub fn all() -> Vec<Box<dyn Job>> {
    vec![Box::new(failed_sign_ins::FailedSignIns::default()), Box::new(expiry::Expiry)]
}

/// Runs rounds until its task ends. A failed round stops neither later rounds nor other jobs.
pub async fn run(mut job: Box<dyn Job>, context: Context) {
    loop {
        if let Err(error) = job.round(&context).await {
            tracing::warn!(job = job.name(), %error, "a job failed; retrying");
        }
        tokio::time::sleep(job.pause()).await;
    }
}
