//! Where dumps come from, and the databases that they go back into. A dump ends in [`Complete`] or in an
//! error, never in a mere end of file.

mod error;
mod fifo;
mod file;
pub mod postgres;
mod process;
pub mod script;
pub mod sentinel;
mod stopper;
mod stream;

use std::path::{Path, PathBuf};

pub use self::{
    error::SourceError,
    postgres::PgUrl,
    stopper::Stopper,
    stream::{Complete, DumpStream},
};
pub use crate::format::snapshot::Origin;

/// What to back up.
#[derive(Debug, Clone)]
pub enum SourceSpec {
    /// A PostgreSQL database, dumped by pg_dump.
    Postgres(PgUrl),
    /// An existing dump, or any file.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// Whatever comes in on standard input.
    Stdin {
        /// What to call it: nothing is guessed from the bytes.
        name: String,
    },
}

/// Every kind of source, as in [`SourceSpec::kind`].
pub const KINDS: [&str; 3] = ["postgres", "file", "stdin"];

impl SourceSpec {
    /// From a `postgres://` or `postgresql://` URL.
    ///
    /// # Errors
    /// [`SourceError::Usage`].
    pub fn postgres(url: &str) -> Result<Self, SourceError> {
        PgUrl::parse(url).map(Self::Postgres)
    }

    /// `postgres`, `file` or `stdin`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::File { .. } => "file",
            Self::Stdin { .. } => "stdin",
        }
    }

    /// What the source is called when nobody says otherwise: the database's or the file's name.
    #[must_use]
    pub fn default_name(&self) -> String {
        match self {
            Self::Postgres(url) => url.database().to_owned(),
            Self::File { path } => {
                postgres::readable(path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes())
            }
            Self::Stdin { name } => name.clone(),
        }
    }
}

/// What may be done to read a file whole.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Where a copy of a SQLite database that is in use lies meanwhile.
    pub spool: PathBuf,
    /// Whether such a copy is made.
    pub copy: Copying,
    /// A file that changes while it is read is taken, and [`Complete::changed`] says so.
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

/// A source that was looked at. Nothing is dumped yet.
pub struct Prepared {
    origin: Origin,
    place: String,
    stopper: Stopper,
    input: Input,
}

enum Input {
    Postgres(PgUrl, Box<postgres::Inspection>),
    File(Box<file::Opened>, bool),
    Stdin,
}

impl Prepared {
    /// What the source is by itself.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where it is, for people: `host:port/database`, or a path.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Bytes flow from here on.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn start(self) -> Result<DumpStream, SourceError> {
        let Self { origin, place, stopper, input } = self;
        match input {
            Input::Postgres(url, found) => postgres::start(&url, &found, stopper),
            Input::File(opened, allow_changes) => {
                Ok(DumpStream::file(*opened, place, origin, stopper, allow_changes))
            }
            Input::Stdin => Ok(DumpStream::stdin(stopper)),
        }
    }
}

/// Looks at a source. Blocks for as long as a connection takes, or until `stopper` is used.
///
/// # Errors
/// [`SourceError`].
pub fn prepare(source: SourceSpec, stopper: &Stopper) -> Result<Prepared, SourceError> {
    prepare_with(source, stopper, &Opening::default())
}

/// As [`prepare`].
///
/// # Errors
/// [`SourceError`].
pub fn prepare_with(
    source: SourceSpec,
    stopper: &Stopper,
    opening: &Opening,
) -> Result<Prepared, SourceError> {
    let stopper = stopper.clone();
    match source {
        SourceSpec::Postgres(url) => {
            let found = postgres::inspect_with(&url, &postgres::Tools::installed(), &stopper)?;
            let (origin, place) = (postgres::origin(&found), url.place());
            Ok(Prepared { origin, place, stopper, input: Input::Postgres(url, Box::new(found)) })
        }
        SourceSpec::File { path } => {
            let opened = file::open(&path, &opening.spool, opening.copy)?;
            let place = path.display().to_string();
            let origin = Origin { path: Some(absolute(&path)), ..Origin::default() };
            Ok(Prepared {
                origin,
                place,
                stopper,
                input: Input::File(Box::new(opened), opening.allow_changes),
            })
        }
        SourceSpec::Stdin { name } => {
            if name.trim().is_empty() {
                return Err(SourceError::Usage("standard input needs a name".into()));
            }
            let place = "standard input".to_owned();
            Ok(Prepared { origin: Origin::default(), place, stopper, input: Input::Stdin })
        }
    }
}

/// One spelling for one file: its folder without links and dots. The last part stays, as it names a rotating dump.
fn absolute(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = whole.parent().and_then(|folder| folder.canonicalize().ok());
    folder
        .zip(whole.file_name())
        .map_or(whole.clone(), |(folder, name)| folder.join(name))
        .display()
        .to_string()
}

/// Opens a source; bytes flow from here on. Blocks for as long as a connection takes.
///
/// # Errors
/// [`SourceError`].
pub fn open(source: SourceSpec) -> Result<DumpStream, SourceError> {
    prepare(source, &Stopper::default())?.start()
}

/// As [`open`].
///
/// # Errors
/// [`SourceError`].
pub fn open_with(source: SourceSpec, opening: &Opening) -> Result<DumpStream, SourceError> {
    prepare_with(source, &Stopper::default(), opening)?.start()
}

/// Removes what a run that was killed left in the spool. Nobody else may be running a backup.
pub fn tidy(spool: &Path) {
    file::tidy(spool);
}
