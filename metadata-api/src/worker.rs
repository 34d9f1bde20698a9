//! What the service does by itself: failed sign-ins go into their accounts' trails, and what is over is forgotten.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use api_types::AccountId;

use crate::{
    db::{audit, failed_sign_in, pending, pre_auth::PreAuthTx, rate, replay},
    error::ApiError,
    handlers::login::claimed,
    state::AppState,
};

const EVERY: Duration = Duration::from_secs(5);
/// An account's failed sign-ins are written down at most this often, with their number: strangers do not decide how
/// long somebody's trail gets.
const QUIET: Duration = Duration::from_secs(600);

/// The task's memory.
#[derive(Debug, Default)]
pub struct Worker {
    written: HashMap<AccountId, Instant>,
}

impl Worker {
    /// Works until its task ends.
    pub async fn run(mut self, state: AppState) {
        loop {
            if let Err(error) = self.round(&state).await {
                tracing::warn!(%error, "housekeeping failed; it is tried again");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One round.
    ///
    /// # Errors
    /// The database's; what was not done is done in the next round.
    pub async fn round(&mut self, state: &AppState) -> Result<(), ApiError> {
        let now = state.clock().now();
        self.written.retain(|_, at| at.elapsed() < QUIET);
        let quiet: Vec<_> = self.written.keys().map(|account| account.0).collect();

        let mut tx = PreAuthTx::begin(state.db()).await?;
        let mut failed: BTreeMap<AccountId, Vec<failed_sign_in::Failed>> = BTreeMap::new();
        for one in failed_sign_in::take(&mut tx, &quiet).await? {
            failed.entry(one.account).or_default().push(one);
        }
        for (account, tries) in &failed {
            let Some(last) = tries.last() else { continue };
            let key = last.signing_key.as_slice().try_into().unwrap_or([0; 32]);
            let [device, key] = claimed(last.device, &key);
            let details = [("count", tries.len().to_string()), device, key];
            // An address without an account has no vault: nothing is written.
            audit::record_account(&mut tx, *account, None, now, "login_failed", &details).await?;
        }
        tx.commit().await?;
        self.written.extend(failed.into_keys().map(|account| (account, Instant::now())));

        let mut tx = PreAuthTx::begin(state.db()).await?;
        rate::forget(&mut tx, now).await?;
        pending::forget(&mut tx, now).await?;
        tx.commit().await?;
        replay::forget(state.db(), now).await?;
        Ok(())
    }
}
