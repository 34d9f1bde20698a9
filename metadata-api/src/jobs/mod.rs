//! What the service does by itself, in rounds. A job is a file here and a line in [`all`].

mod failed_sign_ins;
mod forgetting;

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::{error::ApiError, state::AppState};

/// Work that no request waits for. What it remembers between two rounds is gone with the process.
pub trait Job: Send {
    /// For the log.
    fn name(&self) -> &'static str;

    /// How long it rests between two rounds.
    fn rest(&self) -> Duration;

    /// One round.
    ///
    /// # Errors
    /// The database's. What was not done is done in the next round.
    fn round<'a>(&'a mut self, state: &'a AppState) -> BoxFuture<'a, Result<(), ApiError>>;
}

/// Every job, as at the start of the service.
#[must_use]
pub fn all() -> Vec<Box<dyn Job>> {
    vec![Box::new(failed_sign_ins::FailedSignIns::default()), Box::new(forgetting::Forgetting)]
}

/// Works until its task ends. A round that fails stops neither the next one nor other jobs.
pub async fn run(mut job: Box<dyn Job>, state: AppState) {
    loop {
        if let Err(error) = job.round(&state).await {
            tracing::warn!(job = job.name(), %error, "a job failed; it is tried again");
        }
        tokio::time::sleep(job.rest()).await;
    }
}
