//! What was seen before, so that nobody can show less or something else later.

use std::collections::BTreeMap;

use api_types::{DeviceId, HeadHash, Sha256};

/// How much of the device directory was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryPin {
    /// Entries.
    pub len: u64,
    /// Hash of the last of them.
    pub hash: Sha256,
}

/// A device's newest snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position in the device's chain, from 0.
    pub sequence: u64,
    /// Names the chain up to there.
    pub hash: HeadHash,
}

/// Newest snapshot per device.
pub type Heads = BTreeMap<DeviceId, Head>;
