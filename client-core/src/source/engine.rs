//! The interface between Sealkeep and what it backs up. An engine is a folder next to this file that implements these
//! traits, and a line in [`super::ENGINES`]:
//!
//! ```text
//!  text ──Engine::source──▶ Source ──connect──▶ Connected ──preflight──▶ Preflight
//!                             │                     └──────dump────────▶ DumpStream
//!                             └──database──▶ Database ──restore────────▶ RestoreSink
//! ```

use std::{fmt, path::PathBuf, sync::Arc};

use secrecy::SecretString;

use super::{
    DumpStream, SourceError, Stopper,
    preflight::Preflight,
    restoring::{CleanedUp, Finding, RestoreChoices, RestoreSink},
};
use crate::format::snapshot::Origin;

/// A source of any engine.
pub type AnySource = Arc<dyn Source>;

/// A kind of thing that can be backed up.
pub trait Engine: Send + Sync {
    /// `postgres`: part of each snapshot's source id, so it must never change.
    fn kind(&self) -> &'static str;

    /// Whether this text names a source of this kind. At most one engine accepts a text.
    fn accepts(&self, text: &str) -> bool;

    /// Creates the source of that name, without connecting to anything.
    ///
    /// # Errors
    /// [`SourceError::Usage`], without any secret in the text.
    fn source(&self, text: &str) -> Result<AnySource, SourceError>;

    /// This text in parts, for a form; `None` if it has none.
    fn parts(&self, _text: &str) -> Option<AddressParts> {
        None
    }

    /// The secrets in this text, which must not be found in anything that is passed on.
    fn secrets(&self, _text: &str) -> Vec<SecretString> {
        Vec::new()
    }

    /// This text with the secrets that it lacks from `stored`; `None` if it lacks none, or leads elsewhere.
    ///
    /// # Errors
    /// [`SourceError::Usage`], without any secret in the text.
    fn with_secrets_of(&self, _text: &str, _stored: &str) -> Result<Option<SecretString>, SourceError> {
        Ok(None)
    }
}

/// An address as a form shows it, without secrets. What is empty comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressParts {
    /// Host name or address, or the directory of a socket.
    pub host: String,
    /// Its port.
    pub port: String,
    /// Who signs in.
    pub user: String,
    /// The database.
    pub database: String,
    /// When to encrypt: libpq's `sslmode`.
    pub tls: String,
    /// The other parameters, as the query of a URL.
    pub more: String,
    /// Whether it contains a password.
    pub password: bool,
}

/// Something that can be backed up, by its name; it may not exist. `Debug` prints no secret.
pub trait Source: fmt::Debug + Send + Sync {
    /// [`Engine::kind`].
    fn kind(&self) -> &'static str;

    /// The default name: that of the database or file.
    fn default_name(&self) -> String;

    /// The name to suggest when the user is asked for one.
    fn suggested_name(&self) -> String {
        self.default_name()
    }

    /// An address that the user could type. Contains no secret and may omit parameters.
    fn address(&self) -> String;

    /// The location shown to users and stored in snapshots: `host:port/database`, or a path.
    fn place(&self) -> String;

    /// Whether a snapshot with this [`Source::place`] may be of this source.
    fn may_be_at(&self, place: &str) -> bool;

    /// Whether the same address means something else on another machine.
    fn is_local(&self) -> bool;

    /// The arguments of `sealkeep backup` for this source, without a password.
    fn arguments(&self) -> Vec<String>;

    /// Connects and inspects it; dumps nothing yet. Blocks for as long as a connection or a copy takes; `stopper` ends
    /// any wait for others.
    ///
    /// # Errors
    /// [`SourceError`].
    fn connect(&self, stopper: &Stopper, opening: &Opening) -> Result<Box<dyn Connected>, SourceError>;

    /// The source as a target of restores; `None` for files and pipes.
    fn database(&self) -> Option<&dyn Database> {
        None
    }
}

/// A source that has been inspected.
pub trait Connected: Send {
    /// Its identity, independent of how its address is written.
    fn origin(&self) -> &Origin;

    /// Facts to show before the first backup.
    fn preflight(&self) -> Preflight;

    /// Starts the dump.
    ///
    /// # Errors
    /// [`SourceError`].
    fn dump(self: Box<Self>) -> Result<DumpStream, SourceError>;
}

/// A database that can be restored into: it gets the whole dump or stays unchanged, unless
/// [`RestoreChoices::continue_on_error`] is set.
pub trait Database {
    /// Its own name, which the user types to confirm replacing it.
    fn name(&self) -> String;

    /// Prepares a restore. Nothing happens before the first bytes.
    fn restore(&self, choices: RestoreChoices) -> Box<dyn RestoreSink>;

    /// What a restore would find, and whether it would be refused. Changes nothing.
    ///
    /// # Errors
    /// Those with which the restore would be refused.
    fn inspect(&self, choices: RestoreChoices, stopper: &Stopper) -> Result<Finding, SourceError>;

    /// Drops what aborted restores left on its server; restores in progress are not touched.
    ///
    /// # Errors
    /// The server cannot be reached; [`SourceError::Cancelled`].
    fn clean_up(&self, stopper: &Stopper) -> Result<CleanedUp, SourceError>;
}

/// How a file may be read consistently.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Folder for the copy of a SQLite database that is in use.
    pub spool: PathBuf,
    /// Whether to make such a copy.
    pub copy: Copying,
    /// Accept a file that changes while it is read; [`super::Complete::changed`] reports it.
    pub allow_changes: bool,
}

/// Whether to read a consistent copy of a SQLite database instead of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// Never: this is only an inspection.
    Never,
    /// If there are rows in its log or journal.
    AsNeeded,
    /// Always.
    Always,
}

impl Default for Opening {
    fn default() -> Self {
        Self { spool: std::env::temp_dir(), copy: Copying::AsNeeded, allow_changes: false }
    }
}
