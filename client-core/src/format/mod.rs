//! Stored objects, byte for byte: `docs/format.md`. Pure functions from bytes to values and back.

mod error;
mod header;
pub mod index;
pub mod manifest;
pub mod pack;
mod padding;
pub mod snapshot;

pub use error::{Format, FormatError};
pub use header::Recipients;
pub use padding::padme;

/// Largest stored object (64 MiB).
pub const MAX_OBJECT_LEN: usize = 64 * 1024 * 1024;
