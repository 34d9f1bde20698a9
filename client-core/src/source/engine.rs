//! The seam between Sealkeep and what it backs up. An engine is a folder beside this file that implements these traits,
//! and a line in [`super::ENGINES`]:
//!
//! ```text
//!  text ──Engine::source──▶ Source ──connect──▶ Connected ──preflight──▶ Preflight
//!                             │                     └──────dump────────▶ DumpStream
//!                             └──database──▶ Database ──restore────────▶ RestoreSink
//! ```

use std::{fmt, path::PathBuf, sync::Arc};

use super::{
    DumpStream, SourceError, Stopper,
    preflight::Preflight,
    restoring::{CleanedUp, RestoreChoices, RestoreSink},
};
use crate::format::snapshot::Origin;

/// Any source, of whatever engine.
pub type AnySource = Arc<dyn Source>;

/// A kind of thing that can be backed up.
pub trait Engine: Send + Sync {
    /// `postgres`: part of each snapshot's source id, so it must never change.
    fn kind(&self) -> &'static str;

    /// Whether this text names a source of this kind. At most one engine accepts a text.
    fn accepts(&self, text: &str) -> bool;

    /// The source of that name. Reaches nothing.
    ///
    /// # Errors
    /// [`SourceError::Usage`], without a secret that the text may hold.
    fn source(&self, text: &str) -> Result<AnySource, SourceError>;
}

/// One thing that can be backed up, by its name; nobody has checked that it exists. Prints without a secret.
pub trait Source: fmt::Debug + Send + Sync {
    /// [`Engine::kind`].
    fn kind(&self) -> &'static str;

    /// What it is called when nobody says otherwise: the database's or the file's name.
    fn default_name(&self) -> String;

    /// What it could be called by somebody who is asked for a name.
    fn suggested_name(&self) -> String {
        self.default_name()
    }

    /// As a person could type it. Holds no secret, and may leave parameters out.
    fn address(&self) -> String;

    /// Where it is, for people and in snapshots: `host:port/database`, or a path.
    fn place(&self) -> String;

    /// Whether a snapshot that says this of its [`Source::place`] may be of this source.
    fn may_be_at(&self, place: &str) -> bool;

    /// Whether the same address means something else on another machine.
    fn is_local(&self) -> bool;

    /// The arguments of `sealkeep backup` for it, without a password.
    fn arguments(&self) -> Vec<String>;

    /// Looks at it; nothing is dumped yet. Blocks for as long as a connection or a copy takes; waiting for somebody else
    /// ends when `stopper` is used.
    ///
    /// # Errors
    /// [`SourceError`].
    fn connect(&self, stopper: &Stopper, opening: &Opening) -> Result<Box<dyn Connected>, SourceError>;

    /// As a target of restores; `None` for files and pipes.
    fn database(&self) -> Option<&dyn Database> {
        None
    }
}

/// A source that was looked at.
pub trait Connected: Send {
    /// Its identity, however its address is spelled.
    fn origin(&self) -> &Origin;

    /// What a person wants to know before the first backup.
    fn preflight(&self) -> Preflight;

    /// Bytes flow from here on.
    ///
    /// # Errors
    /// [`SourceError`].
    fn dump(self: Box<Self>) -> Result<DumpStream, SourceError>;
}

/// A database that takes dumps: as a whole, or it stays as it was, unless [`RestoreChoices::keep_going`] is chosen.
pub trait Database {
    /// Its own name, which a person types to have it replaced.
    fn name(&self) -> String;

    /// Takes a dump. Nothing happens before its first bytes.
    fn restore(&self, choices: RestoreChoices) -> Box<dyn RestoreSink>;

    /// Drops what restores that were ended left on its server; what is still being restored stays.
    ///
    /// # Errors
    /// The server cannot be reached; [`SourceError::Cancelled`].
    fn clean_up(&self, stopper: &Stopper) -> Result<CleanedUp, SourceError>;
}

/// What may be done to read a file whole.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Where a copy of a SQLite database that is in use lies meanwhile.
    pub spool: PathBuf,
    /// Whether such a copy is made.
    pub copy: Copying,
    /// A file that changes while it is read is taken, and [`super::Complete::changed`] says so.
    pub allow_changes: bool,
}

/// Whether a consistent copy of a SQLite database is read instead of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// Never: somebody only looks.
    Never,
    /// When rows lie beside it.
    AsNeeded,
    /// In any case.
    Always,
}

impl Default for Opening {
    fn default() -> Self {
        Self { spool: std::env::temp_dir(), copy: Copying::AsNeeded, allow_changes: false }
    }
}
