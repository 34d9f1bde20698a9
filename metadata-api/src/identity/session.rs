//! Shared by sign-up, sign-in and refresh: the response that carries a session.

use api_types::{
    AccountId, Base64, DeviceId, ErrorCode, Region, SessionId, VaultId,
    account::Session,
    vault::{MemberRole, VaultInfo},
};

use crate::{
    db::{pre_auth::PreAuthTx, session, vault},
    error::ApiError,
    keys::token::Subject,
    state::AppState,
};

/// Who a session is for.
pub(crate) struct NewSession<'a> {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) device: DeviceId,
    pub(crate) signing_key: &'a [u8; 32],
    pub(crate) amr: &'static str,
}

/// Opens a session within the transaction.
pub(crate) async fn open(
    state: &AppState,
    tx: &mut PreAuthTx,
    new: &NewSession<'_>,
    now: i64,
) -> Result<Session, ApiError> {
    let session_id = SessionId(uuid::Uuid::new_v4());
    let refresh_token = zeroize::Zeroizing::new(rand::random::<[u8; 32]>());
    session::open(tx, new.account, session_id, new.device, new.amr, &refresh_token, now).await?;
    let subject = Subject {
        account: new.account,
        session: session_id,
        device: new.device,
        region: new.region,
        signing_key: new.signing_key,
        amr: new.amr,
    };
    respond(state, tx, &subject, &refresh_token, now).await
}

/// The session response with its tokens.
pub(crate) async fn respond(
    state: &AppState,
    tx: &mut PreAuthTx,
    subject: &Subject<'_>,
    refresh_token: &[u8; 32],
    now: i64,
) -> Result<Session, ApiError> {
    let (access_token, expires_at) = state.tokens().issue(subject, now)?;
    let vaults = vault::of_account(tx, subject.account)
        .await?
        .into_iter()
        .map(|m| vault_info(state, m.vault, m.region, m.role, m.ready))
        .collect::<Result<_, _>>()?;
    Ok(Session {
        session_id: subject.session,
        account_id: subject.account,
        access_token,
        expires_at,
        refresh_token: Base64(refresh_token.to_vec()),
        vaults,
    })
}

/// A vault with its region, storage origin and bucket.
pub(crate) fn vault_info(
    state: &AppState,
    vault_id: VaultId,
    region: Region,
    role: MemberRole,
    ready: bool,
) -> Result<VaultInfo, ApiError> {
    let store = state.stores().get(region).ok_or(ErrorCode::RegionUnavailable)?.presigner();
    Ok(VaultInfo {
        vault_id,
        region,
        role,
        storage_origin: store.origin(),
        bucket: store.bucket().to_owned(),
        ready,
    })
}

/// Normalizes an email address for comparison: trimmed, lower case, plausible.
pub(crate) fn normal_email(text: &str) -> Result<String, ApiError> {
    let email = text.trim().to_lowercase();
    let plausible = email.len() <= 254
        && !email.chars().any(|c| c.is_control() || c.is_whitespace())
        && email
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if plausible { Ok(email) } else { Err(ErrorCode::ContentInvalid.into()) }
}
