//! The crate's single error type: what happened, what it means for the backups, what to do next.

use std::{error::Error as StdError, fmt, io, sync::Arc};

use api_types::ErrorCode;

use crate::{
    text,
    text::{Text, ToPart},
};

/// What a caller can branch on. Variants are added, never renamed: the CLI's exit codes depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is invalid.
    Usage,
    /// No account on this device.
    NotSignedIn,
    /// Wrong email or password.
    WrongCredentials,
    /// The second factor is wrong, expired or locked.
    SecondFactor,
    /// The session has ended; sign in again.
    SessionEnded,
    /// This device has been revoked.
    DeviceRevoked,
    /// No directory entry vouches for this device yet.
    DeviceNotApproved,
    /// The clocks of client and service differ too much.
    ClockSkew,
    /// The metadata service does not answer.
    ServiceUnreachable,
    /// The metadata service refused the request, with its stable code.
    ServiceError(ErrorCode),
    /// The object store does not answer.
    StoreUnreachable,
    /// The object store refused the request.
    StoreRefused,
    /// A URL that does not point to the vault's own storage.
    ForeignStorage,
    /// The database or file cannot be reached.
    SourceUnreachable,
    /// The database refused the user.
    SourceAuth,
    /// pg_dump, pg_restore or psql is not installed, or too old.
    ToolMissing,
    /// The dump or the restore program failed.
    DumpFailed,
    /// The dump is incomplete.
    DumpIncomplete,
    /// The file changed while it was read.
    SourceChanged,
    /// The dump is far smaller than the source's last ones, or of another format.
    UnusualDump,
    /// No such thing.
    NotFound,
    /// The name matches several things.
    Ambiguous,
    /// It already exists.
    Exists,
    /// The name belongs to another source.
    OtherSource,
    /// The disk is full.
    DiskFull,
    /// A local file or device failed.
    Io,
    /// Stored or local data is damaged.
    Damaged,
    /// The service showed an older or forked history.
    RolledBack,
    /// Written by a newer version.
    NewerFormat,
    /// The recovery words do not open this vault.
    WrongRecoveryKey,
    /// Cancelled by the user.
    Cancelled,
    /// A bug in this program.
    Internal,
}

impl ErrorKind {
    /// The name used in JSON and in run records: `[a-z_]{1,40}`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NotSignedIn => "not_signed_in",
            Self::WrongCredentials => "wrong_credentials",
            Self::SecondFactor => "second_factor",
            Self::SessionEnded => "session_ended",
            Self::DeviceRevoked => "device_revoked",
            Self::DeviceNotApproved => "device_not_approved",
            Self::ClockSkew => "clock_skew",
            Self::ServiceUnreachable => "service_unreachable",
            Self::ServiceError(_) => "service_error",
            Self::StoreUnreachable => "store_unreachable",
            Self::StoreRefused => "store_refused",
            Self::ForeignStorage => "foreign_storage",
            Self::SourceUnreachable => "source_unreachable",
            Self::SourceAuth => "source_auth",
            Self::ToolMissing => "tool_missing",
            Self::DumpFailed => "dump_failed",
            Self::DumpIncomplete => "dump_incomplete",
            Self::SourceChanged => "source_changed",
            Self::UnusualDump => "unusual_dump",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::Exists => "exists",
            Self::OtherSource => "other_source",
            Self::DiskFull => "disk_full",
            Self::Io => "io",
            Self::Damaged => "damaged",
            Self::RolledBack => "rolled_back",
            Self::NewerFormat => "newer_format",
            Self::WrongRecoveryKey => "wrong_recovery_key",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

/// Why an operation failed. None of its sentences ends with a full stop or contains a secret.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    text: Text,
    /// The text in English.
    happened: String,
    meaning: String,
    next_step: String,
    retryable: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error from its three sentences.
    #[must_use]
    pub fn new(
        kind: ErrorKind,
        text: Text,
        meaning: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            happened: text.to_string(),
            text,
            meaning: meaning.into(),
            next_step: next_step.into(),
            retryable: matches!(
                kind,
                ErrorKind::ServiceUnreachable | ErrorKind::StoreUnreachable | ErrorKind::SourceUnreachable
            ),
            source: None,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Overrides whether a retry may help.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// The request itself is invalid.
    #[must_use]
    pub fn usage(happened: Text) -> Self {
        Self::new(ErrorKind::Usage, happened, "nothing was changed", "see `sealkeep --help`")
    }

    /// A local file or device failed; `what` names it.
    #[must_use]
    pub fn io(what: &(impl ToPart + ?Sized), error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::new(
                ErrorKind::DiskFull,
                text!("no space is left for {what}", what),
                "your snapshots are untouched; no partial data was left behind",
                "free some space and try again",
            ),
            io::ErrorKind::NotFound => Self::new(
                ErrorKind::NotFound,
                text!("{what} does not exist", what),
                "nothing was changed",
                "check the name",
            ),
            _ => Self::new(
                ErrorKind::Io,
                text!("{what}: {error}", what, error),
                "your snapshots are untouched",
                "check the path, its permissions, and the disk, then try again",
            ),
        }
    }

