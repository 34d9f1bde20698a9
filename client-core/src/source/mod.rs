//! Where dumps come from, and the databases that they go back into. A dump ends in [`Complete`] or in an
//! error, never in a mere end of file.

mod error;
pub mod postgres;
mod process;
pub mod sentinel;
mod stdin;
mod stream;

use std::{fs::File, io, path::PathBuf};

pub use self::{
    error::SourceError,
    postgres::PgUrl,
    stream::{Complete, DumpStream, Stopper},
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
            Self::File { path } => path
                .file_name()
                .map_or_else(|| path.display(), |name| std::path::Path::new(name).display())
                .to_string(),
            Self::Stdin { name } => name.clone(),
        }
    }
}

/// Opens a source; bytes flow from here on. Blocks for as long as a connection takes.
///
/// # Errors
/// [`SourceError`].
pub fn open(source: SourceSpec) -> Result<DumpStream, SourceError> {
    match source {
        SourceSpec::Postgres(url) => postgres::open(&url, &postgres::Tools::installed()),
        SourceSpec::File { path } => {
            let what = path.display().to_string();
            let unreadable = |e: io::Error| match e.kind() {
                io::ErrorKind::NotFound => SourceError::NoFile(what.clone()),
                _ => SourceError::Unreadable { what: what.clone(), detail: e.to_string() },
            };
            let file = File::open(&path).map_err(unreadable)?;
            let about = file.metadata().map_err(unreadable)?;
            if about.is_dir() {
                return Err(SourceError::Usage(format!(
                    "{what} is a directory; back up one dump file at a time"
                )));
            }
            let size = about.is_file().then_some(about.len());
            Ok(DumpStream::file(file, what, size))
        }
        SourceSpec::Stdin { name } => {
            if name.trim().is_empty() {
                return Err(SourceError::Usage("standard input needs a name".into()));
            }
            Ok(DumpStream::stdin())
        }
    }
}
