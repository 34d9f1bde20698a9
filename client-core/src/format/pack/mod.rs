//! PACK v1: sealed chunks, sealed padding, sealed directory.

mod reader;
mod writer;

pub use reader::PackReader;
pub(super) use reader::read_directory;
pub use writer::{PackWriter, SealedPack};

use super::{Format, header::Profile};
pub use super::{FormatError as PackError, Recipients};
use crate::{crypto::TAG_LEN, encode::Encoding, id::ChunkId};

/// Maximum number of chunks in a pack.
pub const MAX_RECORDS: usize = 65_536;
/// Bytes at a pack's end that contain the length of its directory.
pub const FOOTER_LEN: usize = 12;

const PROFILE: Profile =
    Profile { format: Format::Pack, magic: b"SKPACK01", commit_label: "sealkeep/v1/pack/commit" };
const CHUNK_LABEL: &str = "sealkeep/v1/pack/chunk";
const DIRECTORY_LABEL: &str = "sealkeep/v1/pack/dir";
const FOOTER_MAGIC: &[u8; 8] = b"SKPEND01";
/// chunk id 32 ‖ encoding 1 ‖ BE32 plain length ‖ BE64 offset ‖ BE32 sealed length
const ENTRY_LEN: usize = 49;
/// The directory is padded with zeros to a multiple of this many entries.
const ENTRY_STEP: usize = 64;

/// Where one chunk is in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackEntry {
    /// Which chunk.
    pub chunk_id: ChunkId,
    /// How its bytes are encoded.
    pub encoding: Encoding,
    /// Length of its plaintext, bytes.
    pub plain_len: u32,
    /// First byte of its record in the pack.
    pub offset: u64,
    /// Length of its record: encoded bytes and tag.
    pub sealed_len: u32,
    /// Position among the pack's records, from 0; part of the nonce.
    pub record_no: u32,
}

impl PackEntry {
    /// One past the last byte of the record.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + self.sealed_len as u64
    }
}

/// What a key seals: chunks with one key, directory and padding with another.
#[derive(Clone, Copy)]
enum Nonce {
    Chunk(u32),
    Directory,
    Padding,
}

impl Nonce {
    /// BE32 purpose ‖ BE64 number.
    fn bytes(self) -> [u8; 12] {
        let (purpose, number): (u32, u64) = match self {
            Self::Chunk(number) => (1, number.into()),
            Self::Directory => (2, 0),
            Self::Padding => (3, 0),
        };
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&purpose.to_be_bytes());
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        nonce
    }
}

/// `"SKCH1"` ‖ header hash ‖ BE32 record number ‖ encoding ‖ BE32 plain length ‖ chunk id
fn chunk_aad(
    header_hash: &[u8; 32],
    record_no: u32,
    encoding: Encoding,
    plain_len: u32,
    id: &ChunkId,
) -> [u8; 78] {
    let mut aad = [0; 78];
    aad[..5].copy_from_slice(b"SKCH1");
    aad[5..37].copy_from_slice(header_hash);
    aad[37..41].copy_from_slice(&record_no.to_be_bytes());
    aad[41] = encoding as u8;
    aad[42..46].copy_from_slice(&plain_len.to_be_bytes());
    aad[46..].copy_from_slice(id.as_bytes());
    aad
}

const fn directory_len(records: usize) -> usize {
    records.div_ceil(ENTRY_STEP) * ENTRY_STEP * ENTRY_LEN + TAG_LEN
}
