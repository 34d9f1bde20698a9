//! Reads a source to its end while new data is uploaded: both ends of the pipeline.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use api_types::ObjectId;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};
use tracing::Instrument;

use super::{
    Run,
    compression_level::Level,
    content_reader::{ContentReader, Original},
    known::KnownChunks,
    pause::Gated,
    pipeline,
    upload::{StoredPack, Uploader},
};
use crate::{
    error::{Error, ErrorKind},
    event::{Event, Stage, Warning},
    ops::source_check,
    source::{AnySource, Copying, DumpStream, Opening, Stopper},
    text,
    vault::FullPack,
};

/// Whether the source is read for the first time or again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    First,
    Again,
}

/// A complete dump, and what was stored for it.
pub(super) struct Whole {
    pub(super) uploader: Uploader,
    pub(super) streamed: pipeline::Streamed,
    pub(super) original: Original,
    pub(super) stored: Vec<StoredPack>,
    pub(super) reused: BTreeSet<ObjectId>,
}

/// A dump that was read to its end, and the original's length and hash if it was unwrapped.
type ReadThrough = (pipeline::Streamed, Original);
type Task<T> = JoinHandle<Result<T, Error>>;

/// A task that is aborted once its owner is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Run<'_> {
    /// Reads the source to its end and stores what is new. A file that changed meanwhile may be read once more.
    pub(super) async fn read_whole(
        &self,
        source: AnySource,
        reading: Reading,
        read: &Mutex<u64>,
    ) -> Result<Whole, Error> {
        let stop = Stopper::default();
        let dump = self.open(source, reading, &stop).await?;
        let uploader = Uploader {
            vault: self.vault.id(),
            backup: self.backup,
            api: Arc::clone(self.vault.api()),
            store: Arc::clone(self.vault.store()),
            observer: Arc::clone(self.client.observer()),
        };
        let known = Arc::new(KnownChunks::new(Arc::clone(self.vault.state())));
        let (packs, uploading) = mpsc::channel(1);
        let uploads = tokio::spawn(
            uploader
                .clone()
                .packs(uploading, Arc::clone(self.vault.state()))
                .instrument(tracing::debug_span!("upload")),
        );
        let reading = self.read(dump, Arc::clone(&known), packs);
        let (stored, (streamed, original)) = self.both(uploads, reading, &stop).await?;
        let bytes = original.differs.map_or(streamed.read.bytes, |(bytes, _)| bytes);
        *read.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Ok(Whole { uploader, streamed, original, stored, reused: known.packs()? })
    }

    /// Connects to the source, and starts its dump if it is the one that has the name.
    async fn open(&self, source: AnySource, reading: Reading, stop: &Stopper) -> Result<DumpStream, Error> {
        let observer = self.client.observer();
        observer.event(&Event::Stage(Stage::Dump));
        let opening = Opening {
            spool: self.client.home().to_owned(),
            // A database that is being written to is copied under its own locks.
            copy: if reading == Reading::Again { Copying::Always } else { Copying::AsNeeded },
            allow_changes: self.force && reading == Reading::Again,
        };
        // Connecting may wait for a locked table.
        let _looking = self.when_cancelled({
            let stop = stop.clone();
            move || stop.stop()
        });
        let connected = tokio::task::block_in_place(|| source.connect(stop, &opening))?;
        let (origin, place) = (connected.origin(), source.place());
        let remark =
            source_check::check(self.vault, &self.known_as, &self.name, (origin, &place), self.claim).await?;
        if let Some(remark) = remark {
            observer.event(&Event::Warning(Warning::Other(remark)));
        }
        let dump = tokio::task::block_in_place(|| connected.dump())?;
        for warning in dump.warnings() {
            observer.event(&Event::Warning(warning.clone()));
        }
        if let Some(bytes) = dump.expected_bytes() {
            observer.event(&Event::Expected { bytes });
        }
        Ok(dump)
    }

    /// Runs the pipeline on a thread of its own; full packs leave through `packs`.
    fn read(
        &self,
        dump: DumpStream,
        known: Arc<KnownChunks>,
        packs: mpsc::Sender<FullPack>,
    ) -> Task<ReadThrough> {
        let (keys, lists, level) =
            (Arc::clone(self.vault.keys()), self.record_lists(), Level::new(self.level));
        let (unwrap, gate, observer) = (self.unwrap, self.gate.clone(), Arc::clone(self.client.observer()));
        tokio::task::spawn_blocking(move || {
            let mut dump = ContentReader::new(dump, unwrap, &*observer);
            let mut emit = |pack| {
                level.time_send(|| packs.blocking_send(pack)).map_err(|_| {
                    Error::new(
                        ErrorKind::Cancelled,
                        text!("the upload stopped"),
                        "no snapshot was created",
                        "see above",
                    )
                })
            };
            let mut gated = Gated { reader: &mut dump, gate };
            let streamed = pipeline::run(&keys, &mut gated, &*known, lists, &level, &*observer, &mut emit)?;
            Ok((streamed, dump.finish()?))
        })
    }

    /// If one fails, it ends the other: an incomplete dump needs no more uploads.
    async fn both(
        &self,
        uploads: Task<Vec<StoredPack>>,
        reading: Task<ReadThrough>,
        stop: &Stopper,
    ) -> Result<(Vec<StoredPack>, ReadThrough), Error> {
        let end_uploads = uploads.abort_handle();
        let end_reading = {
            let (stop, gate) = (stop.clone(), self.gate.clone());
            move || {
                stop.stop();
                gate.open();
            }
        };
        let watch = self.when_cancelled({
            let (end_uploads, end_reading) = (end_uploads.clone(), end_reading.clone());
            move || {
                end_reading();
                end_uploads.abort();
            }
        });
        let (stored, streamed) = tokio::join!(
            async {
                let stored = uploads.await;
                if !matches!(stored, Ok(Ok(_))) {
                    end_reading();
                }
                stored
            },
            async {
                let streamed = reading.await;
                if !matches!(streamed, Ok(Ok(_))) {
                    end_uploads.abort();
                }
                streamed
            }
        );
        drop(watch);
        self.client.cancelled()?;
        let stored = match stored {
            Ok(stored) => Some(stored?),
            Err(ended) if ended.is_cancelled() => None,
            Err(died) => return Err(Error::internal("the uploads died", &died)),
        };
        let streamed = streamed.map_err(|died: JoinError| Error::internal("the pipeline died", &died))??;
        Ok((stored.ok_or_else(|| Error::internal_text("the uploads ended early"))?, streamed))
    }

    fn when_cancelled(&self, then: impl FnOnce() + Send + 'static) -> AbortOnDrop {
        let cancel = self.client.cancel().clone();
        AbortOnDrop(tokio::spawn(async move {
            cancel.cancelled().await;
            then();
        }))
    }
}
