//! The last step of a sign-in: the second factor, on a device that is not revoked. It opens a session, or changes how
//! the user signs in.

use api_types::{
    LoginId,
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
        pending::{self, Login},
        pre_auth::PreAuthTx,
    },
    error::ApiError,
    state::AppState,
};

/// A caller with proven password and second factor, in the transaction that accepted the factor.
pub(crate) struct Proven {
    pub(crate) tx: PreAuthTx,
    pub(crate) login: Login,
    pub(crate) amr: &'static str,
}

/// Proves the second factor of a sign-in whose password was proven, on a device that is not revoked.
pub(crate) async fn prove(
    state: &AppState,
    login_id: LoginId,
    factor: &SecondFactor,
    now: i64,
) -> Result<Proven, ApiError> {
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let login = pending::awaiting_second_factor(&mut tx, login_id, now).await?;
    let amr = match second_factor::prove(state.keys(), &mut tx, &login, factor, now).await? {
        Outcome::Proven(amr) => amr,
        Outcome::Refused { retry_after, locks } => {
            let claimed = claimed(login.device.id, &login.device.signing_key);
            // Attempts during a lock are not recorded: whoever makes them could choose their number.
            if retry_after.is_none() {
                audit::record_account(&mut tx, login.account, None, now, "second_factor_failed", &claimed)
                    .await?;
            }
            if locks {
                audit::record_account(&mut tx, login.account, None, now, "second_factor_locked", &claimed)
                    .await?;
            }
            tx.commit().await?;
            return Err(second_factor::refusal(retry_after));
        }
    };
    if let Err(refused) = device::register(&mut tx, login.account, &login.device, now).await {
        // Code and sign-in are used up even if this fails.
        second_factor::close(&mut tx, login_id).await?;
        tx.commit().await?;
        return Err(refused);
    }
    Ok(Proven { tx, login, amr })
}

impl Proven {
    pub(crate) async fn open_session(&mut self, state: &AppState, now: i64) -> Result<Session, ApiError> {
        let new = NewSession {
            account: self.login.account,
            region: self.login.region,
            device: self.login.device.id,
            signing_key: &self.login.device.signing_key,
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
        let device = Some(self.login.device.id);
        audit::record_account(&mut self.tx, self.login.account, device, now, action, details).await?;
        Ok(self.tx.commit().await?)
    }
}
