//! Everything a Sealkeep device does: read, chunk, compress, encrypt, pack, upload, and the way back.
//!
//! What each layer may import stands below it; a test (`tests/tests/rules/layers.rs`) compares this with the code.
//!
//! ```text
//! layers
//! ops                              one verb, one file
//! vault                            the typed whole
//! api keystore state               doors to the world, which never import each other
//! source device
//! format kit records unwrap
//! crypto encode store
//! chunk output patience
//! clock error event id process_guard secret
//! ```

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
