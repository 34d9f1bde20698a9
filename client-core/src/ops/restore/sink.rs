//! The destinations of restored bytes, and the thread that writes them.

use std::{io::Write, sync::Arc, thread};

use api_types::Sha256;
use sha2::Digest;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Destination, no_database};
use crate::{
    error::Error,
    event::{Event, Observer},
    format::snapshot::SnapshotBody,
    output::Output,
    source::{Guard, RestoreChoices, RestoreSink, Restored, SourceError, Stopper},
    unwrap::{Rewrapper, UnwrapError},
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
        Destination::Database { database, choices, onto_source, to_copy_of_source } => {
            let identity = body.origin.database.clone();
            let choices = RestoreChoices {
                guard: (!onto_source).then(|| Guard::new(identity, &body.source_detail, !to_copy_of_source)),
                properties: body.origin.properties.clone(),
                needs: body.needs.clone(),
                ..*choices
            };
            let into = database.database().ok_or_else(|| no_database(&*database).of_restore())?;
            Ok(Box::new(TableSink(into.restore(choices))))
        }
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
        self.0.write_all(bytes).map_err(|e| Error::io("the output", &e))
    }

    fn commit(mut self: Box<Self>) -> Result<Restored, Error> {
        self.0.flush().map_err(|e| Error::io("the output", &e))?;
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

enum Message {
    Bytes(Vec<u8>),
    /// `Some`: the required SHA-256 of everything written.
    Finish(Option<Sha256>),
}

/// `Ok`: the bytes written, and what else to report.
type Outcome = Result<(u64, Restored), Error>;

/// Hashes and writes on a thread of its own. The last piece is held back until the hash is verified, so that a reader
/// at the other end never sees the whole of a wrong dump. Dropping it before [`Writer::finish`] abandons the restore:
/// no program sees the end of a truncated input.
pub(super) struct Writer {
    messages: Option<mpsc::Sender<Message>>,
    /// Taken with the outcome, which is delivered once.
    done: Option<oneshot::Receiver<Outcome>>,
    /// Of a sink that must undo something.
    thread: Option<thread::JoinHandle<()>>,
    stop: Stopper,
}

impl Writer {
    /// `rewrapper`: for a dump that was unwrapped.
    pub(super) fn spawn(
        sink: Box<dyn Sink>,
        rewrapper: Option<Rewrapper>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let (stop, must_undo) = (sink.stopper(), sink.must_undo());
        let (messages, inbox) = mpsc::channel(2);
        let (sender, done) = oneshot::channel();
        let thread = thread::spawn(move || {
            let _stage = tracing::debug_span!("write").entered();
            // A caller that is gone reports its own reason.
            drop(sender.send(write_all(sink, rewrapper, inbox, &*observer)));
        });
        Self { messages: Some(messages), done: Some(done), thread: must_undo.then_some(thread), stop }
    }

    pub(super) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        if let Some(messages) = &self.messages
            && messages.send(Message::Bytes(bytes)).await.is_ok()
        {
            return Ok(());
        }
        Err(self
            .outcome()
            .await
            .err()
            .unwrap_or_else(|| Error::internal_text("the writing thread ended early")))
    }

    /// Commits if the hash is correct. `cancel` stops it until the commit has begun.
    pub(super) async fn finish(mut self, expected: Option<Sha256>, cancel: &CancellationToken) -> Outcome {
        let (stop, waits) = (self.stop.clone(), self.thread.is_some());
        let finished = async {
            if let Some(messages) = &self.messages {
                // If the thread is already gone, its outcome says why.
                drop(messages.send(Message::Finish(expected)).await);
            }
            self.outcome().await
        };
        tokio::pin!(finished);
        tokio::select! {
            outcome = &mut finished => return outcome,
            () = cancel.cancelled() => stop.stop(),
        }
        if !waits {
            return Err(Error::cancelled());
        }
        finished.await
    }

    /// Abandons the restore without leaving anything behind.
    pub(super) async fn abandon(mut self) {
        self.stop.stop();
        drop(self.messages.take());
        if let Some(done) = self.done.take().filter(|_| self.thread.is_some()) {
            drop(done.await);
        }
    }

    async fn outcome(&mut self) -> Outcome {
        let Some(done) = self.done.take() else {
            return Err(Error::internal_text("the writing thread ended before"));
        };
        done.await.map_err(|e| Error::internal("the writing thread died", &e))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.stop();
        drop(self.messages.take());
        if let Some(thread) = self.thread.take() {
            // Its programs have been told to end; the sink undoes its work.
            drop(thread.join());
        }
    }
}

fn write_all(
    sink: Box<dyn Sink>,
    mut rewrapper: Option<Rewrapper>,
    mut inbox: mpsc::Receiver<Message>,
    observer: &dyn Observer,
) -> Outcome {
    let mut held = Held { sink, hash: sha2::Sha256::new(), last: Vec::new(), written: 0 };
    while let Some(message) = inbox.blocking_recv() {
        match (message, &mut rewrapper) {
            (Message::Bytes(bytes), None) => held.write(bytes, observer)?,
            (Message::Bytes(content), Some(rewrapper)) => {
                let mut made = Vec::new();
                rewrapper.push(&content, &mut made).map_err(cannot_reproduce)?;
                held.write(made, observer)?;
            }
            (Message::Finish(expected), _) => {
                if let Some(rewrapper) = rewrapper {
                    let mut made = Vec::new();
                    rewrapper.finish(&mut made).map_err(cannot_reproduce)?;
                    held.write(made, observer)?;
                }
                return held.finish(expected);
            }
        }
    }
    // Abandoned: dropping the sink removes what it wrote.
    drop(held);
    Ok((0, Restored::default()))
}

fn cannot_reproduce(error: UnwrapError) -> Error {
    Error::damaged(format!("the dump cannot be compressed again as it was: {error}"))
}

/// Writes everything except the last piece.
struct Held {
    sink: Box<dyn Sink>,
    hash: sha2::Sha256,
    last: Vec<u8>,
    written: u64,
}

impl Held {
    fn write(&mut self, bytes: Vec<u8>, observer: &dyn Observer) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.hash.update(&bytes);
        self.written += bytes.len() as u64;
        observer.event(&Event::Restored { bytes: bytes.len() as u64 });
        let before = std::mem::replace(&mut self.last, bytes);
        self.sink.write(&before)
    }

    fn finish(mut self, expected: Option<Sha256>) -> Outcome {
        let found = Sha256::new(self.hash.finalize().into());
        if let Some(expected) = expected.filter(|e| *e != found) {
            return Err(Error::damaged(format!(
                "the restored bytes have SHA-256 {found}; the dump that was backed up had {expected}"
            )));
        }
        self.sink.write(&self.last)?;
        Ok((self.written, self.sink.commit()?))
    }
}
