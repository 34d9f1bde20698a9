//! Everything a Sealkeep device does: read, chunk, compress, encrypt, pack, upload, and the way back.
//!
//! The table of contents, in the order the data flows. `tests/layering.rs` holds who may import whom.

// words
pub mod clock;
pub mod device;
pub mod error;
pub mod event;
pub mod id;
pub mod patience;
pub mod process_guard;
mod secret;

// transform: pure, no I/O, no async, no clock
pub mod chunk;
pub mod encode;
pub mod records;
pub mod unwrap;

pub mod crypto;
pub mod format;
pub mod kit;

// ports: doors to the world, which never import each other
pub mod api;
pub mod keystore;
pub mod output;
pub mod source;
pub mod state;
pub mod store;

// the typed whole
pub mod vault;

// operations: one verb, one file
pub mod ops;
