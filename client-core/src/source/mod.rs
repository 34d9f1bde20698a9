//! Where dumps come from, and the databases they are restored into. A dump ends with [`Complete`] or an error, never
//! with end of file alone. [`ENGINES`] lists what can be backed up.

pub mod completeness;
mod engine;
mod error;
mod fifo;
mod file;
pub mod postgres;
mod preflight;
mod process;
mod program;
mod readable;
mod restoring;
pub mod script;
mod stdin;
mod stopper;
mod stream;

use std::path::{Path, PathBuf};

pub use self::{
    engine::{AddressParts, AnySource, Connected, Copying, Database, Engine, Opening, Source},
    error::SourceError,
    file::tidy,
    postgres::PgUrl,
    preflight::{DatabaseFacts, Preflight},
    restoring::{CleanedUp, Finding, Guard, RestoreChoices, RestoreSink, Restored},
    stopper::Stopper,
    stream::{Complete, DumpStream, Input},
};
pub use crate::format::snapshot::Origin;
use crate::text;

/// Everything that can be backed up. A new engine is a folder and a line here.
pub const ENGINES: &[&dyn Engine] = &[&postgres::Postgres, &file::Files, &stdin::StandardInput];

/// The engine of this kind.
#[must_use]
pub fn engine(kind: &str) -> Option<&'static dyn Engine> {
    ENGINES.iter().copied().find(|engine| engine.kind() == kind)
}

/// The engine that accepts this text.
#[must_use]
pub fn engine_of(text: &str) -> Option<&'static dyn Engine> {
    ENGINES.iter().copied().find(|engine| engine.accepts(text))
}

/// A source by its connection string, not by a path. Text that no engine accepts is parsed as a PostgreSQL connection,
/// so that the error explains what is wrong with it.
///
/// # Errors
/// [`SourceError::Usage`].
pub fn connection(text: &str) -> Result<AnySource, SourceError> {
    let engine = engine_of(text).filter(|_| !Path::new(text).is_absolute());
    engine.unwrap_or(&postgres::Postgres).source(text)
}

/// A database to restore into, by its connection string.
///
/// # Errors
/// [`SourceError::Usage`].
pub fn database(text: &str) -> Result<AnySource, SourceError> {
    let source = connection(text)?;
    if source.database().is_none() {
        return Err(SourceError::Usage(text!("nothing is restored into {place}", place = source.place())));
    }
    Ok(source)
}

/// An existing dump, or any other file.
#[must_use]
pub fn file(path: PathBuf) -> AnySource {
    file::source(path)
}

/// Standard input, under the given name: nothing is guessed from the bytes.
#[must_use]
pub fn stdin(name: String) -> AnySource {
    stdin::source(name)
}
