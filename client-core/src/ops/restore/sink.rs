//! The destinations of restored bytes.

use std::io::Write;

use super::{Destination, no_database};
use crate::{
    error::Error,
    format::snapshot::SnapshotBody,
    output::Output,
    source::{Guard, RestoreChoices, RestoreSink, Restored, SourceError, Stopper},
    text,
};

/// Takes bytes; `commit` makes them visible, and a drop before that leaves nothing behind.
pub(super) trait Sink: Send {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;
    fn commit(self: Box<Self>) -> Result<Restored, Error>;
    /// Whether it must undo something when abandoned. Others are not waited for: a pipe whose reader does not read
    /// would block forever.
    fn must_undo(&self) -> bool {
        true
    }
    /// Stops what the sink started, even while another thread is blocked in it.
    fn stopper(&self) -> Stopper {
        Stopper::default()
    }
}

/// Opens a destination; refuses to overwrite without consent, and refuses the database that was dumped.
pub(super) fn open(
    destination: Destination,
    body: &SnapshotBody,
    cancelled: &dyn Fn() -> bool,
) -> Result<Box<dyn Sink>, Error> {
    match destination {
        Destination::File { path, consent } => {
            Ok(Box::new(FileSink(Output::open(&path, consent, cancelled)?)))
        }
        Destination::Pipe(pipe) => Ok(Box::new(PipeSink(pipe))),
        Destination::Nowhere => Ok(Box::new(PipeSink(Box::new(std::io::sink())))),
        Destination::Database { database, choices, onto_source, to_copy_of_source } => {
            let choices = informed(*choices, body, onto_source, to_copy_of_source);
            let into = database.database().ok_or_else(|| no_database(&*database).of_restore())?;
            Ok(Box::new(TableSink(into.restore(choices))))
        }
    }
}

/// The user's choices, with what the snapshot knows about the dump.
pub(super) fn informed(
    choices: RestoreChoices,
    body: &SnapshotBody,
    onto_source: bool,
    to_copy_of_source: bool,
) -> RestoreChoices {
    let identity = body.origin.database.clone();
    RestoreChoices {
        guard: (!onto_source).then(|| Guard::new(identity, &body.source_detail, !to_copy_of_source)),
        properties: body.origin.properties.clone(),
        needs: body.needs.clone(),
        ..choices
    }
}

struct FileSink(Output);

impl Sink for FileSink {
    fn must_undo(&self) -> bool {
        matches!(self.0, Output::File(_))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write(bytes)
    }

    fn commit(self: Box<Self>) -> Result<Restored, Error> {
        self.0.commit()?;
        Ok(Restored::default())
    }
}

struct PipeSink(Box<dyn Write + Send>);

impl Sink for PipeSink {
    fn must_undo(&self) -> bool {
        false
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).map_err(|e| Error::io(&text!("the output"), &e))
    }

    fn commit(mut self: Box<Self>) -> Result<Restored, Error> {
        self.0.flush().map_err(|e| Error::io(&text!("the output"), &e))?;
        Ok(Restored::default())
    }
}

struct TableSink(Box<dyn RestoreSink>);

impl Sink for TableSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write(bytes).map_err(SourceError::of_restore)
    }

    fn commit(self: Box<Self>) -> Result<Restored, Error> {
        self.0.finish().map_err(SourceError::of_restore)
    }

    fn stopper(&self) -> Stopper {
        self.0.stopper()
    }
}
