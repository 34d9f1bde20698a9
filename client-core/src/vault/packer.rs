//! Fills packs. Two are open at once and every chunk goes to either at random, so that neither the order
//! nor the sizes of stored objects say where a dump was cut.

use api_types::VaultId;
use rand::Rng;

use crate::{
    encode::Encoded,
    format::pack::{PackError, PackWriter, Recipients, SealedPack},
    id::ChunkId,
};

/// A pack is closed once it holds this many bytes (16 MiB), before padding.
pub const PACK_TARGET: usize = 16 * 1024 * 1024;

/// Two open packs.
pub struct Packer<'a> {
    vault: VaultId,
    epoch: u32,
    recipients: &'a Recipients,
    open: [Option<PackWriter>; 2],
}

impl<'a> Packer<'a> {
    /// For one run; every pack gets a secret of its own.
    #[must_use]
    pub const fn new(vault: VaultId, epoch: u32, recipients: &'a Recipients) -> Self {
        Self { vault, epoch, recipients, open: [None, None] }
    }

    /// Seals a chunk into one of the open packs; the pack comes back once it is full.
    ///
    /// # Errors
    /// As [`PackWriter`].
    pub fn push(&mut self, id: ChunkId, encoded: &Encoded) -> Result<Option<SealedPack>, PackError> {
        let slot = &mut self.open[usize::from(rand::rng().random::<bool>())];
        let pack = match slot {
            Some(pack) => pack,
            None => slot.insert(PackWriter::new(self.vault, self.epoch, self.recipients)?),
        };
        pack.push(id, encoded)?;
        if pack.len_estimate() < PACK_TARGET {
            return Ok(None);
        }
        slot.take().map(PackWriter::finish).transpose()
    }

    /// Closes what is open.
    ///
    /// # Errors
    /// As [`PackWriter`].
    pub fn finish(self) -> Result<Vec<SealedPack>, PackError> {
        self.open.into_iter().flatten().map(PackWriter::finish).collect()
    }
}
