//! Plain ↔ encoded: the form in which a chunk is sealed. The stated length bounds decoding before it starts.

mod compress;
mod decode;
mod recipe;
pub(crate) mod varint;

pub use compress::{Compressor, DEFAULT_LEVEL};
pub use decode::{MAX_HOPS, Opened, Plaintexts, Stretch, decode};
pub use recipe::{MAX_OPS, MAX_REFS, Op, Recipe};

use crate::{
    chunk::MAX_PLAIN_LEN,
    id::ChunkId,
    text,
    text::{Text, told},
};

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
    Unknown(u8),
    /// Longer than any chunk.
    TooLong(u64),
    /// It does not decode to the stated length.
    Damaged(&'static str),
    /// It copies from a chunk that the caller did not supply.
    MissingReference(ChunkId),
    /// The compressor failed.
    Compressor(String),
}

told!(EncodeError);

impl EncodeError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Unknown(number) => {
                text!("encoding {number} is unknown; a newer version of Sealkeep may have written it", number)
            }
            Self::TooLong(bytes) => {
                text!("a chunk of {bytes} bytes is longer than the limit of 16.8 MB", bytes)
            }
            Self::Damaged(what) => text!("the chunk cannot be decoded: {what}", what = Text::fixed(what)),
            Self::MissingReference(chunk) => {
                text!("chunk {chunk}, which it copies from, is missing", chunk = chunk.to_string())
            }
            Self::Compressor(detail) => Text::verbatim(format!("zstd: {detail}")),
        }
    }
}
