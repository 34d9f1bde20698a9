//! What a store was found to do.

use std::fmt;

/// What a store enforces of an upload URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarantees {
    /// A second upload to the same key is refused (If-None-Match).
    pub write_once: bool,
    /// Bytes that do not have the signed SHA-256 are refused and not stored.
    pub checksum_enforced: bool,
    /// HEAD gives the SHA-256 back, so that confirming needs no trust in the line above.
    pub checksum_returned: bool,
    /// The service may remove its probe's objects. Not needed: the bucket's policy may forbid deleting.
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
