//! The backup conversation: lease → grants → (PUT to the store) → confirm → commit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BackupId, Base64, ObjectId, ObjectKind, SourceId, envelope::SignedEnvelope};

/// Seconds that a lease lasts. Devices renew it every hundred seconds, so that a service that was away for a quarter of an hour
/// still knows the run.
pub const LEASE_SECS: i64 = 1200;
/// Seconds that a presigned URL works.
pub const URL_SECS: u64 = 900;
/// Objects per batch, at most.
pub const MAX_BATCH: usize = 256;
/// Largest object that a URL is issued for, bytes. A snapshot of a very large vault lists a million packs.
pub const MAX_OBJECT_SIZE: u64 = 64 * 1024 * 1024;

/// `POST /v1/vaults/{vault}/backups`. Repeating it with the same id renews the lease.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupStart {
    /// Chosen by the client, random.
    pub backup_id: BackupId,
    /// What is backed up.
    pub source_id: SourceId,
}

/// Packs that stood when the lease was taken are not collected while it is held.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Which attempt.
    pub backup_id: BackupId,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// An object that the device wants to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Exact length, 1 to [`MAX_OBJECT_SIZE`] bytes; signed into the URL.
    #[schema(minimum = 1, maximum = 67_108_864)]
    pub size: u64,
    /// SHA-256 of its bytes; signed into the URL and the object's name.
    pub id: ObjectId,
}

/// `POST /v1/vaults/{vault}/backups/{backup}/objects`: 1 to [`MAX_BATCH`] objects.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantUpload {
    /// Asking again for the same object gives the same number and a fresh URL.
    #[schema(min_items = 1, max_items = 256)]
    pub objects: Vec<NewObject>,
}

/// Permission for exactly one upload: these bytes, this length, this place, 15 minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadGrant {
    /// Names the object in this vault; never reused.
    pub number: u32,
    /// Which object.
    pub id: ObjectId,
    /// What to do.
    pub state: UploadState,
}

/// Whether bytes have to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UploadState {
    /// Confirmed before: nothing to send.
    Stored,
    /// Send it.
    Put {
        /// Presigned PUT.
        url: String,
        /// Headers that the URL signs; send exactly these, besides Host.
        headers: BTreeMap<String, String>,
        /// Seconds since 1970.
        expires_at: i64,
    },
}

/// Answer to [`WantUpload`], same order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadGrants {
    /// One each.
    pub grants: Vec<UploadGrant>,
}

/// `POST /v1/vaults/{vault}/backups/{backup}/confirm`: the service asks the store for size and checksum.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// 1 to [`MAX_BATCH`] objects granted in this vault.
    #[schema(min_items = 1, max_items = 256)]
    pub objects: Vec<ObjectId>,
}

/// Answer to [`Confirm`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// Stored as announced.
    pub stored: Vec<ObjectId>,
    /// Not at the store, or with another size or checksum: ask for a new URL.
    pub absent: Vec<ObjectId>,
}

/// `POST /v1/vaults/{vault}/backups/{backup}/commit`. Repeating it answers the same.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The stored snapshot object.
    pub snapshot_id: ObjectId,
    /// The signed head, as it stands in that object.
    pub head: SignedEnvelope,
    /// Numbers of every pack that the snapshot needs: a roaring bitmap in its portable serialisation.
    pub packs: Base64,
    /// Bytes that the source delivered.
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    pub bytes_read: u64,
}

/// Answer to [`Commit`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// As in [`crate::vault::SnapshotRow::position`].
    pub position: u64,
}

/// `POST /v1/vaults/{vault}/backups/{backup}/abort`: the run is over without a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// One word, `[a-z_]{1,40}`; never text from the database.
    #[schema(pattern = "^[a-z_]{1,40}$")]
    pub failure: String,
    /// Bytes that the source had delivered.
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    pub bytes_read: u64,
}
