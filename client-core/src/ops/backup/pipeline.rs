//! source → chunks → known? → records → encode → seal → packs. Threads joined by bounded queues: a slow network slows
//! the dump down instead of filling memory.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    num::NonZero,
    sync::{Mutex, PoisonError},
    thread,
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::{
    batch::{Group, Work},
    compression_level::Level,
    deduplicate::relate,
    record_lists::{RecordLists, Splitter},
    stage::{Identified, Known, Read, Related, Sources, Store},
};
use crate::{
    chunk::Cutter,
    encode::{Compressor, EncodeError, Encoded},
    error::Error,
    event::{Event, Observer},
    format::manifest::{ManifestCutter, ManifestPiece},
    id::ChunkId,
    vault::{FullPack, Packer, UnlockedVault},
};

/// Chunks waiting between two stages, at most 4 MiB each.
const QUEUE: usize = 1;

/// A dump that went through completely.
pub(super) struct Streamed {
    pub(super) read: Read,
    pub(super) stored: Stored,
}

/// What was stored for its chunks.
pub(super) struct Stored {
    pub(super) chunks: u64,
    pub(super) chunks_new: u64,
    pub(super) bytes_new: u64,
    pub(super) manifest: Vec<ManifestPiece>,
}

struct Cut {
    number: u64,
    plain: Bytes,
}

/// Chunks that go into one pack.
struct Done {
    /// The chunk that the others copy from.
    rows: Option<(ChunkId, Encoded)>,
    chunks: Vec<Chunk>,
}

/// A chunk of the dump.
struct Chunk {
    number: u64,
    id: ChunkId,
    len: u32,
    /// `None` if it is already stored.
    new: Option<(Encoded, Sources)>,
    /// Bytes of it that were new.
    literal: u64,
}

/// Runs the stages until `dump` ends; full packs leave through `emit`, which may block.
///
/// # Errors
/// The first error of any stage; the others stop.
pub(super) fn run(
    vault: &UnlockedVault,
    dump: &mut (dyn io::Read + Send),
    known: &dyn Known,
    lists: Option<RecordLists>,
    level: &Level,
    observer: &dyn Observer,
    emit: &mut dyn FnMut(FullPack) -> Result<(), Error>,
) -> Result<Streamed, Error> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(8);
    let (cut_tx, cut_rx) = bounded::<Cut>(QUEUE);
    let (named_tx, named_rx) = bounded::<Result<Identified, Error>>(QUEUE);
    let (related_tx, related_rx) = bounded::<Result<Work, Error>>(QUEUE);
    let (done_tx, done_rx) = bounded::<Result<Done, Error>>(QUEUE);
    let claimed = Claimed::default();
    let splitter = lists.as_ref().map(RecordLists::splitter);
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(vault, dump, &cut_tx));
        for _ in 0..workers {
            let (cuts, named, claimed, splitter) =
                (cut_rx.clone(), named_tx.clone(), &claimed, splitter.clone());
            scope.spawn(move || identify(vault, known, claimed, splitter.as_ref(), &cuts, &named));
            let (related, done) = (related_rx.clone(), done_tx.clone());
            scope.spawn(move || encode(vault, level, &related, &done));
        }
        // Only the workers' ends stay open, so that the queues close when the workers are done.
        drop((cut_rx, named_tx, related_rx, done_tx));
        let relating = scope.spawn(move || {
            let _stage = tracing::debug_span!("relate").entered();
            relate(vault, lists, known, observer, &named_rx, &related_tx)
        });
        let _stage = tracing::debug_span!("pack").entered();
        let mut collect = Collect::new(vault, known, level, emit);
        let collected = done_rx.iter().try_for_each(|done| collect.take(done?, observer));
        drop(done_rx);
        let read = reader.join().map_err(|_| Error::internal_text("the reading thread died"))?;
        let related = relating.join().map_err(|_| Error::internal_text("the relating thread died"))?;
        // A failed source also starves the later stages, so its error comes first.
        read?;
        collected?;
        Ok(Streamed { read: related, stored: collect.finish()? })
    })
}

