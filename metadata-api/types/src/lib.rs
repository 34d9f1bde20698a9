//! Everything that Sealkeep's clients and its metadata service must agree on: ids, error codes, request and response
//! bodies, the signed request, the signed snapshot envelope and the device directory.
//!
//! A leaf crate: no I/O, no clock, no randomness. Client and service depend on it, and neither on the other.
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
//! JSON carries ids as text and bytes as `Base64`. `envelope` and `directory` are signed and stored as deterministic
//! CBOR (`canonical`): changing a byte breaks the signature. Devices sign requests and envelopes; the vault's signing
//! root signs directory entries, so that the service cannot add a device.
//!
//! - Identifiers: `id`. An `ObjectId` is the SHA-256 of the object's bytes, an `ObjectKey` its key in a bucket.
//! - Errors: `ErrorCode` is stable; `Problem` is its JSON.
//! - Shared limits: constants next to what they bound, such as `backup::MAX_OBJECT_SIZE`.
//! - Untrusted text for a terminal or a log: `unseen`.
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
    AccountId, DeviceId, HeadHash, ObjectId, ObjectKey, ObjectKind, RunId, SessionId, Sha256, SignInId,
    SignUpId, SnapshotId, SourceId, VaultId,
};
pub use region::Region;
