//! The second factor: TOTP (RFC 6238: SHA-1, six digits, 30 s, one step of skew) and ten recovery codes.
//! Nothing here, and no route, can turn it off.

use api_types::{AccountId, DeviceId, ErrorCode, SignInId, account::SecondFactor};
use argon2::{Algorithm, Argon2, Params, Version};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::{
    db::{
        account::{self, Failures},
        device,
        pending::{self, SignIn},
        pre_auth::PreAuthTx,
    },
    domain::recovery_codes::RecoveryCodes,
    error::ApiError,
    keys::{SealKind, ServerKeys},
    state::AppState,
};

/// Wrong codes within [`WINDOW_SECS`] after which further codes are refused unchecked.
pub(crate) const MAX_FAILURES: i32 = 5;
/// Seconds.
pub(crate) const WINDOW_SECS: i64 = 15 * 60;
/// Wrong recovery codes within [`RECOVERY_WINDOW_SECS`].
const MAX_RECOVERY_FAILURES: i32 = 20;
const RECOVERY_WINDOW_SECS: i64 = 3600;
/// Seconds.
const LONGEST_LOCK_SECS: i64 = 86_400;
/// Number of recovery codes.
pub(crate) const RECOVERY_CODES: usize = 10;
const RECOVERY_CODE_LEN: usize = 10;
const TOTP_SECRET_LEN: usize = 20;
const ISSUER: &str = "Sealkeep";

fn totp(secret: &[u8], email: &str) -> Result<Totp, ApiError> {
    // A colon separates issuer and account in an otpauth URL, so the account name must not contain one.
    let name = email.replace(':', "_");
    Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(name)
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|_| ApiError::internal("TOTP cannot be set up"))
}

/// A fresh seed: sealed for the database, and as an otpauth URL for the user.
pub(crate) fn enroll(
    keys: &ServerKeys,
    account: AccountId,
    email: &str,
) -> Result<(Vec<u8>, String), ApiError> {
    let secret = Zeroizing::new(rand::random::<[u8; TOTP_SECRET_LEN]>());
    let url = totp(secret.as_slice(), email)?.to_url().map_err(|_| ApiError::internal("no otpauth URL"))?;
    Ok((keys.seal(SealKind::Totp, account.as_bytes(), secret.as_slice())?, url))
}

/// The time step whose code matches, allowing one step of skew either way.
pub(crate) fn matching_step(
    keys: &ServerKeys,
    account: AccountId,
    sealed: &[u8],
    code: &str,
    now: i64,
) -> Result<Option<i64>, ApiError> {
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let secret = keys.open(SealKind::Totp, account.as_bytes(), sealed)?;
    let step = totp(&secret, "account")?.check(code, now.unsigned_abs());
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// Hashing ten codes takes a while, so it runs off the async threads.
pub(crate) async fn fresh_codes(state: &AppState) -> Result<RecoveryCodes, ApiError> {
    let state = state.clone();
    tokio::task::spawn_blocking(move || recovery_codes(state.keys())).await.map_err(ApiError::internal)?
}

fn recovery_codes(keys: &ServerKeys) -> Result<RecoveryCodes, ApiError> {
    let salt: [u8; 16] = rand::random();
    let mut texts = Vec::with_capacity(RECOVERY_CODES);
    let mut hashes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let digits = hex::encode(rand::random::<[u8; RECOVERY_CODE_LEN]>());
        hashes.push(recovery_hash(keys, &salt, &digits)?);
        texts.push([&digits[..5], &digits[5..10], &digits[10..15], &digits[15..]].join("-"));
    }
    Ok(RecoveryCodes { texts, salt, hashes })
}

/// Argon2id (19 MiB, 2 passes; enough for 80 random bits) with the account's salt and the service's pepper.
fn recovery_hash(keys: &ServerKeys, salt: &[u8], digits: &str) -> Result<[u8; 32], ApiError> {
    let fault = |_| ApiError::internal("a recovery code cannot be hashed");
    let params = Params::new(19 * 1024, 2, 1, Some(32)).map_err(fault)?;
    let hasher = Argon2::new_with_secret(keys.recovery_pepper(), Algorithm::Argon2id, Version::V0x13, params)
        .map_err(fault)?;
    let mut hash = [0; 32];
    hasher.hash_password_into(digits.as_bytes(), salt, &mut hash).map_err(fault)?;
    Ok(hash)
}

