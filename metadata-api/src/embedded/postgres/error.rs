//! Why a private cluster cannot be used, in sentences.

use std::{io, process::ExitStatus};

/// Why the private cluster could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No `initdb` and `postgres` anywhere.
    #[error(
        "PostgreSQL is not installed: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin. Install it (Debian: apt-get install postgresql), or use `serve` with a database of your own"
    )]
    NoBinaries,
    /// Started by root, and nobody to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody. Start this program as an ordinary user"
    )]
    NoUser,
    /// The unprivileged user cannot reach the directory.
    #[error(
        "{dir} cannot be entered by the user {user}, who has to run PostgreSQL: {below} is closed to others. Choose a directory such as /var/lib/sealkeep, or start this program as an ordinary user"
    )]
    Unreachable {
        /// The cluster's directory.
        dir: String,
        /// Who would run PostgreSQL.
        user: String,
        /// The ancestor that keeps others out.
        below: String,
    },
    /// A cluster of another major version.
    #[error(
        "the cluster in {dir} was made by PostgreSQL {found}, and only {installed} is installed. Install PostgreSQL {found}, or move the data with pg_dump"
    )]
    Version {
        /// The cluster's directory.
        dir: String,
        /// The cluster's major version.
        found: String,
        /// The installed one.
        installed: String,
    },
    /// Processes of another run.
    #[error("processes of an earlier run still use {0}; end them first")]
    InUse(String),
    /// `initdb` or `postgres` ended with an error.
    #[error("{program} ended with {status}: {last_words}")]
    Ended {
        /// Which.
        program: &'static str,
        /// How.
        status: ExitStatus,
        /// The last lines it wrote.
        last_words: String,
    },
    /// It runs and does not answer.
    #[error("PostgreSQL does not answer: {0}")]
    Silent(String),
    /// The directory cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// A statement failed.
    #[error("setting up the private database: {0}")]
    Sql(#[from] sqlx::Error),
}

pub(super) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}
