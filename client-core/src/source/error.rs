//! How a source, or a database being restored into, can fail.

use super::script::{Found, Need, ScriptError};
use crate::{
    error::{Error, ErrorKind},
    text,
    text::{Text, told},
};

/// Why a dump or a restored database is missing. Program output in it is bounded and contains no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The URL or the choice of source is invalid.
    Usage(Text),
    /// The database server does not answer.
    Unreachable {
        /// Host, port, database.
        place: String,
        /// The program's error output.
        detail: String,
    },
    /// The server refused the user, the password or the encryption.
    Refused {
        /// Host, port, database.
        place: String,
        /// The program's error output.
        detail: String,
    },
    /// The server is reachable, but has no such database.
    NoDatabase {
        /// Host, port, database.
        place: String,
        /// The program's error output.
        detail: String,
    },
    /// The server is reachable but did not answer this query.
    QueryFailed {
        /// Host, port, database.
        place: String,
        /// The server's error message.
        detail: String,
        /// Its SQLSTATE, if it sent one.
        state: Option<String>,
    },
    /// A pooler assigns the server's sessions to other clients after each transaction.
    Pooler(String),
    /// A program is not installed.
    ToolMissing {
        /// Which program.
        tool: &'static str,
        /// The places searched.
        looked: String,
        /// The package that contains it, and how to install that.
        install: &'static str,
    },
    /// Every installed version is too old.
    ToolTooOld {
        /// Which program.
        tool: &'static str,
        /// The server's product.
        product: &'static str,
        /// The server's major version, or the dump's.
        server: u32,
        /// Installed versions.
        found: String,
        /// How to install a newer one.
        install: String,
    },
    /// The dump program failed.
    DumpFailed {
        /// Its name and version.
        tool: String,
        /// Exit code or signal.
        how: Text,
        /// The end of its error output.
        detail: String,
    },
    /// The data ended before the dump did.
    Incomplete(Text),
    /// A file or pipe cannot be read.
    Unreadable {
        /// Which one.
        what: String,
        /// Why.
        detail: String,
    },
    /// A file is not the one that was opened.
    Changed {
        /// Which one.
        what: String,
        /// In what way.
        how: Text,
    },
    /// No consistent copy of a SQLite database could be made.
    Copy {
        /// Which one.
        what: String,
        /// Why.
        detail: Text,
        /// A command that makes a copy.
        command: String,
    },
    /// No such file.
    NoFile(String),
    /// The target database is not empty.
    NotEmpty(String),
    /// The target is the database that was dumped.
    SameAsSource(String),
    /// The target has the same identifiers as the database that was dumped.
    MayBeCopy(String),
    /// This user cannot replace the target.
    NotReplaceable {
        /// Host, port, database.
        place: String,
        /// Why.
        why: Text,
    },
    /// Someone created a database of the target's name during the restore.
    Taken(String),
    /// The database must never be restored into.
    Reserved {
        /// Host, port, database.
        place: String,
        /// Which kind.
        what: Text,
        /// Whether `--overwrite` allows it.
        allowed: bool,
    },
    /// The database to be replaced has connections.
    InUse {
        /// Its name.
        database: String,
        /// The sessions; prepared transactions, subscriptions and replication slots.
        who: String,
    },
    /// One transaction would need more locks than the server has room for.
    TooManyLocks {
        /// Host, port, database.
        place: String,
        /// At least this many.
        need: u64,
        /// Free now.
        free: u64,
        /// The server's current setting.
        setting: u64,
        /// A sufficient setting.
        enough: u64,
    },
    /// The transaction at the end of the restore is not the one at its beginning.
    TransactionLost,
    /// The connection was lost while the restore was committed.
    Uncertain {
        /// Host, port, database.
        place: String,
        /// What happened.
        detail: Text,
    },
    /// The data is not a dump that a PostgreSQL database can take.
    NotRestorable(Text),
    /// The dump contains something that no restore executes, or needs something that the server lacks.
    Script(ScriptError),
    /// The restore program failed. Everything it did was rolled back.
    RestoreFailed {
        /// Its name and version.
        tool: String,
        /// Exit code or signal.
        how: Text,
        /// The end of its error output.
        detail: String,
    },
    /// Cancelled by the user.
    Cancelled,
    /// A bug in this program.
    Internal(String),
}