/// The result of an attempt. It must be committed in any case: failures count.
pub(crate) enum Outcome {
    /// Proven; holds the method's name for the token.
    Proven(&'static str),
    /// Refused; `retry_after` is set while attempts are locked.
    Refused {
        /// Seconds until attempts are checked again.
        retry_after: Option<u64>,
        /// Whether this failure caused the lock.
        locks: bool,
    },
}

/// Attempts that count together: each device of the directory has its own counter, all others share one, and recovery
/// codes are counted apart from authenticator codes. Knowing only the password cannot use up the owner's attempts.
struct AttemptCounter {
    counter: String,
    most: i32,
    window: i64,
    /// Maximum lock, seconds; each consecutive lock lasts twice as long as the previous one.
    longest: i64,
}

impl AttemptCounter {
    fn of(second_factor: &SecondFactor, known: Option<DeviceId>) -> Self {
        let (kind, most, window) = match second_factor {
            SecondFactor::Totp(_) => ("totp", MAX_FAILURES, WINDOW_SECS),
            // 80 bits need no tighter limit.
            SecondFactor::RecoveryCode(_) => ("recovery", MAX_RECOVERY_FAILURES, RECOVERY_WINDOW_SECS),
        };
        let (whose, longest) = match known {
            Some(device) => (device.to_string(), window),
            None => ("unknown".to_owned(), LONGEST_LOCK_SECS),
        };
        Self { counter: format!("{kind}:{whose}"), most, window, longest }
    }

    /// The counter after one more failure.
    fn failed(&self, kept: Option<Failures>, now: i64) -> Failures {
        let kept = kept.unwrap_or_default();
        let same_window = kept.failures > 0 && now - kept.since < self.window;
        let (failures, since) = if same_window { (kept.failures + 1, kept.since) } else { (1, now) };
        // After a day without a lock, locks start short again.
        let locks = if now - kept.locked_until < LONGEST_LOCK_SECS { kept.locks } else { 0 };
        if failures < self.most {
            return Failures { failures, since, locks, locked_until: kept.locked_until };
        }
        let doubled = self.window.saturating_mul(1 << locks.clamp(0, 10)).min(self.longest);
        Failures { failures: 0, since: now, locks: (locks + 1).min(10), locked_until: now + doubled }
    }
}

/// Checks the second factor of a sign-in whose password was proven. Each time step and recovery code works once.
pub(crate) async fn prove(
    keys: &ServerKeys,
    tx: &mut PreAuthTx,
    sign_in: &SignIn,
    second_factor: &SecondFactor,
    now: i64,
) -> Result<Outcome, ApiError> {
    let account = sign_in.account;
    let kept = account::second_factor(tx, account).await?;
    let known = device::is_approved(tx, account, &sign_in.device).await?.then_some(sign_in.device.id);
    let tries = AttemptCounter::of(second_factor, known);
    let failures = account::failures(tx, account, &tries.counter).await?;
    if let Some(until) = failures.as_ref().map(|f| f.locked_until).filter(|until| *until > now) {
        return Ok(Outcome::Refused { retry_after: u64::try_from(until - now).ok(), locks: false });
    }
    let proven = match second_factor {
        SecondFactor::Totp(code) => match matching_step(keys, account, &kept.sealed_secret, code, now)? {
            Some(step) => account::accept_step(tx, account, step).await?.then_some("pwd+otp"),
            None => None,
        },
        SecondFactor::RecoveryCode(code) => {
            let digits: String =
                code.chars().filter(|c| !"- ".contains(*c)).map(|c| c.to_ascii_lowercase()).collect();
            if digits.len() == 2 * RECOVERY_CODE_LEN {
                let hash = recovery_hash(keys, &kept.recovery_salt, &digits)?;
                account::accept_recovery(tx, account, &hash, now).await?.then_some("pwd+recovery")
            } else {
                None
            }
        }
    };
    match proven {
        Some(amr) => {
            account::reset_failures(tx, account, &tries.counter).await?;
            Ok(Outcome::Proven(amr))
        }
        None => {
            let failures = tries.failed(failures, now);
            account::set_failures(tx, account, &tries.counter, &failures).await?;
            Ok(Outcome::Refused { retry_after: None, locks: failures.locked_until > now })
        }
    }
}

/// Deletes the pending sign-in: it is used up.
pub(crate) async fn close(tx: &mut PreAuthTx, sign_in: SignInId) -> Result<(), ApiError> {
    pending::end_sign_in(tx, sign_in).await
}

/// The error for the caller.
pub(crate) fn refusal(retry_after: Option<u64>) -> ApiError {
    match retry_after {
        Some(seconds) => ApiError::new(ErrorCode::SecondFactorLocked).retry_after(seconds),
        None => ErrorCode::SecondFactorFailed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of each lock if somebody keeps failing.
    fn locks(known: Option<DeviceId>) -> Vec<i64> {
        let tries = AttemptCounter::of(&SecondFactor::Totp(String::new()), known);
        let (mut now, mut kept, mut seen) = (1_000_000, None, Vec::new());
        while seen.len() < 10 {
            let after = tries.failed(kept, now);
            if after.locked_until > now {
                seen.push(after.locked_until - now);
                now = after.locked_until;
            }
            now += 1;
            kept = Some(after);
        }
        seen
    }

    #[test]
    fn unknown_devices_wait_longer_and_longer_and_the_owner_does_not() {
        let unknown = locks(None);
        assert_eq!(unknown[..4], [900, 1800, 3600, 7200]);
        assert_eq!(unknown[9], 86_400);
        assert_eq!(locks(Some(DeviceId::from_bytes([1; 16]))), [900; 10]);
    }
}
