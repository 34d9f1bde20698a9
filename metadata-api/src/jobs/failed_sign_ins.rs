//! Moves failed sign-ins into the trails of their accounts, as one entry with their number. Not done in the request,
//! because unknown addresses must get their response equally fast.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use api_types::AccountId;
use futures_util::future::BoxFuture;

use super::{Context, Job};
use crate::{
    db::{
        audit::{self, claimed},
        failed_sign_in,
        pre_auth::PreAuthTx,
    },
    error::ApiError,
};

/// Minimum interval between entries about an account's failed sign-ins, which carry their number: strangers must not
/// decide how long a trail gets.
const QUIET: Duration = Duration::from_secs(600);

/// Accounts whose trails were written to recently.
#[derive(Debug, Default)]
pub(super) struct FailedSignIns {
    written: HashMap<AccountId, Instant>,
}

impl Job for FailedSignIns {
    fn name(&self) -> &'static str {
        "failed sign-ins"
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn round<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), ApiError>> {
        Box::pin(self.write(context))
    }
}

impl FailedSignIns {
    async fn write(&mut self, context: &Context) -> Result<(), ApiError> {
        let now = context.clock.now();
        self.written.retain(|_, at| at.elapsed() < QUIET);
        let quiet: Vec<_> = self.written.keys().map(|account| account.0).collect();

        let mut tx = PreAuthTx::begin(&context.db).await?;
        let mut failed: BTreeMap<AccountId, Vec<failed_sign_in::Failed>> = BTreeMap::new();
        for one in failed_sign_in::take(&mut tx, &quiet).await? {
            failed.entry(one.account).or_default().push(one);
        }
        for (account, tries) in &failed {
            let Some(last) = tries.last() else { continue };
            let key = last.signing_key.as_slice().try_into().unwrap_or([0; 32]);
            let [device, key] = claimed(last.device, &key);
            let details = [("count", tries.len().to_string()), device, key];
            // An address without an account has no vault, so nothing is written.
            audit::record_account(&mut tx, *account, None, now, "sign_in_failed", &details).await?;
        }
        tx.commit().await?;
        self.written.extend(failed.into_keys().map(|account| (account, Instant::now())));
        Ok(())
    }
}