told!(SourceError);

impl SourceError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Usage(text) => text.clone(),
            Self::Unreachable { place, detail } => {
                text!("the database at {place} cannot be reached: {detail}", place, detail)
            }
            Self::Refused { place, detail } => {
                text!("authentication failed for the database at {place}: {detail}", place, detail)
            }
            Self::NoDatabase { place, detail } => {
                text!("there is no database at {place}: {detail}", place, detail)
            }
            Self::QueryFailed { place, detail, .. } => {
                text!("the database at {place} did not answer a query: {detail}", place, detail)
            }
            Self::Pooler(place) => text!(
                "{place} is a connection pooler in transaction mode, which shares each session of the server among its clients",
                place
            ),
            Self::ToolMissing { tool, looked, .. } => {
                text!("{tool} is not installed (looked in {looked})", tool, looked)
            }
            Self::ToolTooOld { tool, product, server, found, .. } => text!(
                "{product} {server} needs {tool} {server} or newer; version {found} is installed",
                product,
                server,
                tool,
                found
            ),
            Self::DumpFailed { tool, how, detail } | Self::RestoreFailed { tool, how, detail } => {
                text!("{tool} failed ({how}): {detail}", tool, how, detail)
            }
            Self::Incomplete(why) => text!("the dump is incomplete: {why}", why),
            Self::Unreadable { what, detail } => text!("{what} cannot be read: {detail}", what, detail),
            Self::Changed { what, how } => text!("{what} changed while it was read: {how}", what, how),
            Self::Copy { what, detail, .. } => text!(
                "{what} is a SQLite database in use, and no consistent copy of it could be created: {detail}",
                what,
                detail
            ),
            Self::NoFile(file) => text!("{what} does not exist", what = file),
            Self::NotEmpty(place) => text!("the database at {place} is not empty", place),
            Self::SameAsSource(place) => text!("{place} is the database that was backed up", place),
            Self::MayBeCopy(place) => text!(
                "{place} may be the database that was backed up: it is a copy, or the original after its server was restarted",
                place
            ),
            Self::NotReplaceable { place, why } => {
                text!("the database at {place} cannot be replaced: {why}", place, why)
            }
            Self::Taken(name) => {
                text!("a database {name} already exists: someone else created it during the restore", name)
            }
            Self::Reserved { place, what, .. } => {
                text!("{place} is {what}", place, what)
            }
            Self::InUse { database, who } => {
                text!("the database {database} is in use: {who}", database, who)
            }
            Self::TooManyLocks { place, need, free, setting, .. } => text!(
                "restoring into the existing database at {place} takes {need} or more locks in one transaction; the server has room for {free} (max_locks_per_transaction = {setting})",
                place,
                need,
                free,
                setting
            ),
            Self::TransactionLost => text!("the dump ended the transaction that it was restored in"),
            Self::Uncertain { place, detail } => {
                text!("it is unknown whether the restore into {place} was committed: {detail}", place, detail)
            }
            Self::NotRestorable(why) => {
                text!("this snapshot cannot be restored into a database: {why}", why)
            }
            Self::Script(error) => error.text(),
            Self::Cancelled => text!("stopped"),
            Self::Internal(text) => Text::verbatim(text.clone()),
        }
    }
}

impl From<ScriptError> for SourceError {
    fn from(error: ScriptError) -> Self {
        Self::Script(error)
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        error.into_error("no snapshot was created; earlier snapshots are untouched", "backup")
    }
}

impl SourceError {
    /// Converts it into the error of a restore.
    #[must_use]
    pub fn of_restore(self) -> Error {
        self.into_error("no data was left in the database; the snapshot is untouched", "restore")
    }

