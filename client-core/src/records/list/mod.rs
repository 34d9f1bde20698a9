//! The record list of a source's last snapshot: where each record was, in the order of the dump. A local file without
//! plaintext. Every part is authenticated; if anything is wrong with it, the list is not used.
//!
//! ```text
//! header   "SKRECL02" ‖ domain 16 ‖ source 16 ‖ nonce 16 ‖ zeros to 64
//! blocks   of 2048 records, the last one shorter:
//!          LE32 chunk row ‖ LE32 offset in that chunk, both of the first record ‖ hashes 16 each ‖ LE16 lengths ‖ tag 16
//! origins  between them, of chunks that are recipes: the flat recipe (format.md, Encoding 3) ‖ tag 16
//! rows     a chunk each: id 32 ‖ LE32 length ‖ LE32 records ‖ LE16 depth ‖ LE64 where its origins are ‖ LE32 their length, 0: none
//! places   LE64 where each block begins
//! anchors  LE64 low half of a hash ‖ LE64 record number, ascending
//! footer   LE64 records ‖ LE64 rows ‖ LE64 anchors ‖ LE64 mask ‖ tag 16 over header, rows, anchors and these
//! ```

mod reader;
mod writer;

use std::io;

pub(super) use reader::Block;
pub use reader::ListReader;
pub use writer::ListWriter;

use crate::{
    encode::Recipe,
    id::ChunkId,
    text::{Text, told},
};

/// Depth of a stored chunk whose chain of copies has unknown length: it is never copied from.
pub(super) const UNKNOWN_DEPTH: u16 = u16::MAX;

const MAGIC: &[u8; 8] = b"SKRECL02";
const HEADER_LEN: usize = 64;
const NONCE: std::ops::Range<usize> = 40..56;
/// Number of records in a block.
pub(super) const BLOCK: usize = 2048;
const BLOCK_HEAD: usize = 8;
const PLACE_LEN: usize = 8;
const ENTRY_LEN: usize = 18;
const ROW_LEN: usize = 54;
const ANCHOR_LEN: usize = 16;
const FOOTER_LEN: usize = 48;
const TAG_LEN: usize = 16;
/// Part number of the tag over the tables.
const WHOLE: u64 = u64::MAX;
/// Added to a row's number for the tag over its origins.
const ORIGINS: u64 = 1 << 63;

/// A chunk of the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRow {
    /// Its id.
    pub id: ChunkId,
    /// Its length in bytes.
    pub plain_len: u32,
    /// Number of its records; 0 if it was not worth splitting.
    pub records: u32,
    /// Upper limit for the recipes in a chain that reading it involves.
    pub depth: u16,
    /// Position and length of its flat recipe in the file.
    origins: (u64, u32),
}

/// How a chunk is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Number of recipes in the chain that reading it involves.
    pub depth: u16,
    /// For a recipe: the same chunk as a flat recipe, which copies every byte from where it is stored.
    pub origins: Option<Recipe>,
}

impl Stored {
    /// Not stored as a recipe.
    pub const WHOLE: Self = Self { depth: 0, origins: None };
    /// The chain of copies has unknown length: it is never copied from.
    pub const UNKNOWN: Self = Self { depth: UNKNOWN_DEPTH, origins: None };
}

/// Why a list cannot be used. Never fails a backup.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read or written.
    Io(#[from] io::Error),
    /// Damaged, truncated, or from another source, domain or version.
    Unusable(&'static str),
}

told!(ListError);

impl ListError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Io(error) => Text::verbatim(error.to_string()),
            Self::Unusable(why) => Text::fixed(why),
        }
    }
}
