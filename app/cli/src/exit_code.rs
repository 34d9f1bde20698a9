//! The documented exit codes: see `sealkeep --help`.

use std::process::ExitCode;

use client_core::error::ErrorKind;

/// Success.
pub(crate) const DONE: u8 = 0;
/// Invalid usage.
pub(crate) const USAGE: u8 = 2;
/// The reader of the output has gone: as a shell reports SIGPIPE.
pub(crate) const BROKEN_PIPE: u8 = 141;
/// Stored data is damaged, even if `--partial` wrote the rest.
pub(crate) const DAMAGED: u8 = 9;

/// The exit code for a kind of error.
pub(crate) fn of(kind: ErrorKind) -> ExitCode {
    ExitCode::from(match kind {
        ErrorKind::Usage => USAGE,
        ErrorKind::NotSignedIn
        | ErrorKind::WrongCredentials
        | ErrorKind::SecondFactor
        | ErrorKind::SessionEnded
        | ErrorKind::DeviceRevoked
        | ErrorKind::DeviceNotApproved
        | ErrorKind::WrongRecoveryKey => 3,
        ErrorKind::ServiceUnreachable | ErrorKind::ServiceError(_) | ErrorKind::ClockSkew => 4,
        ErrorKind::StoreUnreachable | ErrorKind::StoreRefused | ErrorKind::ForeignStorage => 5,
        ErrorKind::SourceUnreachable
        | ErrorKind::SourceAuth
        | ErrorKind::ToolMissing
        | ErrorKind::DumpFailed
        | ErrorKind::DumpIncomplete
        | ErrorKind::SourceChanged => 6,
        ErrorKind::NotFound | ErrorKind::Ambiguous | ErrorKind::Exists => 7,
        ErrorKind::DiskFull | ErrorKind::Io => 8,
        ErrorKind::Damaged => DAMAGED,
        ErrorKind::RolledBack => 10,
        ErrorKind::NewerFormat => 11,
        ErrorKind::OtherSource => 12,
        ErrorKind::UnusualDump => 13,
        ErrorKind::Cancelled => 130,
        ErrorKind::Internal => 1,
    })
}
