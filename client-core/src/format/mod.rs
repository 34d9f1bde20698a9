//! Stored objects, byte for byte, as in `docs/format.md`. Pure functions from bytes to values and back.

mod error;
mod header;
pub mod index;
pub mod manifest;
mod needs;
mod origin;
pub mod pack;
mod padding;
pub mod snapshot;
mod snapshot_body;

pub use error::{Format, FormatError};
pub use header::Recipients;
pub use padding::padme;

/// Maximum size of a stored object (64 MiB).
pub const MAX_OBJECT_LEN: usize = 64 * 1024 * 1024;

/// Parsers of sealed content, for fuzzing: what someone with the keys could feed them.
#[doc(hidden)]
pub mod behind_the_seal {
    use super::{FormatError, index, pack, snapshot};

    /// A pack's opened directory; its records are between `start` and `limit`.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn directory(plain: &[u8], start: u64, limit: u64) -> Result<Vec<pack::PackEntry>, FormatError> {
        pack::read_directory(plain, start, limit).map(|(entries, _)| entries)
    }

    /// An index segment's opened content.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn segment(cbor: &[u8]) -> Result<Vec<index::IndexedPack>, FormatError> {
        index::from_cbor(cbor)
    }

    /// A snapshot body's opened content.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn snapshot(cbor: &[u8]) -> Result<snapshot::SnapshotBody, FormatError> {
        snapshot::SnapshotBody::from_cbor(cbor)
    }
}
