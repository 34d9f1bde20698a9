//! Recovery codes, as they are shown once and as they are kept.

/// Ten fresh recovery codes of 80 bits: as text, and as the hashes to keep.
pub(crate) struct RecoveryCodes {
    pub(crate) texts: Vec<String>,
    pub(crate) salt: [u8; 16],
    pub(crate) hashes: Vec<[u8; 32]>,
}
