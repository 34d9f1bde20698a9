//! Fills packs. Two are open at once and every chunk goes to either at random, so that neither the order
//! nor the sizes of stored objects say where a dump was cut.

use std::collections::HashSet;

use api_types::VaultId;
use rand::Rng;

use crate::{
    encode::Encoded,
    format::pack::{PackError, PackWriter, Recipients, SealedPack},
    id::ChunkId,
    state::{PackKeys, Packed},
};

/// A pack that holds this many bytes (14 MiB) is closed as soon as little padding is needed.
pub const PACK_TARGET: usize = 14 * 1024 * 1024;
/// Little: less than this (64 KiB).
const PADDING: usize = 64 * 1024;
/// With this many bytes (16 MiB less half a chunk) it is closed in any case: from 16 MiB on padding is coarser.
const PACK_LIMIT: usize = 16 * 1024 * 1024 - 512 * 1024;

/// A full pack, and what the index keeps of it.
pub struct FullPack {
    /// To be stored.
    pub pack: SealedPack,
    /// Its records, with what else reading them needs.
    pub entries: Vec<Packed>,
}

/// A pack that is being filled.
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
    /// For one run; every pack gets a secret of its own.
    #[must_use]
    pub const fn new(vault: VaultId, epoch: u32, recipients: &'a Recipients) -> Self {
        Self { vault, epoch, recipients, open: [None, None] }
    }

    /// Seals chunks into one of the open packs, all into the same; the pack comes back once it is full. Each with
    /// the packs that reading it needs besides.
    ///
    /// # Errors
    /// As [`PackWriter`].
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
            // What many copy from may come again; a pack lists nothing twice.
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

    /// Closes what is open.
    ///
    /// # Errors
    /// As [`PackWriter`].
    pub fn finish(self) -> Result<Vec<FullPack>, PackError> {
        self.open.into_iter().flatten().map(finish).collect()
    }
}

fn finish(open: Open) -> Result<FullPack, PackError> {
    let pack = open.pack.finish()?;
    let entries = pack.entries.iter().copied().zip(open.from).collect();
    Ok(FullPack { pack, entries })
}
