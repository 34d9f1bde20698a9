//! Row-level deduplication: a new chunk is split into records, and those found in the source's previous dump are
//! copied from its chunks instead of being stored again. The device keeps only a list of keyed hashes for this, never
//! plaintext. It may be lost at any time: the next backup is then larger, but just as correct.

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

/// The path of a source's list.
#[must_use]
pub fn path(home: &Path, source: SourceId) -> PathBuf {
    folder(home).join(format!("{}.list", source.0))
}

/// Total size of all lists in bytes; unreadable ones count as 0.
#[must_use]
pub fn total_size(home: &Path) -> u64 {
    let files = std::fs::read_dir(folder(home)).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|found| found.len()).sum()
}
