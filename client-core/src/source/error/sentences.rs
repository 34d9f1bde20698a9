//! What a failure of a source means for the backups or the target, and what to do next.

use super::SourceError;
use crate::{
    error::{Error, ErrorKind},
    source::script::{Found, Need, ScriptError},
};

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
    use crate::text;

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
