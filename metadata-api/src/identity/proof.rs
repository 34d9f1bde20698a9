//! The last step of a sign-in: the second factor, on a device that is not revoked. It opens a session, or changes how
//! the user signs in.

use api_types::{
    SignInId,
    account::{SecondFactor, Session},
};

use super::{
    second_factor::{self, Outcome},
    session::{self, NewSession},
};
use crate::{
    db::{
        audit::{self, claimed},
        device,
        pending::{self, SignIn},
        pre_auth::PreAuthTx,
    },
    error::ApiError,
    state::AppState,
};

/// A caller with proven password and second factor, in the transaction that accepted the factor.
pub(crate) struct Proven {
    pub(crate) tx: PreAuthTx,
    pub(crate) sign_in: SignIn,
    pub(crate) amr: &'static str,
}

/// Proves the second factor of a sign-in whose password was proven, on a device that is not revoked.
pub(crate) async fn prove(
    state: &AppState,
    sign_in_id: SignInId,
    second_factor: &SecondFactor,
    now: i64,
) -> Result<Proven, ApiError> {
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let sign_in = pending::awaiting_second_factor(&mut tx, sign_in_id, now).await?;
    let amr = match second_factor::prove(state.keys(), &mut tx, &sign_in, second_factor, now).await? {
        Outcome::Proven(amr) => amr,
        Outcome::Refused { retry_after, locks } => {
            let claimed = claimed(sign_in.device.id, &sign_in.device.signing_key);
            // Attempts during a lock are not recorded: whoever makes them could choose their number.
            if retry_after.is_none() {
                audit::record_account(&mut tx, sign_in.account, None, now, "second_factor_failed", &claimed)
                    .await?;
            }
            if locks {
                audit::record_account(&mut tx, sign_in.account, None, now, "second_factor_locked", &claimed)
                    .await?;
            }
            tx.commit().await?;
            return Err(second_factor::refusal(retry_after));
        }
    };
    if let Err(refused) = device::register(&mut tx, sign_in.account, &sign_in.device, now).await {
        // Code and sign-in are used up even if this fails.
        second_factor::close(&mut tx, sign_in_id).await?;
        tx.commit().await?;
        return Err(refused);
    }
    Ok(Proven { tx, sign_in, amr })
}

impl Proven {
    pub(crate) async fn open_session(&mut self, state: &AppState, now: i64) -> Result<Session, ApiError> {
        let new = NewSession {
            account: self.sign_in.account,
            region: self.sign_in.region,
            device: self.sign_in.device.id,
            signing_key: &self.sign_in.device.signing_key,
            amr: self.amr,
        };
        session::open(state, &mut self.tx, &new, now).await
    }

    /// Records the action and commits.
    pub(crate) async fn finish(
        mut self,
        action: &'static str,
        details: audit::Details<'_>,
        now: i64,
    ) -> Result<(), ApiError> {
        let device = Some(self.sign_in.device.id);
        audit::record_account(&mut self.tx, self.sign_in.account, device, now, action, details).await?;
        Ok(self.tx.commit().await?)
    }
}