    /// `none`: the impact if nothing was created.
    fn into_error(self, none: &'static str, command: &str) -> Error {
        let error = self;
        let unchanged = "the snapshot is untouched; the target database was not changed";
        let (kind, meaning, next_step): (_, _, String) = match &error {
            SourceError::Usage(_) => (ErrorKind::Usage, "nothing was changed", format!("see `sealkeep {command} --help`")),
            SourceError::Unreachable { .. } => (
                ErrorKind::SourceUnreachable,
                none,
                "check host, port, and that the server is running and accepts connections from here".into(),
            ),
            SourceError::Refused { .. } => (
                ErrorKind::SourceAuth,
                none,
                "check user, password (URL, PGPASSWORD, or ~/.pgpass), sslmode, and the server's pg_hba.conf".into(),
            ),
            SourceError::NoDatabase { .. } => {
                (ErrorKind::SourceUnreachable, none, "check the database's name in the URL".into())
            }
            SourceError::QueryFailed { .. } if command == "restore" => (
                ErrorKind::SourceUnreachable,
                none,
                "fix the error reported by the server (its log may say more), then restore again".into(),
            ),
            SourceError::QueryFailed { .. } => (
                ErrorKind::SourceUnreachable,
                none,
                "look at the server's log; a time limit or an administrator may have ended the session".into(),
            ),
            SourceError::Pooler(_) => (
                ErrorKind::SourceUnreachable,
                none,
                "connect to the server itself (often port 5432) or to a pool in session mode: a dump needs a session of its own, and its settings would stay in the application's connections".into(),
            ),
            SourceError::ToolMissing { tool, install, .. } => {
                (ErrorKind::ToolMissing, none, format!("install {install}, so that {tool} is found"))
            }
            SourceError::ToolTooOld { install, .. } => (ErrorKind::ToolMissing, none, format!("install {install}")),
            SourceError::DumpFailed { .. } => (
                ErrorKind::DumpFailed,
                none,
                "fix the error reported by the program, then run the backup again".into(),
            ),
            SourceError::Incomplete(_) => (
                ErrorKind::DumpIncomplete,
                none,
                "create the dump again and check the exit code of the program that creates it".into(),
            ),
            SourceError::Unreadable { .. } => {
                (ErrorKind::SourceUnreachable, none, "check its permissions and the disk".into())
            }
            SourceError::Changed { .. } => (
                ErrorKind::SourceChanged,
                none,
                "wait until nothing writes to it, or back up a copy or a snapshot of the file system; --force \
                 accepts it anyway and marks the snapshot"
                    .into(),
            ),
            SourceError::Copy { command, .. } => {
                (ErrorKind::SourceUnreachable, none, format!("create a copy with `{command}` and back that up"))
            }
            SourceError::NoFile(_) => (ErrorKind::NotFound, none, "check the name".into()),
            SourceError::NotEmpty(_) => (
                ErrorKind::Exists,
                unchanged,
                "name a database that does not exist yet, or add --overwrite".into(),
            ),
            SourceError::SameAsSource(_) => (
                ErrorKind::Exists,
                unchanged,
                "restore into another database first and compare; to replace the source itself, add --overwrite --onto-source".into(),
            ),
            SourceError::NotRestorable(_) => {
                (ErrorKind::Usage, unchanged, "restore it to a file with --to and use the program that reads it".into())
            }
            SourceError::MayBeCopy(_) => (
                ErrorKind::Exists,
                unchanged,
                "make sure that it is a copy and add --to-copy-of-source (and --overwrite if it is not empty), or restore into another database".into(),
            ),
            SourceError::Script(ScriptError { found: Found::Missing(all), .. }) => (
                ErrorKind::DumpFailed,
                unchanged,
                // Without owners and privileges a script still needs everything but roles.
                if all.iter().all(|(need, _)| *need == Need::Role) {
                    "create the missing roles on the server, or leave out what needs them with --no-owner, --no-privileges, or --skip-missing".into()
                } else {
                    "install or create it on the server, or add --skip-missing to leave out what needs it".into()
                },
            ),
            SourceError::Script(_) => (
                ErrorKind::DumpFailed,
                unchanged,
                "restore the dump to a file with --to, and check that line before any program executes it".into(),
            ),
            SourceError::NotReplaceable { .. } => (
                ErrorKind::Exists,
                unchanged,
                "name a database that does not exist yet, or connect as its owner with the right to create databases (CREATEDB)".into(),
            ),
            SourceError::Taken(_) => (
                ErrorKind::Exists,
                "that database is untouched; no data of this restore was left behind",
                "check it, then restore under another name, or replace it with --overwrite".into(),
            ),
            SourceError::Reserved { allowed, .. } => (
                ErrorKind::Exists,
                unchanged,
                if *allowed {
                    "name another database, or add --overwrite to restore into this one anyway".into()
                } else {
                    "name another database".into()
                },
            ),
            SourceError::InUse { who, .. } => (
                ErrorKind::Exists,
                unchanged,
                if who.contains("replication slot ") || who.contains("subscription ") {
                    "end what is listed, or name a database that does not exist yet; drop a slot or subscription only if nothing uses it".into()
                } else {
                    "end the listed sessions and transactions, or name a database that does not exist yet".into()
                },
            ),
            SourceError::TooManyLocks { enough, .. } => (
                ErrorKind::DumpFailed,
                unchanged,
                format!("name a database that does not exist yet (it needs no single transaction), or set max_locks_per_transaction to {enough} or more and restart the server"),
            ),
            SourceError::TransactionLost => (
                ErrorKind::DumpFailed,
                "a part of the dump may have been committed to the database",
                "check the database; restore the dump to a file with --to to see what it does, or into a database that does not exist yet".into(),
            ),
            SourceError::Uncertain { .. } => (
                ErrorKind::DumpFailed,
                "the database holds all of it or is unchanged, nothing in between",
                "check the database, then restore again if necessary".into(),
            ),
            SourceError::RestoreFailed { detail, .. } if detail.contains("invalid byte sequence for encoding") => (
                ErrorKind::DumpFailed,
                none,
                "name a database that does not exist yet, or drop this one first: it is then created with the original's encoding".into(),
            ),
            SourceError::RestoreFailed { .. } => (
                ErrorKind::DumpFailed,
                "no data was left in the database; the snapshot is untouched",
                "fix the error reported by the program, then restore again; or add --continue with a database that does not \
                 exist yet: it restores what the server accepts and lists the rest"
                    .into(),
            ),
            SourceError::Cancelled if command == "restore" => (ErrorKind::Cancelled, none, "run it again".into()),
            SourceError::Cancelled => {
                (ErrorKind::Cancelled, none, "run it again; data already uploaded is reused".into())
            }
            SourceError::Internal(text) => return Error::internal_text(text),
        };
        Error::new(kind, error.text(), meaning, next_step)
            .with_retryable(matches!(error, SourceError::Unreachable { .. }))
            .with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_error_is_about_the_target() {
        let (place, detail) = ("here:1/d".to_owned(), "ERROR:  x".to_owned());
        for error in [
            SourceError::Unreachable { place: place.clone(), detail: detail.clone() },
            SourceError::QueryFailed { place, detail, state: None },
            SourceError::Incomplete(text!("cut")),
            SourceError::Cancelled,
        ] {
            assert!(Error::from(error.clone()).meaning().contains("no snapshot was created"));
            let told = error.of_restore();
            assert!(
                told.meaning().contains("database") && !told.next_step().contains("administrator"),
                "{told:?}"
            );
        }
        let usage = SourceError::Usage(text!("x")).of_restore();
        assert!(usage.next_step().contains("restore --help"));
    }

    #[test]
    fn only_helpful_advice_is_given() {
        let lacks = |need| {
            let found = Found::Missing(vec![(need, "x".to_owned())]);
            SourceError::Script(ScriptError { line: 1, found }).of_restore()
        };
        assert!(lacks(Need::Role).next_step().contains("--no-owner"));
        let tablespace = lacks(Need::Tablespace);
        assert!(
            tablespace.next_step().contains("--skip-missing") && !tablespace.next_step().contains("--no-")
        );
    }
}
