//! Sign-up and sign-in: the password protocol, then the second factor, then a session.

use api_types::{
    AccountId, ErrorCode, Region, SignInId, SignUpId,
    account::{
        SecondFactor, Session, SignInFinish, SignInSecondFactor, SignInStart, SignInStarted, SignUpConfirm,
        SignUpConfirmed, SignUpFinish, SignUpFinished, SignUpStart, SignUpStarted,
    },
    puzzle::SolvedPuzzle,
};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    ApiError, HttpApi,
    call::{Auth, Call},
    opaque::{PasswordProof, Registration},
};
use crate::{device::SignedIn, text};

/// Maximum number of puzzles per sign-in: one solution may be too late.
const MAX_PUZZLES: usize = 3;

/// The password is registered; the second factor must be confirmed within 30 minutes.
pub struct PendingSignUp {
    /// Id of the new account.
    pub account_id: AccountId,
    /// Where its data will be stored.
    pub region: Region,
    /// `otpauth://totp/…`: for a QR code, and its secret as text.
    pub otpauth_url: String,
    /// Id of the sign-up.
    pub sign_up_id: SignUpId,
    /// Will open the password wrap, as in [`SignedIn`].
    pub export_key: Zeroizing<Vec<u8>>,
}

/// The password was correct; the second factor is next, within 5 minutes.
pub struct PendingSignIn {
    /// The account's id.
    pub account_id: AccountId,
    /// Where its data is stored.
    pub region: Region,
    pub(super) sign_in_id: SignInId,
    export_key: Zeroizing<Vec<u8>>,
}

impl HttpApi {
    /// Registers a password, which the service never sees.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn sign_up(
        &self,
        email: &str,
        region: Region,
        password: &SecretString,
    ) -> Result<PendingSignUp, ApiError> {
        let (registration, registration_request) = Registration::start(password)?;
        let request = SignUpStart {
            email: email.trim().to_owned(),
            region,
            registration_request,
            device: self.device.public(),
            puzzle: None,
        };
        let with = |puzzle| SignUpStart { puzzle, ..request.clone() };
        let started: SignUpStarted = self.begin("/v1/sign-up/start", with).await?;
        let finished =
            registration.finish(password, started.account_id, region, &started.registration_response).await?;
        let request = SignUpFinish { sign_up_id: started.sign_up_id, registration_upload: finished.message };
        let done: SignUpFinished = self.call_with(before_session("/v1/sign-up/finish"), &request).await?;
        Ok(PendingSignUp {
            account_id: started.account_id,
            region,
            otpauth_url: done.otpauth_url,
            sign_up_id: started.sign_up_id,
            export_key: finished.export_key,
        })
    }

    /// Confirms the second factor, which creates the account. Returns the ten recovery codes.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn confirm_sign_up(
        &self,
        pending: &PendingSignUp,
        code: &str,
    ) -> Result<(Vec<String>, SignedIn), ApiError> {
        let request = SignUpConfirm { sign_up_id: pending.sign_up_id, code: digits(code) };
        let done: SignUpConfirmed = self.call_with(before_session("/v1/sign-up/confirm"), &request).await?;
        self.same_account(pending.account_id, &done.session)?;
        Ok((done.recovery_codes, SignedIn { session: done.session, export_key: pending.export_key.clone() }))
    }

    /// Proves knowledge of the password without sending it.
    ///
    /// # Errors
    /// [`ApiError::WrongCredentials`], also for an unknown account.
    pub async fn sign_in(&self, email: &str, password: &SecretString) -> Result<PendingSignIn, ApiError> {
        let (proof, ke1) = PasswordProof::start(password)?;
        let request =
            SignInStart { email: email.trim().to_owned(), ke1, device: self.device.public(), puzzle: None };
        let with = |puzzle| SignInStart { puzzle, ..request.clone() };
        let started: SignInStarted = self.begin("/v1/sign-in/start", with).await?;
        let finished = proof.finish(password, started.account_id, started.region, &started.ke2).await?;
        let request = SignInFinish { sign_in_id: started.sign_in_id, ke3: finished.message };
        self.send_json(before_session("/v1/sign-in/finish"), &request).await?;
        Ok(PendingSignIn {
            account_id: started.account_id,
            region: started.region,
            sign_in_id: started.sign_in_id,
            export_key: finished.export_key,
        })
    }

    /// Proves the second factor, which signs the device in.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn second_factor(
        &self,
        pending: &PendingSignIn,
        second_factor: SecondFactor,
    ) -> Result<SignedIn, ApiError> {
        let request =
            SignInSecondFactor { sign_in_id: pending.sign_in_id, second_factor: tidy(second_factor) };
        let session: Session = self.call_with(before_session("/v1/sign-in/second-factor"), &request).await?;
        self.same_account(pending.account_id, &session)?;
        Ok(SignedIn { session, export_key: pending.export_key.clone() })
    }

    /// Sends the first message of a sign-up or sign-in; if the service is under attack, it demands a proof of work
    /// first.
    async fn begin<B: Serialize + Sync, R: DeserializeOwned>(
        &self,
        path: &str,
        with: impl Fn(Option<SolvedPuzzle>) -> B,
    ) -> Result<R, ApiError> {
        let mut solved = None;
        for _ in 0..MAX_PUZZLES {
            let refused = match self.call_with(before_session(path), &with(solved.take())).await {
                Err(ApiError::Problem(problem)) if problem.code == ErrorCode::PuzzleRequired => problem,
                other => return other,
            };
            let Some(puzzle) = refused.puzzle.clone() else { return Err(ApiError::Problem(refused)) };
            let about = puzzle.about_seconds();
            // Some seconds of one core, off the async threads.
            let work = tokio::task::spawn_blocking(move || puzzle.solve());
            let work = self.patience().working(about, work).await.map_err(|_| ApiError::Cancelled)?;
            solved = work.map_err(|e| ApiError::Internal(format!("the puzzle: {e}")))?;
            if solved.is_none() {
                return Err(ApiError::Unexpected {
                    server: self.server().to_owned(),
                    detail: text!("a puzzle that would take too long"),
                });
            }
        }
        Err(ApiError::Unexpected { server: self.server().to_owned(), detail: text!("puzzles without end") })
    }

    pub(super) fn same_account(&self, expected: AccountId, session: &Session) -> Result<(), ApiError> {
        if session.account_id == expected {
            return Ok(());
        }
        Err(ApiError::Unexpected {
            server: self.server().to_owned(),
            detail: text!("a session of another account"),
        })
    }
}

/// Each step works only once, so none is retried after a lost answer.
pub(super) fn before_session(path: &str) -> Call {
    Call::post(path.to_owned()).auth(Auth::Device).once()
}

pub(super) fn tidy(second_factor: SecondFactor) -> SecondFactor {
    match second_factor {
        SecondFactor::Totp(code) => SecondFactor::Totp(digits(&code)),
        SecondFactor::RecoveryCode(code) => SecondFactor::RecoveryCode(code.trim().to_owned()),
    }
}

/// People type `123 456`.
pub(super) fn digits(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace()).collect()
}
