//! The record list of a source's last snapshot: which records stood where, in the order of the dump. A local
//! file without plaintext. Every part is authenticated; whatever is wrong with it, the list is not used.
//!
//! ```text
//! header   "SKRECL01" ‖ domain 16 ‖ source 16 ‖ nonce 16 ‖ zeros to 64
//! blocks   of 2048 records, the last one shorter:
//!          LE32 chunk row ‖ LE32 offset in that chunk, both of the first record ‖ hashes 16 each ‖ LE16 lengths ‖ tag 16
//! rows     a chunk each: id 32 ‖ LE32 length ‖ LE32 records ‖ LE16 depth
//! anchors  LE64 low half of a hash ‖ LE64 record number, ascending
//! footer   LE64 records ‖ LE64 rows ‖ LE64 anchors ‖ LE64 mask ‖ tag 16 over header, rows, anchors and these
//! ```

mod reader;
mod writer;

use std::io;

pub(super) use reader::Block;
pub use reader::ListReader;
pub use writer::ListWriter;

use crate::id::ChunkId;

const MAGIC: &[u8; 8] = b"SKRECL01";
const HEADER_LEN: usize = 64;
const NONCE: std::ops::Range<usize> = 40..56;
/// Records of one block.
pub(super) const BLOCK: usize = 2048;
const BLOCK_HEAD: usize = 8;
const ENTRY_LEN: usize = 18;
const ROW_LEN: usize = 42;
const ANCHOR_LEN: usize = 16;
const FOOTER_LEN: usize = 48;
const TAG_LEN: usize = 16;
/// Number of the tag over everything but blocks.
const WHOLE: u64 = u64::MAX;

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
