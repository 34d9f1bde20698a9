//! Everything a Sealkeep device does: read, chunk, compress, encrypt, pack, upload, and the way back.
//!
//! ```text
//!        database, file, pipe                        database, file, pipe
//!               |                                             ^
//!  source       v   DumpStream: ends in Complete or an error  |  RestoreSink
//!  unwrap   compressed dumps are taken apart          and put together again
//!               |                                             ^
//!  chunk    FastCDC cuts by content                           |
//!  crypto   a keyed hash names each chunk       ... and is compared with it
//!  state    known already? then it is only named              |
//!  records  rows of the last dump are copied                  |
//!  encode   compress, or a recipe from other chunks        decode
//!  crypto   AES-256-GCM under the chunk's key               decrypt
//!  format   pack, manifest, snapshot: byte by byte        parse, checked
//!               |                                             ^
//!  vault    Packer                            ChunkReader <- PackCache
//!               |                                             ^
//!  api      asks for a URL <---- metadata service ----> asks for a URL
//!  store        +---- PUT ----> S3-compatible store ---- GET -+
//! ```
//!
//! `ops` holds one operation a file and starts the tasks: a backup is `ops/backup` (`reading` runs source and uploads
//! side by side, `pipeline` joins the stages by bounded queues, `commit` signs the snapshot), a restore is `ops/restore`
//! (`order` says which chunks come when, `sink` writes and commits).
//!
//! Where to begin: [`ops::Client`] is a device, [`source::AnySource`] what is backed up, [`vault::UnlockedVault`] the
//! keys, [`store::PresignedStore`] the bytes, [`error::Error`] what a person is told.
//!
//! What is stored is decided in `format` and described in `docs/format.md`; only `crypto/hazmat.rs` touches a cipher.
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
