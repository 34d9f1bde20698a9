//! Chunks → pack, sealed in place in one growing buffer.

use api_types::{ObjectId, VaultId};
use sha2::{Digest, Sha256};

use super::{
    CHUNK_LABEL, DIRECTORY_LABEL, ENTRY_LEN, FOOTER_LEN, FOOTER_MAGIC, MAX_RECORDS, Nonce, PROFILE,
    PackEntry, PackError, Recipients, chunk_aad, directory_len,
};
use crate::{
    chunk::MAX_PLAIN_LEN,
    crypto::{Cipher, PackSecret, TAG_LEN},
    encode::{Encoded, MAX_ENCODED_LEN},
    format::{Format, MAX_OBJECT_LEN, header, padding::padme},
    id::ChunkId,
};

/// Address space reserved for a typical pack (20 MiB); pages are allocated as they are written.
const USUAL_LEN: usize = 20 * 1024 * 1024;

/// A finished pack.
pub struct SealedPack {
    /// SHA-256 of `bytes`.
    pub id: ObjectId,
    /// The bytes to store.
    pub bytes: Vec<u8>,
    /// Where its chunks are.
    pub entries: Vec<PackEntry>,
}

/// An open pack. Its data key is fresh, and gone once the pack is finished or dropped.
pub struct PackWriter {
    header_hash: [u8; 32],
    chunks: Cipher,
    directory: Cipher,
    bytes: Vec<u8>,
    entries: Vec<PackEntry>,
}

impl PackWriter {
    /// Opens a pack with a fresh data key.
    ///
    /// # Errors
    /// [`PackError::Sealing`].
    pub fn new(vault: VaultId, epoch: u32, recipients: &Recipients) -> Result<Self, PackError> {
        let (secret, wrap) = recipients.fresh_secret(Format::Pack)?;
        Self::with_secret(vault, epoch, &secret, &wrap)
    }

    /// For test vectors: a given data key and the age file that contains it. A key must never seal two packs.
    ///
    /// # Errors
    /// [`PackError::TooLarge`] if the age file does not fit.
    #[doc(hidden)]
    pub fn with_secret(
        vault: VaultId,
        epoch: u32,
        secret: &PackSecret,
        wrap: &[u8],
    ) -> Result<Self, PackError> {
        let mut bytes = Vec::with_capacity(USUAL_LEN);
        let header_hash = header::write(&PROFILE, vault, epoch, secret, wrap, &mut bytes)?;
        Ok(Self {
            chunks: header::cipher(secret, &header_hash, CHUNK_LABEL),
            directory: header::cipher(secret, &header_hash, DIRECTORY_LABEL),
            header_hash,
            bytes,
            entries: Vec::new(),
        })
    }

    /// Seals one chunk.
    ///
    /// # Errors
    /// [`PackError::TooLarge`] if the pack is full or the chunk is too long; the pack is unchanged then.
    pub fn push(&mut self, id: ChunkId, encoded: &Encoded) -> Result<(), PackError> {
        let Encoded { encoding, plain_len, bytes } = encoded;
        let too_large = PackError::TooLarge(Format::Pack);
        let sealed_len = bytes.len() + TAG_LEN;
        if *plain_len > MAX_PLAIN_LEN
            || bytes.len() > MAX_ENCODED_LEN as usize
            || self.entries.len() >= MAX_RECORDS
            || padme((self.len_estimate() + sealed_len + directory_len(1)) as u64) > MAX_OBJECT_LEN as u64
        {
            return Err(too_large);
        }
        let record_no = u32::try_from(self.entries.len()).map_err(|_| too_large.clone())?;
        let entry = PackEntry {
            chunk_id: id,
            encoding: *encoding,
            plain_len: *plain_len,
            offset: self.bytes.len() as u64,
            sealed_len: u32::try_from(sealed_len).map_err(|_| too_large)?,
            record_no,
        };
        let aad = chunk_aad(&self.header_hash, record_no, *encoding, *plain_len, &id);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let tag = self
            .chunks
            .seal(Nonce::Chunk(record_no).bytes(), &aad, &mut self.bytes[start..])
            .map_err(|_| PackError::Sealing(Format::Pack))?;
        self.bytes.extend_from_slice(&tag);
        self.entries.push(entry);
        Ok(())
    }

    /// The size of the pack if it were finished now, before padding.
    #[must_use]
    pub const fn len_estimate(&self) -> usize {
        self.bytes.len() + TAG_LEN + directory_len(self.entries.len()) + FOOTER_LEN
    }

    /// The padding that finishing it now would add, bytes.
    #[must_use]
    pub fn padding(&self) -> usize {
        let unpadded = self.len_estimate();
        usize::try_from(padme(unpadded as u64)).unwrap_or(unpadded) - unpadded
    }

    /// Number of chunks in it.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.entries.len()
    }

    /// Pads the pack, seals its directory and computes its id.
    ///
    /// # Errors
    /// [`PackError::Sealing`].
    pub fn finish(mut self) -> Result<SealedPack, PackError> {
        let padding = self.padding();
        self.seal_directory(Nonce::Padding, padding, |_| {})?;
        let entries = std::mem::take(&mut self.entries);
        let sealed_len = directory_len(entries.len());
        self.seal_directory(Nonce::Directory, sealed_len - TAG_LEN, |mut out| {
            for entry in &entries {
                let Some((place, rest)) = out.split_at_mut_checked(ENTRY_LEN) else { return };
                write_entry(entry, place);
                out = rest;
            }
        })?;
        let sealed_len = u32::try_from(sealed_len).map_err(|_| PackError::TooLarge(Format::Pack))?;
        self.bytes.extend_from_slice(&sealed_len.to_be_bytes());
        self.bytes.extend_from_slice(FOOTER_MAGIC);
        let id = ObjectId::new(Sha256::digest(&self.bytes).into());
        Ok(SealedPack { id, bytes: self.bytes, entries })
    }

    /// Appends `len` zero bytes, lets `fill` write into them, and seals them.
    fn seal_directory(
        &mut self,
        nonce: Nonce,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), PackError> {
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let place = &mut self.bytes[start..];
        fill(place);
        let tag = self
            .directory
            .seal(nonce.bytes(), &self.header_hash, place)
            .map_err(|_| PackError::Sealing(Format::Pack))?;
        self.bytes.extend_from_slice(&tag);
        Ok(())
    }
}

fn write_entry(entry: &PackEntry, place: &mut [u8]) {
    let PackEntry { chunk_id, encoding, plain_len, offset, sealed_len, record_no: _ } = entry;
    place[..32].copy_from_slice(chunk_id.as_bytes());
    place[32] = *encoding as u8;
    place[33..37].copy_from_slice(&plain_len.to_be_bytes());
    place[37..45].copy_from_slice(&offset.to_be_bytes());
    place[45..49].copy_from_slice(&sealed_len.to_be_bytes());
}