fn read(vault: &UnlockedVault, dump: &mut (dyn io::Read + Send), out: &Sender<Cut>) -> Result<(), Error> {
    let _stage = tracing::debug_span!("chunk").entered();
    let mut cutter = Cutter::new(dump, vault.gear(), vault.chunker_params());
    for number in 0.. {
        let Some(plain) = cutter.next_chunk().map_err(|e| Error::source_read(&e))? else { break };
        if out.send(Cut { number, plain }).is_err() {
            break; // a later stage failed and reports why
        }
    }
    Ok(())
}

/// Chunks of this run that are on their way into packs: not stored yet, but not to be sealed twice.
#[derive(Default)]
struct Claimed(Mutex<HashSet<ChunkId>>);

impl Claimed {
    fn claim(&self, id: ChunkId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }
}

fn identify(
    vault: &UnlockedVault,
    known: &dyn Known,
    claimed: &Claimed,
    splitter: Option<&Splitter>,
    cuts: &Receiver<Cut>,
    out: &Sender<Result<Identified, Error>>,
) {
    let _stage = tracing::debug_span!("identify").entered();
    for Cut { number, plain } in cuts {
        let id = vault.chunk_id_key().chunk_id(&plain);
        let identified = known.is_stored(&id).map(|kept| {
            let stored = kept || !claimed.claim(id);
            let records = splitter.map(|splitter| splitter.records(vault, &id, &plain, kept));
            Identified { number, id, plain, stored, records }
        });
        let failed = identified.is_err();
        if out.send(identified).is_err() || failed {
            return;
        }
    }
}

fn encode(
    vault: &UnlockedVault,
    level: &Level,
    works: &Receiver<Result<Work, Error>>,
    out: &Sender<Result<Done, Error>>,
) {
    let _stage = tracing::debug_span!("encode").entered();
    let mut compressor = match Compressor::new(level.now()) {
        Ok(compressor) => compressor,
        Err(error) => {
            drop(out.send(Err(Error::internal("zstd", &error))));
            return;
        }
    };
    for work in works {
        let done = work.and_then(|work| {
            let done = match work {
                Work::One(chunk) => encode_one(level, &mut compressor, chunk),
                Work::Group(group) => encode_group(vault, level, &mut compressor, &group),
            };
            done.map_err(|error| Error::internal("zstd", &error))
        });
        let failed = done.is_err();
        if out.send(done).is_err() || failed {
            return;
        }
    }
}

fn encode_one(level: &Level, compressor: &mut Compressor, chunk: Related) -> Result<Done, EncodeError> {
    let Related { number, id, len, store } = chunk;
    let (new, literal) = match store {
        Store::Nothing => (None, 0),
        Store::Whole(plain) => {
            let encoded = if level.can_sample() {
                compressor.compress_fitting(&plain)?
            } else {
                compressor.set_level(level.now())?;
                compressor.compress(&plain)?
            };
            (Some((encoded, Sources::new())), u64::from(len))
        }
        Store::Rest(plan, sources) => {
            compressor.set_level(level.for_new_part())?;
            let encoded = plan.recipe.encode(&plan.literals, compressor)?;
            (Some((encoded, sources)), plan.literals.len() as u64)
        }
    };
    Ok(Done { rows: None, chunks: vec![Chunk { number, id, len, new, literal }] })
}

fn encode_group(
    vault: &UnlockedVault,
    level: &Level,
    compressor: &mut Compressor,
    group: &Group,
) -> Result<Done, EncodeError> {
    compressor.set_level(level.for_new_part())?;
    let rows = vault.chunk_id_key().chunk_id(&group.rows);
    // A chunk that consists of exactly these rows cannot copy from itself.
    let apart = group.members.len() == 1 || group.members.iter().any(|member| member.id == rows);
    let mut chunks = Vec::with_capacity(group.members.len());
    for member in &group.members {
        let encoded = if apart {
            member.recipe.encode(group.literals(member), compressor)?
        } else {
            member.copying_from(rows).encode(&[], compressor)?
        };
        chunks.push(Chunk {
            number: member.number,
            id: member.id,
            len: member.len,
            new: Some((encoded, member.sources.clone())),
            literal: u64::from(member.literals),
        });
    }
    if apart {
        return Ok(Done { rows: None, chunks });
    }
    let encoded = if level.adapts() {
        compressor.compress_rows(level.for_new_part(), &group.rows)?
    } else {
        compressor.compress(&group.rows)?
    };
    Ok(Done { rows: Some((rows, encoded)), chunks })
}

