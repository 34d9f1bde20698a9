//! Failed sign-ins go into their accounts' trails. The answer to one takes as long for an unknown address, so that it
//! cannot wait for that.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use api_types::AccountId;
use futures_util::future::BoxFuture;

use super::Job;
use crate::{
    db::{audit, failed_sign_in, pre_auth::PreAuthTx},
    error::ApiError,
    handlers::login::claimed,
    state::AppState,
};

/// An account's failed sign-ins are written down at most this often, with their number: strangers do not decide how
/// long somebody's trail gets.
const QUIET: Duration = Duration::from_secs(600);

/// The accounts in whose trails they were written lately.
#[derive(Debug, Default)]
pub(super) struct FailedSignIns {
    written: HashMap<AccountId, Instant>,
}

impl Job for FailedSignIns {
    fn name(&self) -> &'static str {
        "failed sign-ins"
    }

    fn rest(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn round<'a>(&'a mut self, state: &'a AppState) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(self.write(state))
    }
}

impl FailedSignIns {
    async fn write(&mut self, state: &AppState) -> Result<(), ApiError> {
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
        Ok(())
    }
}
