//! Deduplication at the size of a row: a chunk that is new is split into records, and those that stood in
//! the source's previous dump are copied from its chunks instead of being stored again. What a device keeps
//! for it is a list of keyed hashes, never plaintext, and may be lost at any time: the next backup is larger
//! then, and as right as before.

use std::path::{Path, PathBuf};

use api_types::SourceId;

mod hash;
mod list;
mod matcher;
mod origins;
mod plan;
mod split;

pub use hash::{RecordHash, RecordKeys};
pub use list::{ChunkRow, ListError, ListReader, ListWriter, Stored};
pub use matcher::{Found, Matcher};
pub use plan::{MAX_DEPTH, Plan, plan};
pub use split::{Records, split};

fn folder(home: &Path) -> PathBuf {
    home.join("records")
}

/// Where a source's list lies.
#[must_use]
pub fn path(home: &Path, source: SourceId) -> PathBuf {
    folder(home).join(format!("{}.list", source.0))
}

/// Bytes of all lists; what cannot be read counts nothing.
#[must_use]
pub fn total_size(home: &Path) -> u64 {
    let files = std::fs::read_dir(folder(home)).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum()
}
