//! Deduplication at the size of a row: a chunk that is new is split into records, and those that stood in
//! the source's previous dump are copied from its chunks instead of being stored again. What a device keeps
//! for it is a list of keyed hashes, never plaintext, and may be lost at any time: the next backup is larger
//! then, and as right as before.

mod hash;
mod list;
mod matcher;
mod plan;
mod split;

pub use hash::{RecordHash, RecordKeys};
pub use list::{ChunkRow, ListError, ListReader, ListWriter};
pub use matcher::{Found, Matcher};
pub use plan::{MAX_DEPTH, Plan, UNKNOWN_DEPTH, plan};
pub use split::{Records, split};
