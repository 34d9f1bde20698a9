//! How a source, or a database being restored into, can fail.

mod sentences;

use super::script::ScriptError;
use crate::{
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
