//! Errors of requests.

use api_types::{ErrorCode, ObjectId, Problem};

use crate::{
    error::{Error, ErrorKind},
    size::decimal,
    text,
    text::{Text, told},
};

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// An invalid address, or one that secrets must not be sent to.
    Address(Text),
    /// No answer, after retries.
    Unreachable {
        /// Its address.
        server: String,
        /// The network error.
        detail: Text,
        /// The wait that a proxy in between asked for, seconds.
        retry_after: Option<u64>,
    },
    /// Cancelled by the user.
    Cancelled,
    /// The service refused the request, with its stable code.
    Problem(Box<Problem>),
    /// The answer is not the service's: a proxy, a redirect, another program.
    Unexpected {
        /// Its address.
        server: String,
        /// What is unexpected.
        detail: Text,
    },
    /// The clocks differ by more than a day.
    ClockTooFar {
        /// Approximate difference.
        hours: i64,
    },
    /// No session on this device.
    NotSignedIn,
    /// Wrong password.
    WrongCredentials,
    /// The session's next token could not be stored, so it is not used.
    Keeper(Error),
    /// A bug in this program.
    Internal(String),
}

told!(ApiError);

impl ApiError {
    fn text(&self) -> Text {
        match self {
            Self::Address(text) => text.clone(),
            Self::Unreachable { server, detail, .. } => {
                text!("the service at {server} cannot be reached: {detail}", server, detail)
            }
            Self::Cancelled => text!("stopped"),
            Self::Problem(problem) => Text::verbatim(problem.title.clone()),
            Self::Unexpected { server, detail } => {
                text!("{server} does not answer like a Sealkeep service ({detail})", server, detail)
            }
            Self::ClockTooFar { hours } => {
                text!("this machine's clock differs from the service's by {hours} hours", hours)
            }
            Self::NotSignedIn => text!("this device is not signed in"),
            Self::WrongCredentials => text!("wrong email or password"),
            Self::Keeper(error) => text!("the session cannot be stored: {error}", error = error.text()),
            Self::Internal(text) => Text::verbatim(text.clone()),
        }
    }
}

impl ApiError {
    /// The service's stable code, if it sent one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// The objects that the error is about.
    #[must_use]
    pub fn objects(&self) -> &[ObjectId] {
        match self {
            Self::Problem(problem) => &problem.objects,
            _ => &[],
        }
    }

    /// How long to wait, if the service says so, seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Problem(problem) => problem.retry_after,
            Self::Unreachable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Adds how long the client has waited.
    pub(super) fn after(mut self, seconds: u64) -> Self {
        if let Self::Unreachable { detail, .. } = &mut self {
            *detail = text!("{detail}, for {seconds} s", detail = *detail, seconds);
        }
        self
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let happened = error.text();
        let untouched = "your snapshots are untouched";
        match &error {
            ApiError::Address(_) => Self::usage(happened),
            ApiError::Cancelled => Self::cancelled(),
            ApiError::Unreachable { .. } => Self::new(
                ErrorKind::ServiceUnreachable,
                happened,
                untouched,
                "check the address, the network, and that the service is running, then try again",
            ),
            ApiError::Problem(problem) => problem_to_error(problem),
            ApiError::Unexpected { .. } => Self::new(
                ErrorKind::ServiceUnreachable,
                happened,
                untouched,
                "check the service's address (`sealkeep status`, or --server at sign-up) and any proxy in front of it",
            )
            .with_retryable(false),
            ApiError::ClockTooFar { .. } => clock(happened),
            ApiError::NotSignedIn => not_signed_in(happened),
            ApiError::WrongCredentials => wrong_credentials(),
            ApiError::Keeper(inner) => inner.clone(),
            ApiError::Internal(text) => Self::internal_text(text),
        }
        .with_source(error)
    }
}

