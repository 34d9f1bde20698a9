//! The record list of a source's last snapshot: which records stood where, in the order of the dump. A local
//! file without plaintext. Every part is authenticated; whatever is wrong with it, the list is not used.
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

use crate::{encode::Recipe, id::ChunkId};

/// The depth of a stored chunk of which it is not known how deep its copies lead: nobody copies from it.
pub(super) const UNKNOWN_DEPTH: u16 = u16::MAX;

const MAGIC: &[u8; 8] = b"SKRECL02";
const HEADER_LEN: usize = 64;
const NONCE: std::ops::Range<usize> = 40..56;
/// Records of one block.
pub(super) const BLOCK: usize = 2048;
const BLOCK_HEAD: usize = 8;
const PLACE_LEN: usize = 8;
const ENTRY_LEN: usize = 18;
const ROW_LEN: usize = 54;
const ANCHOR_LEN: usize = 16;
const FOOTER_LEN: usize = 48;
const TAG_LEN: usize = 16;
/// Number of the tag over the tables.
const WHOLE: u64 = u64::MAX;
/// Of the tag over a row's origins, with the row's number.
const ORIGINS: u64 = 1 << 63;

/// A chunk of the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRow {
    /// Which.
    pub id: ChunkId,
    /// Its bytes.
    pub plain_len: u32,
    /// Its records; 0 when it was not worth splitting.
    pub records: u32,
    /// How many recipes reading it may lead through.
    pub depth: u16,
    /// Where its flat recipe is in the file, and its length.
    origins: (u64, u32),
}

/// How a chunk is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many recipes reading it leads through.
    pub depth: u16,
    /// Of a recipe: the same chunk as a recipe that copies only bytes that are stored where they are copied from.
    pub origins: Option<Recipe>,
}

impl Stored {
    /// Not as a recipe.
    pub const WHOLE: Self = Self { depth: 0, origins: None };
    /// It is not known how deep its copies lead: nobody copies from it.
    pub const UNKNOWN: Self = Self { depth: UNKNOWN_DEPTH, origins: None };
}

/// Why a list cannot be used. Never an error of a backup.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Damaged, cut off, of another source, domain or version.
    #[error("{0}")]
    Unusable(&'static str),
}