/// Puts chunks back in order for the manifest; packs take them in any order.
struct Collect<'a> {
    vault: &'a UnlockedVault,
    known: &'a dyn Known,
    level: &'a Level,
    emit: &'a mut dyn FnMut(FullPack) -> Result<(), Error>,
    packer: Packer<'a>,
    next: u64,
    early: BTreeMap<u64, (ChunkId, u32)>,
    manifest: ManifestCutter,
    pieces: Vec<ManifestPiece>,
    chunks: u64,
    chunks_new: u64,
    bytes_new: u64,
}

impl<'a> Collect<'a> {
    fn new(
        vault: &'a UnlockedVault,
        known: &'a dyn Known,
        level: &'a Level,
        emit: &'a mut dyn FnMut(FullPack) -> Result<(), Error>,
    ) -> Self {
        Self {
            vault,
            known,
            level,
            emit,
            packer: Packer::new(vault.id(), vault.epoch(), vault.recipients()),
            next: 0,
            early: BTreeMap::new(),
            manifest: ManifestCutter::default(),
            pieces: Vec::new(),
            chunks: 0,
            chunks_new: 0,
            bytes_new: 0,
        }
    }

    fn take(&mut self, done: Done, observer: &dyn Observer) -> Result<(), Error> {
        let mut together = Vec::with_capacity(done.chunks.len() + 1);
        if let Some((id, encoded)) = done.rows {
            observer.event(&Event::NewChunk { plain: 0, stored: encoded.bytes.len() as u64 });
            together.push((id, encoded, Sources::new()));
        }
        for Chunk { number, id, len, new, literal } in done.chunks {
            self.chunks += 1;
            self.bytes_new += literal;
            if let Some((encoded, sources)) = new {
                self.chunks_new += 1;
                observer.event(&Event::NewChunk { plain: literal, stored: encoded.bytes.len() as u64 });
                together.push((id, encoded, sources));
            }
            if u64::from(len) > literal {
                observer.event(&Event::DuplicateChunk { plain: u64::from(len) - literal });
            }
            self.early.insert(number, (id, len));
        }
        self.pack(together)?;
        while let Some((id, len)) = self.early.remove(&self.next) {
            self.next += 1;
            if let Some(piece) = self.manifest.push(id, len) {
                self.store_piece(&piece)?;
            }
        }
        Ok(())
    }

    fn pack(&mut self, chunks: Vec<(ChunkId, Encoded, Sources)>) -> Result<(), Error> {
        if let Some(full) = self.packer.push(chunks)? {
            (self.emit)(full)?;
        }
        Ok(())
    }

    /// A piece of the manifest is stored like any other chunk.
    fn store_piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let id = self.vault.chunk_id_key().chunk_id(bytes);
        let len = u32::try_from(bytes.len()).map_err(|e| Error::internal("manifest length", &e))?;
        let repeated = self.pieces.iter().any(|piece| piece.chunk_id == id);
        if !repeated && !self.known.is_stored(&id)? {
            let mut compressor =
                Compressor::new(self.level.now()).map_err(|e| Error::internal("zstd", &e))?;
            let encoded = compressor.compress(bytes).map_err(|e| Error::internal("zstd", &e))?;
            self.pack(vec![(id, encoded, Sources::new())])?;
        }
        self.pieces.push(ManifestPiece { chunk_id: id, plain_len: len });
        Ok(())
    }

    fn finish(mut self) -> Result<Stored, Error> {
        if let Some(piece) = std::mem::take(&mut self.manifest).finish() {
            self.store_piece(&piece)?;
        }
        for pack in self.packer.finish()? {
            (self.emit)(pack)?;
        }
        Ok(Stored {
            chunks: self.chunks,
            chunks_new: self.chunks_new,
            bytes_new: self.bytes_new,
            manifest: self.pieces,
        })
    }
}
