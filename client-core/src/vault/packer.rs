//! Fills packs. Two are open at a time and every chunk goes into one of them at random, so that neither the order nor
//! the sizes of stored objects reveal where a dump was cut.

use std::collections::HashSet;

use api_types::VaultId;
use rand::Rng;

use crate::{
    encode::Encoded,
    format::pack::{PackError, PackWriter, Recipients, SealedPack},
    id::ChunkId,
    state::{PackKeys, Packed},
};

/// A pack with this many bytes (14 MiB) is closed as soon as it needs little padding.
pub const PACK_TARGET: usize = 14 * 1024 * 1024;
/// Little padding: less than this (64 KiB).
const PADDING: usize = 64 * 1024;
/// At this size (16 MiB less half a chunk) it is closed anyway: from 16 MiB on padding is coarser.
const PACK_LIMIT: usize = 16 * 1024 * 1024 - 512 * 1024;

/// A full pack, and its data for the index.
pub struct FullPack {
    /// To be uploaded.
    pub pack: SealedPack,
    /// Its records, with the packs needed to read them.
    pub entries: Vec<Packed>,
}

/// A pack being filled.
struct Open {
    pack: PackWriter,
    from: Vec<PackKeys>,
    holds: HashSet<ChunkId>,
}

/// Two open packs.
pub struct Packer<'a> {
    vault: VaultId,
    epoch: u32,
    recipients: &'a Recipients,
    open: [Option<Open>; 2],
}

impl<'a> Packer<'a> {
    /// For one run; every pack gets its own secret.
    #[must_use]
    pub const fn new(vault: VaultId, epoch: u32, recipients: &'a Recipients) -> Self {
        Self { vault, epoch, recipients, open: [None, None] }
    }

    /// Seals chunks into one of the open packs, all into the same one; returns the pack once it is full. Each chunk
    /// comes with the other packs needed to read it.
    ///
    /// # Errors
    /// Same as [`PackWriter`].
    pub fn push(&mut self, chunks: Vec<(ChunkId, Encoded, PackKeys)>) -> Result<Option<FullPack>, PackError> {
        if chunks.is_empty() {
            return Ok(None);
        }
        let slot = &mut self.open[usize::from(rand::rng().random::<bool>())];
        let open = match slot {
            Some(open) => open,
            None => slot.insert(Open {
                pack: PackWriter::new(self.vault, self.epoch, self.recipients)?,
                from: Vec::new(),
                holds: HashSet::new(),
            }),
        };
        for (id, encoded, copied_from) in chunks {
            // A chunk that many copy from may come again; a pack must not list it twice.
            if open.holds.insert(id) {
                open.pack.push(id, &encoded)?;
                open.from.push(copied_from);
            }
        }
        let (len, padding) = (open.pack.len_estimate(), open.pack.padding());
        if len < PACK_TARGET || padding > PADDING && len < PACK_LIMIT {
            return Ok(None);
        }
        slot.take().map(finish).transpose()
    }

    /// Closes the open packs.
    ///
    /// # Errors
    /// Same as [`PackWriter`].
    pub fn finish(self) -> Result<Vec<FullPack>, PackError> {
        self.open.into_iter().flatten().map(finish).collect()
    }
}

fn finish(open: Open) -> Result<FullPack, PackError> {
    let pack = open.pack.finish()?;
    let entries = pack.entries.iter().copied().zip(open.from).collect();
    Ok(FullPack { pack, entries })
}
