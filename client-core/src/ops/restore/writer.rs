//! The thread that compresses restored bytes as they were, hashes and writes them.

use std::{sync::Arc, thread};

use api_types::Sha256;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{checksum::Checksummed, sink::Sink};
use crate::{
    error::Error,
    event::Observer,
    source::{Restored, Stopper},
    text,
    unwrap::{Rewrapper, UnwrapError},
};

enum Message {
    Bytes(Vec<u8>),
    /// `Some`: the required SHA-256 of everything written.
    Finish(Option<Sha256>),
}

/// `Ok`: the bytes written, and what else to report.
pub(super) type Outcome = Result<(u64, Restored), Error>;

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
    let mut sink = Checksummed::new(sink);
    while let Some(message) = inbox.blocking_recv() {
        match (message, &mut rewrapper) {
            (Message::Bytes(bytes), None) => sink.write(bytes, observer)?,
            (Message::Bytes(content), Some(rewrapper)) => {
                let mut made = Vec::new();
                rewrapper.push(&content, &mut made).map_err(cannot_reproduce)?;
                sink.write(made, observer)?;
            }
            (Message::Finish(expected), _) => {
                if let Some(rewrapper) = rewrapper {
                    let mut made = Vec::new();
                    rewrapper.finish(&mut made).map_err(cannot_reproduce)?;
                    sink.write(made, observer)?;
                }
                return sink.finish(expected);
            }
        }
    }
    // Abandoned: dropping the sink removes what it wrote.
    drop(sink);
    Ok((0, Restored::default()))
}

fn cannot_reproduce(error: UnwrapError) -> Error {
    Error::damaged(text!("the dump cannot be recompressed to its original bytes: {error}", error))
}
