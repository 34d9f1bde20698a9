//! The highest versions seen, to detect rollbacks and forks.

use api_types::Sha256;

pub use crate::format::snapshot::{Head, Heads};

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// State of the device directory; `None` before the first sync.
    pub directory: Option<DirectoryPin>,
    /// Newest snapshot per device.
    pub heads: Heads,
}

impl Pins {
    /// Adopts everything in `seen` that is newer; nothing decreases. Returns whether anything increased.
    pub fn rise(&mut self, seen: &Self) -> bool {
        let mut rose = false;
        if let Some(pin) = seen.directory
            && self.directory.is_none_or(|kept| pin.len > kept.len)
        {
            (self.directory, rose) = (Some(pin), true);
        }
        for (device, head) in &seen.heads {
            if self.heads.get(device).is_none_or(|kept| head.sequence > kept.sequence) {
                self.heads.insert(*device, *head);
                rose = true;
            }
        }
        rose
    }
}

/// How much of the device directory was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryPin {
    /// Number of entries.
    pub len: u64,
    /// Hash of the last one.
    pub hash: Sha256,
}
