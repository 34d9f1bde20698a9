//! Recovery codes, as shown once and as stored.

/// Ten fresh 80-bit recovery codes: as text, and as the hashes to store.
pub(crate) struct RecoveryCodes {
    pub(crate) texts: Vec<String>,
    pub(crate) salt: [u8; 16],
    pub(crate) hashes: Vec<[u8; 32]>,
}
