//! Cuts a dump into chunks by content, with the keys of the vault's deduplication domain.

mod cutter;
mod key;
mod params;

pub use cutter::Cutter;
pub use key::{ChunkIdKey, ChunkerKey, GearTable};
pub use params::{ChunkerParams, InvalidParams};

/// Maximum length of a chunk's plaintext (16 MiB), whoever wrote it.
pub const MAX_PLAIN_LEN: u32 = 16 * 1024 * 1024;
