//! What Sealkeep's clients and its metadata service must agree on: ids, error codes, request and
//! response bodies, the signed request, the signed snapshot envelope and the device directory.
//!
//! A leaf: no I/O, no clock, no randomness. Neither end may depend on the other, both depend on this.
//!
//! ```text
//!  client-core ---- account, backup, vault: bodies of requests ---- metadata-api
//!       |           device, directory, envelope: signed by devices        |
//!       |           signature: what of a request is signed                |
//!       +---------> canonical: the one encoding that signatures cover <---+
//! ```
//!
//! ```text
//! layers
//! account
//! backup error_code vault
//! device directory envelope opaque puzzle
//! bytes region signature
//! canonical id schema unseen
//! ```

pub mod id;

pub mod schema;

pub mod bytes;
pub mod canonical;
pub mod error_code;
pub mod region;
pub mod unseen;

pub mod opaque;
pub mod puzzle;
pub mod signature;

pub mod device;
pub mod directory;
pub mod envelope;

pub mod account;
pub mod backup;
pub mod vault;

pub use bytes::Base64;
pub use error_code::{ErrorCode, Problem};
pub use id::{
    AccountId, BackupId, DeviceId, HeadHash, LoginId, ObjectId, ObjectKey, ObjectKind, SessionId, Sha256,
    SignupId, SnapshotId, SourceId, VaultId,
};
pub use region::Region;
