//! Everything a Sealkeep device does: read, chunk, compress, encrypt, pack, upload, and the way back. The command
//! and the window call `ops`. This crate prints nothing: results are returned, progress leaves as `event::Event`.
//!
//! ```text
//!  backup (ops/backup)                    restore (ops/restore)
//!
//!  database, file, pipe                   database, file, pipe
//!    |                                      ^ the last bytes wait until
//!  source  DumpStream, sentinel: a dump     | the dump's SHA-256 holds
//!    |     has an end of its own          output | source::RestoreSink
//!    |                                      ^
//!  unwrap  gzip -> content and a plan     unwrap  plan -> the same gzip
//!    |                                      ^
//!  chunk   Cutter; ChunkId, a keyed hash    |
//!    |                                      |
//!  state   stored already? --yes--+         |
//!    | no                         |         |
//!  records rows of the last dump  |         |
//!    |                            |         |
//!  encode  raw, zstd or recipe    |       encode  decode: plain bytes
//!    | \------- every id ---------+         ^
//!    |                            v         |
//!  vault   Packer <--pieces-- manifest    vault   ChunkReader
//!    |                                      ^
//!  format  PackWriter seals               format  PackReader opens
//!    |                                      ^
//!    |                                    vault   PackCache
//!    |                                      ^
//!  store   PUT ----> object store ----->  store   GET, SHA-256 compared
//!    |                                      ^
//!  format  index segment, snapshot        format  snapshot: which chunks, in
//!    |                                      ^     which packs
//!  api     commit: now it exists          vault   Directory, History
//! ```
//!
//! The stages of a backup are threads joined by bounded queues (`ops/backup/pipeline.rs`): a slow network slows the
//! dump, and memory does not grow. For each object `api` gets a presigned URL from the service; an upload counts
//! once the service has confirmed it. A restore begins at the bottom, with signatures, and reads only the packs
//! that the snapshot's signed body names; the index is a hint. Who sees bytes before the whole SHA-256 holds (a
//! database, a pipe) gets chunks that were compared with their ids.
//!
//! - One device: `ops::Client`, watched by an `event::Observer`. Its secrets: `device::DeviceSecrets` in a
//!   `keystore::KeyStore`.
//! - What is backed up: a `source::Source` of one of `source::ENGINES`. That a dump is whole: `source::Complete`.
//! - A vault's open keys: `vault::UnlockedVault`. AES-GCM and HKDF are named in `crypto/hazmat.rs` alone.
//! - Where a chunk lies: `state::StateDb`, a cache and journal. What the service showed before: `state::PinsDb`, no
//!   cache.
//! - The service: `api::HttpApi`. The bucket: `store::PresignedStore`. How long both are waited for:
//!   `patience::Patience`.
//! - What failed: `error::Error` in three sentences, `error::ErrorKind` in one word. What is stored:
//!   `docs/format.md`.
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
//! clock error event id net process_guard secret shell
//! ```

// words
pub mod clock;
pub mod device;
pub mod error;
pub mod event;
pub mod id;
mod net;
pub mod patience;
pub mod process_guard;
mod secret;
pub mod shell;

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
