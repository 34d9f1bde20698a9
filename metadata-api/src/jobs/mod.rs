//! The service's background jobs. Each job is a file here and a line in [`all`].

mod expiry;
mod failed_sign_ins;

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::{error::ApiError, state::AppState};

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
    fn round<'a>(&'a mut self, state: &'a AppState) -> BoxFuture<'a, Result<(), ApiError>>;
}

/// All jobs in their initial state.
#[must_use]
pub fn all() -> Vec<Box<dyn Job>> {
    vec![Box::new(failed_sign_ins::FailedSignIns::default()), Box::new(expiry::Expiry)]
}

/// Runs rounds until its task ends. A failed round stops neither later rounds nor other jobs.
pub async fn run(mut job: Box<dyn Job>, state: AppState) {
    loop {
        if let Err(error) = job.round(&state).await {
            tracing::warn!(job = job.name(), %error, "a job failed; retrying");
        }
        tokio::time::sleep(job.pause()).await;
    }
}
