//! Plain ↔ encoded: the form in which a chunk is sealed. The stated length bounds decoding before it starts.

mod compress;
mod decode;
mod recipe;
pub(crate) mod varint;

pub use compress::{Compressor, DEFAULT_LEVEL};
pub use decode::{MAX_HOPS, Opened, Plaintexts, Stretch, decode};
pub use recipe::{MAX_OPS, MAX_REFS, Op, Recipe};

use crate::{chunk::MAX_PLAIN_LEN, id::ChunkId};

/// Maximum length of a chunk's encoding (16 MiB + 64 KiB).
pub const MAX_ENCODED_LEN: u32 = MAX_PLAIN_LEN + 64 * 1024;

/// How a chunk's bytes are stored in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Unchanged.
    Raw = 1,
    /// One zstd frame.
    Zstd = 2,
    /// Literals and copies from other chunks.
    Recipe = 3,
}

impl TryFrom<u8> for Encoding {
    type Error = EncodeError;
    fn try_from(byte: u8) -> Result<Self, EncodeError> {
        match byte {
            1 => Ok(Self::Raw),
            2 => Ok(Self::Zstd),
            3 => Ok(Self::Recipe),
            other => Err(EncodeError::Unknown(other)),
        }
    }
}

/// A chunk ready for sealing, or just opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    /// How to read `bytes`.
    pub encoding: Encoding,
    /// Length of the plaintext, bytes.
    pub plain_len: u32,
    /// The encoded bytes.
    pub bytes: Vec<u8>,
}

/// Why a chunk cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Written by a newer version, or no encoding at all.
    #[error("encoding {0} is unknown; a newer version of Sealkeep may have written it")]
    Unknown(u8),
    /// Longer than any chunk.
    #[error("a chunk of {0} bytes is longer than the limit of 16.8 MB")]
    TooLong(u64),
    /// It does not decode to the stated length.
    #[error("the chunk does not decode: {0}")]
    Damaged(&'static str),
    /// It copies from a chunk that the caller did not supply.
    #[error("chunk {0}, which it copies from, is missing")]
    MissingReference(ChunkId),
    /// The compressor failed.
    #[error("zstd: {0}")]
    Compressor(String),
}
