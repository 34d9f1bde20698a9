//! Everything a Sealkeep device does: read, chunk, compress, encrypt, pack, upload, and restore. The CLI and the
//! desktop app call `ops`. This crate prints nothing: it returns results and reports progress as `event::Event`.
//!
//! ```text
//!  backup (ops/backup)                    restore (ops/restore)
//!
//!  database, file, pipe                   database, file, pipe
//!    |                                      ^ the last bytes wait until
//!  source  DumpStream, completeness: a    | the dump's SHA-256 matches
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
//! dump down instead of filling memory. `api` gets a presigned URL from the service for each object; an upload counts
//! once the service has confirmed it. A restore starts at the bottom of the drawing, with signatures, and reads only
//! the packs named in the snapshot's signed body; the index is a hint. Targets that receive bytes before the SHA-256
//! of the whole dump is verified (a database, a pipe) receive chunks already checked against their ids.
//!
//! - One device: `ops::Client`, observed by an `event::Observer`. Its secrets: `device::DeviceSecrets` in a
//!   `keystore::KeyStore`.
//! - What is backed up: a `source::Source` from one of `source::ENGINES`. Proof that a dump is complete:
//!   `source::Complete`.
//! - A vault's unlocked keys: `vault::UnlockedVault`. Only `crypto/hazmat.rs` uses AES-GCM and HKDF directly.
//! - Where a chunk is stored: `state::StateDb`, a cache and journal. What the service showed earlier: `state::PinsDb`,
//!   which is not a cache.
//! - The service: `api::HttpApi`. The bucket: `store::PresignedStore`. How long to wait for them:
//!   `patience::Patience`.
//! - Failures: `error::Error` has three sentences, `error::ErrorKind` is one word. The storage format:
//!   `docs/format.md`.
//!
//! What each layer may import: a line may use the lines below it. `tests/tests/rules/layers.rs` enforces this.
//!
//! ```text
//! layers
//! ops                              one verb, one file
//! vault                            the typed whole
//! api keystore state               the outside: service, keys, files; they never import each other
//! source device
//! format recovery_kit records unwrap
//! crypto encode store
//! chunk output patience
//! clock error event net process_guard secret shell size
//! id
//! text
//! ```

// what everything uses
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
pub mod size;
pub mod text;

// down the drawing: a dump comes in …
pub mod source;

pub mod unwrap;

pub mod chunk;

// … is compared with what is stored …
pub mod state;

pub mod records;

// … and leaves encrypted
pub mod encode;

pub mod crypto;

pub mod format;

pub mod store;

pub mod api;

// around it: where keys are kept, how they are printed, where restored files go
pub mod keystore;
pub mod output;
pub mod recovery_kit;

// the layers above, combined
pub mod vault;

// what a user asks for
pub mod ops;
