//! Keyed hashes of records.

use siphasher::sip128::SipHasher13;

use zeroize::Zeroizing;

use crate::chunk::ChunkIdKey;

const HASH_CONTEXT: &str = "sealkeep 2026-11 v1 record hash";
const LIST_CONTEXT: &str = "sealkeep 2026-11 v1 record list";

/// 128-bit SipHash-1-3 of a record, with a domain's key. Records with equal hashes are assumed to have the same bytes:
/// see `docs/threat-model.md` for the argument.
pub type RecordHash = u128;

/// Keys of a deduplication domain's record lists.
pub struct RecordKeys {
    hasher: SipHasher13,
    list: Zeroizing<[u8; 32]>,
}

impl RecordKeys {
    /// Derived from the key for chunk ids, so that a device without it cannot create a useful list.
    #[must_use]
    pub fn new(key: &ChunkIdKey) -> Self {
        let hash = Zeroizing::new(blake3::derive_key(HASH_CONTEXT, key.expose()));
        let mut half = Zeroizing::new([0; 16]);
        half.copy_from_slice(&hash[..16]);
        let list = Zeroizing::new(blake3::derive_key(LIST_CONTEXT, key.expose()));
        Self { hasher: SipHasher13::new_with_key(&half), list }
    }

    /// A record's hash.
    #[must_use]
    pub fn record(&self, bytes: &[u8]) -> RecordHash {
        self.hasher.hash(bytes).as_u128()
    }

    /// Authenticates one part of a list.
    pub(super) fn tag(&self, nonce: &[u8; 16], part: u64, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.list);
        hasher.update(nonce).update(&part.to_le_bytes()).update(bytes);
        let mut tag = [0; 16];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }
}