    /// Cancelled by the user.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(
            ErrorKind::Cancelled,
            text!("stopped"),
            "no snapshot was created and no partial data was left behind; earlier snapshots are untouched",
            "run it again; data already uploaded is reused",
        )
    }

    /// A bug in this program, with its cause.
    #[must_use]
    pub fn internal(what: &str, cause: &dyn fmt::Display) -> Self {
        Self::internal_text(&format!("{what}: {cause}"))
    }

    /// A bug in this program.
    #[must_use]
    pub fn internal_text(what: &str) -> Self {
        Self::new(
            ErrorKind::Internal,
            // For our eyes: like a log, in English.
            Text::verbatim(format!("internal error: {what}")),
            "your snapshots are untouched",
            "try again, and report this if it keeps happening",
        )
    }

    /// Stored data is damaged.
    #[must_use]
    pub fn damaged(happened: Text) -> Self {
        Self::new(
            ErrorKind::Damaged,
            happened,
            "snapshots that need it cannot be restored completely; others may be intact",
            "run `sealkeep check --read-data` to see what is still intact",
        )
    }

    /// Unwraps the error that ended the reading of a dump: the dump's own error if it carries one.
    #[must_use]
    pub fn source_read(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(own) => own.clone(),
            None => Self::new(
                ErrorKind::SourceUnreachable,
                text!("the dump cannot be read: {error}", error),
                "no snapshot was created; earlier snapshots are untouched",
                "check the source and run the backup again",
            ),
        }
    }

    /// Carries this error through [`io::Read`]; [`Error::source_read`] unwraps it.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// What a caller can branch on.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, in English.
    #[must_use]
    pub fn happened(&self) -> &str {
        &self.0.happened
    }

    /// What happened, for another language.
    #[must_use]
    pub const fn text(&self) -> &Text {
        &self.0.text
    }

    /// What it means for the backups.
    #[must_use]
    pub fn meaning(&self) -> &str {
        &self.0.meaning
    }

    /// What to do next.
    #[must_use]
    pub fn next_step(&self) -> &str {
        &self.0.next_step
    }

    /// Whether an identical retry may succeed.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.0.retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.happened)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("happened", &self.0.happened)
            .field("meaning", &self.0.meaning)
            .field("next_step", &self.0.next_step)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_a_reader() {
        let error = Error::new(ErrorKind::DumpFailed, text!("pg_dump failed"), "no snapshot", "look");
        assert_eq!(Error::source_read(&error.into_io()).kind(), ErrorKind::DumpFailed);
        let other = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Error::source_read(&other).kind(), ErrorKind::SourceUnreachable);
    }

    #[test]
    fn a_full_disk_is_its_own_kind() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(Error::io("x", &full).kind(), ErrorKind::DiskFull);
    }
}
