//! Why a private cluster cannot be used, one sentence per error.

use std::{io, process::ExitStatus};

/// Why the private cluster is unusable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `initdb` and `postgres` were not found.
    #[error(
        "PostgreSQL is not installed: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin. Install it (Debian: apt-get install postgresql), or use `serve` with a database of your own"
    )]
    NoBinaries,
    /// We are root, and there is no user to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody. Start this program as an ordinary user"
    )]
    NoUser,
    /// The unprivileged user cannot access the directory.
    #[error(
        "{dir} cannot be entered by the user {user}, who has to run PostgreSQL: {below} is closed to others. Choose a directory such as /var/lib/sealkeep, or start this program as an ordinary user"
    )]
    Unreachable {
        /// The cluster's directory.
        dir: String,
        /// The user that would run PostgreSQL.
        user: String,
        /// The ancestor that denies access.
        below: String,
    },
    /// The cluster has another major version.
    #[error(
        "the cluster in {dir} was created by PostgreSQL {found}, and only {installed} is installed. Install PostgreSQL {found}, or move the data with pg_dump"
    )]
    Version {
        /// The cluster's directory.
        dir: String,
        /// The cluster's major version.
        found: String,
        /// The installed major version.
        installed: String,
    },
    /// Processes of an earlier run are still alive.
    #[error("processes of an earlier run still use {0}; end them first")]
    InUse(String),
    /// `initdb` or `postgres` failed.
    #[error("{program} ended with {status}: {output}")]
    Ended {
        /// The program.
        program: &'static str,
        /// Its exit status.
        status: ExitStatus,
        /// The last lines of its output.
        output: String,
    },
    /// It runs but does not respond.
    #[error("PostgreSQL does not respond: {0}")]
    Silent(String),
    /// The directory is unusable.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// An SQL statement failed.
    #[error("setting up the private database: {0}")]
    Sql(#[from] sqlx::Error),
}

pub(super) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}
