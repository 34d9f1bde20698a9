//! What the boot probe found out about a store.

use std::fmt;

/// What a store enforces for an upload URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarantees {
    /// A second upload to the same key is refused (If-None-Match).
    pub write_once: bool,
    /// Bytes that do not have the signed SHA-256 are refused and not stored.
    pub checksum_enforced: bool,
    /// HEAD returns the SHA-256, so that confirmation does not rely on the line above.
    pub checksum_returned: bool,
    /// The service may delete its probe objects. Not required: the bucket's policy may forbid deletion.
    pub deletes: bool,
}

impl fmt::Display for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |b: bool| if b { "yes" } else { "no" };
        write!(
            f,
            "overwrite refused: {}, wrong checksum refused: {}, checksum returned: {}, delete allowed: {}",
            yes(self.write_once),
            yes(self.checksum_enforced),
            yes(self.checksum_returned),
            yes(self.deletes)
        )
    }
}
