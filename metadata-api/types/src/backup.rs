//! The backup protocol: lease → grants → (PUT to the store) → confirm → commit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Base64, ObjectId, ObjectKind, RunId, SourceId, envelope::SignedEnvelope};

/// Lifetime of a lease, seconds. Devices renew it every hundred seconds, so a run survives a service outage of a
/// quarter of an hour.
pub const LEASE_SECS: i64 = 1200;
/// Lifetime of a presigned URL, seconds.
pub const URL_SECS: u64 = 900;
/// Maximum objects per batch.
pub const MAX_BATCH: usize = 256;
/// Largest object that gets an upload URL, bytes. A snapshot of a very large vault lists a million packs.
pub const MAX_OBJECT_SIZE: u64 = 64 * 1024 * 1024;

/// `POST /v1/vaults/{vault}/runs`. Repeating it with the same id renews the lease.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunStart {
    /// Chosen by the client, random.
    pub run_id: RunId,
    /// The source.
    pub source_id: SourceId,
}

/// Packs that existed when the lease was taken are not collected while it is held.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The run.
    pub run_id: RunId,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// An object that the device wants to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewObject {
    /// Its kind.
    pub kind: ObjectKind,
    /// Exact length, 1 to [`MAX_OBJECT_SIZE`] bytes; signed into the URL.
    #[schema(minimum = 1, maximum = 67_108_864)]
    pub size: u64,
    /// SHA-256 of its bytes; part of the signed URL and the object's name.
    pub id: ObjectId,
}

/// `POST /v1/vaults/{vault}/runs/{run}/objects`: 1 to [`MAX_BATCH`] objects.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantUpload {
    /// Asking again for the same object returns the same number and a fresh URL.
    #[schema(min_items = 1, max_items = 256)]
    pub objects: Vec<NewObject>,
}

/// Permission for exactly one upload: these bytes, this length, this key, 15 minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadGrant {
    /// Identifies the object within the vault; never reused.
    pub number: u32,
    /// The object.
    pub id: ObjectId,
    /// What is left to do.
    pub state: UploadState,
}

/// Whether the object has to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UploadState {
    /// Already confirmed; nothing to upload.
    Stored,
    /// To be uploaded.
    Put {
        /// Presigned PUT.
        url: String,
        /// Headers covered by the URL's signature; send exactly these, besides Host.
        headers: BTreeMap<String, String>,
        /// Seconds since 1970.
        expires_at: i64,
    },
}

/// Response to [`WantUpload`], in the same order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadGrants {
    /// One per object.
    pub grants: Vec<UploadGrant>,
}

/// `POST /v1/vaults/{vault}/runs/{run}/confirm`: the service asks the store for size and checksum.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// 1 to [`MAX_BATCH`] objects granted in this vault.
    #[schema(min_items = 1, max_items = 256)]
    pub objects: Vec<ObjectId>,
}

/// Response to [`Confirm`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// Stored as announced.
    pub stored: Vec<ObjectId>,
    /// Not in the store, or with a different size or checksum: ask for a new URL.
    pub absent: Vec<ObjectId>,
}

/// `POST /v1/vaults/{vault}/runs/{run}/commit`. Idempotent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The stored snapshot object.
    pub snapshot_id: ObjectId,
    /// The signed head, exactly as in that object.
    pub head: SignedEnvelope,
    /// Numbers of all packs that the snapshot needs, as a roaring bitmap in the portable format.
    pub packs: Base64,
    /// Bytes read from the source.
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    pub bytes_read: u64,
}

/// Response to [`Commit`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// As in [`crate::vault::SnapshotRow::position`].
    pub position: u64,
}

/// `POST /v1/vaults/{vault}/runs/{run}/abort`: ends the run without a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// One word, `[a-z_]{1,40}`; never text from the database.
    #[schema(pattern = "^[a-z_]{1,40}$")]
    pub failure: String,
    /// Bytes read from the source so far.
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    pub bytes_read: u64,
}
