//! What was seen before, so that nobody can show less or something else later.

use api_types::Sha256;

pub use crate::format::snapshot::{Head, Heads};

/// How much of the device directory was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryPin {
    /// Entries.
    pub len: u64,
    /// Hash of the last of them.
    pub hash: Sha256,
}