fn problem_to_error(problem: &Problem) -> Error {
    let happened = Text::verbatim(problem.title.trim_end_matches('.').to_owned());
    let wait = problem.retry_after.map_or_else(
        || "wait a moment and try again".to_owned(),
        |seconds| format!("wait {seconds} s and try again"),
    );
    let untouched = "your snapshots are untouched";
    match problem.code {
        ErrorCode::SignInFailed => wrong_credentials(),
        ErrorCode::SecondFactorFailed => Error::new(
            ErrorKind::SecondFactor,
            text!("the code is wrong, expired, or was already used"),
            "nothing was changed",
            "wait for your authenticator's next code; if it keeps failing, check the clock of the device with your authenticator",
        ),
        ErrorCode::SecondFactorLocked => {
            Error::new(ErrorKind::SecondFactor, text!("too many wrong codes"), "nothing was changed", wait)
        }
        ErrorCode::SessionRevoked
        | ErrorCode::TokenMissing
        | ErrorCode::TokenInvalid
        | ErrorCode::TokenExpired
        | ErrorCode::RefreshInvalid
        | ErrorCode::RefreshReused
        | ErrorCode::SignInExpired
        | ErrorCode::SignUpExpired => Error::new(
            ErrorKind::SessionEnded,
            match problem.code {
                ErrorCode::RefreshReused => text!(
                    "the session has ended because its token was used twice: someone may have a copy of this device's keys"
                ),
                ErrorCode::SignInExpired | ErrorCode::SignUpExpired => happened,
                _ => text!("the session has ended"),
            },
            untouched,
            match problem.code {
                ErrorCode::SignUpExpired => "start again with `sealkeep signup`",
                ErrorCode::RefreshReused => {
                    "sign in again with `sealkeep login`; if you did not copy this directory, revoke this device afterwards and sign in as a new one"
                }
                _ => "sign in again with `sealkeep login`",
            },
        ),
        ErrorCode::DeviceRevoked => Error::new(
            ErrorKind::DeviceRevoked,
            text!("this device was revoked"),
            "your snapshots are untouched; this device cannot create new ones",
            "run `sealkeep devices` on another device; if this device is revoked there too, run `sealkeep logout --forget` and `sealkeep login` here; if it is active there, keep the keys and ask the service's operator",
        ),
        ErrorCode::DeviceNotApproved => Error::new(
            ErrorKind::DeviceNotApproved,
            text!("this device is signed in, but its keys are not registered with the vault yet"),
            "nothing was changed",
            "run `sealkeep login` and enter the recovery words",
        ),
        ErrorCode::ClockSkew => clock(text!("this machine's clock differs from the service's")),
        ErrorCode::Unavailable => Error::new(
            ErrorKind::ServiceUnreachable,
            text!("the service is not available: {happened}", happened),
            untouched,
            wait,
        ),
        ErrorCode::RateLimited => {
            Error::new(ErrorKind::ServiceError(problem.code), happened, "nothing was changed", wait)
                .with_retryable(true)
        }
        ErrorCode::QuotaExceeded => Error::new(
            ErrorKind::ServiceError(problem.code),
            match (problem.used, problem.quota) {
                (Some(used), Some(quota)) => text!(
                    "this vault's quota is reached: {used} of {quota} used, and this backup needs more",
                    used = decimal(used),
                    quota = decimal(quota)
                ),
                _ => text!("this vault's quota is reached"),
            },
            "your snapshots are untouched",
            "ask the service's operator for more space (`metadata-api --vault-quota`)",
        ),
        ErrorCode::LimitReached => Error::new(
            ErrorKind::ServiceError(problem.code),
            match (problem.used, problem.quota) {
                (Some(used), Some(quota)) => {
                    text!("the service's limit has been reached ({used} of {quota})", used, quota)
                }
                _ => text!("the service's limit has been reached"),
            },
            untouched,
            "revoke devices no longer used (`sealkeep devices`), or wait until running backups have finished",
        ),
        ErrorCode::PuzzleRequired => Error::new(
            ErrorKind::ServiceError(problem.code),
            text!(
                "too many sign-in attempts for this email address; the service accepts none from this device for now"
            ),
            "nothing was changed",
            wait,
        ),
        ErrorCode::NotFound => Error::new(
            ErrorKind::NotFound,
            happened,
            "nothing was changed",
            "check the name, and that you are signed in to the right account",
        ),
        ErrorCode::SignUpRefused => Error::new(
            ErrorKind::ServiceError(problem.code),
            text!("the service rejected the request: {happened}", happened),
            "nothing was changed",
            "if you already have an account, or an earlier sign-up was interrupted, run `sealkeep login`",
        ),
        code => Error::new(
            ErrorKind::ServiceError(code),
            if code == ErrorCode::Internal {
                text!("the service failed")
            } else {
                text!("the service rejected the request: {happened}", happened)
            },
            untouched,
            format!(
                "try again with the newest version of Sealkeep; if it fails again, give the service's operator the request ID {}",
                problem.request_id
            ),
        ),
    }
}

fn wrong_credentials() -> Error {
    Error::new(
        ErrorKind::WrongCredentials,
        text!("wrong email or password"),
        "nothing was changed",
        "check both; a forgotten password cannot be reset, but the recovery words still open your backups",
    )
}

fn not_signed_in(happened: Text) -> Error {
    Error::new(
        ErrorKind::NotSignedIn,
        happened,
        "nothing was changed",
        "run `sealkeep login`, or `sealkeep signup` for a new account",
    )
}

fn clock(happened: Text) -> Error {
    Error::new(
        ErrorKind::ClockSkew,
        happened,
        "your snapshots are untouched",
        "compare this machine's clock with the correct time and try again; if it is right, tell the service's operator",
    )
}
