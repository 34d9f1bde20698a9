//! What Sealkeep's clients and its metadata service must agree on: ids, error codes, request and response bodies,
//! the signed request, the signed snapshot envelope and the device directory.
//!
//! A leaf: no I/O, no clock, no randomness. Neither end may depend on the other, both depend on this.
//!
//! ```text
//!  client-core             this crate                    metadata-api
//!
//!  api    asks ----------> account, backup, vault -----> handlers
//!         reads <--------- the same; Problem <---------- error
//!
//!  api    signs ---------> signature (RFC 9421) -------> auth     verifies
//!
//!  format signs ---------> envelope: a snapshot's head > handlers verifies
//!  vault  verifies <------ the same bytes <------------- db       keeps
//!
//!  ops    signs ---------> directory: trusted devices -> db       verifies
//!  vault  verifies <------ the same bytes <------------- db       keeps
//!
//!  api    password ------> opaque: one OPAQUE suite ---> auth     learns no
//!                                                                 password
//! ```
//!
//! JSON carries ids as text and bytes as `Base64`. What is signed and kept, `envelope` and `directory`, is CBOR in
//! its one deterministic form (`canonical`): one changed byte breaks the signature. A device signs requests and
//! envelopes. The vault's signing root signs directory entries, so that the service cannot add a device.
//!
//! - Who, what, where: the types of `id`. An `ObjectId` is the SHA-256 of the object's bytes, an `ObjectKey` its
//!   place in a bucket.
//! - Why not: `ErrorCode`, one stable word; `Problem` is its JSON.
//! - A limit that both ends keep: a constant beside what it bounds, such as `backup::MAX_OBJECT_SIZE`.
//! - Text of foreign origin, for a terminal or a log: `unseen`.
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
