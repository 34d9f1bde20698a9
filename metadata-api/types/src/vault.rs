//! A vault: its wrapped keys, its devices, its snapshots.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Base64, DeviceId, ObjectId, ObjectKind, Region, RunId, SnapshotId, SourceId, VaultId,
    device::DeviceKeys,
    directory::{DeviceRole, SignedDirectoryEntry},
    envelope::SignedEnvelope,
};

/// What an account may do in a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// May do everything.
    Owner,
    /// May do everything except transfer the vault.
    Admin,
    /// Backs up and restores.
    Operator,
    /// Reads metadata and the audit trail.
    Auditor,
}

/// `GET /v1/vaults/{vault}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultInfo {
    /// The vault.
    pub vault_id: VaultId,
    /// Storage region; cannot be changed later.
    pub region: Region,
    /// The caller's role.
    pub role: MemberRole,
    /// Scheme, host and port of every presigned URL for this vault. Clients pin it.
    pub storage_origin: String,
    /// The bucket's name.
    pub bucket: String,
    /// Set once the keys and the first directory entry are stored; until then backups are refused.
    pub ready: bool,
}

/// A kind of wrapped key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrapKind {
    /// The master key under the password and the account secret.
    Password,
    /// Master key, keyring and account secret under the recovery key, as an age file.
    Recovery,
    /// The keyring under the master key.
    Keyring,
}

impl WrapKind {
    /// The form used in paths and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Recovery => "recovery",
            Self::Keyring => "keyring",
        }
    }
}

/// Response to `GET /v1/vaults/{vault}/keys/{kind}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// Increases by one.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub version: u32,
    /// At most 64 KiB; opaque to the service.
    #[schema(schema_with = crate::schema::wrap)]
    pub bytes: Base64,
}

/// `POST /v1/vaults/{vault}/init`: stores the first keys and the first device atomically.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultInit {
    /// Ed25519 public key of the vault's signing root, 32 bytes; the service verifies the directory with it.
    #[schema(schema_with = crate::schema::bytes::<32>)]
    pub signing_root: Base64,
    /// [`WrapKind::Password`], version 1.
    #[schema(schema_with = crate::schema::wrap)]
    pub password: Base64,
    /// [`WrapKind::Recovery`], version 1.
    #[schema(schema_with = crate::schema::wrap)]
    pub recovery: Base64,
    /// [`WrapKind::Keyring`], version 1.
    #[schema(schema_with = crate::schema::wrap)]
    pub keyring: Base64,
    /// Entry 0: adds the calling device.
    pub directory: SignedDirectoryEntry,
}

/// `GET /v1/vaults/{vault}/directory`, and `POST` of one [`SignedDirectoryEntry`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// In order, from number 0.
    pub entries: Vec<SignedDirectoryEntry>,
}

/// Whether the service accepts a device's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// Signed in with password and second factor, but not in the directory yet.
    Pending,
    /// In the directory.
    Active,
    /// Refused on every route.
    Revoked,
}

/// One row of `GET /v1/vaults/{vault}/devices`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceInfo {
    /// Its public keys and name.
    pub keys: DeviceKeys,
    /// From the directory; none while pending.
    pub role: Option<DeviceRole>,
    /// Whether its requests are accepted.
    pub state: DeviceState,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Last request, seconds since 1970, to the hour.
    pub last_seen_at: Option<i64>,
}

/// `GET /v1/vaults/{vault}/devices`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// All devices, including revoked ones.
    pub devices: Vec<DeviceInfo>,
}

/// `POST /v1/vaults/{vault}/devices/{device}/revoke`: also ends the device's sessions at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeDevice {
    /// The directory entry that revokes the device; absent if it was never approved.
    pub directory: Option<SignedDirectoryEntry>,
}

/// One committed snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRow {
    /// The stored object.
    pub snapshot_id: SnapshotId,
    /// The signed head.
    pub head: SignedEnvelope,
    /// Commit order in the vault; pass the last one seen as `after`.
    pub position: u64,
}

/// `GET /v1/vaults/{vault}/snapshots?after=N&limit=M` (at most 1000 rows, oldest first)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshots {
    /// One page.
    pub snapshots: Vec<SnapshotRow>,
}

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectRow {
    /// Grant order in the vault; pass the last one seen as `after`.
    pub number: u32,
    /// SHA-256 of its bytes.
    pub id: ObjectId,
    /// Its kind.
    pub kind: ObjectKind,
    /// Length, bytes.
    pub size: u64,
}

/// `GET /v1/vaults/{vault}/objects?kind=index&after=N&limit=M` (at most 1000 rows): stored objects, oldest first
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// One page.
    pub objects: Vec<ObjectRow>,
}

/// `POST /v1/vaults/{vault}/objects/read-urls` (1–256 ids)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadUrls {
    /// Ids of objects in this vault.
    #[schema(min_items = 1, max_items = 256)]
    pub objects: Vec<ObjectId>,
}

/// Permission to download one object for 15 minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadGrant {
    /// The object.
    pub object: ObjectRow,
    /// Presigned GET.
    pub url: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// Response to [`ReadUrls`], in the same order. Ids that are not stored in this vault are omitted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadGrants {
    /// One per object.
    pub grants: Vec<ReadGrant>,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Its lease is still held.
    Running,
    /// It produced a snapshot.
    Committed,
    /// It ended without a snapshot.
    Failed,
}

/// One attempt to back up a source.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRow {
    /// The run.
    pub run_id: RunId,
    /// The source.
    pub source_id: SourceId,
    /// The device.
    pub device_id: DeviceId,
    /// Its state.
    pub state: RunState,
    /// Seconds since 1970.
    pub started_at: i64,
    /// Seconds since 1970.
    pub ended_at: Option<i64>,
    /// Bytes read from the source.
    pub bytes_read: Option<u64>,
    /// Bytes of the objects stored for it.
    pub bytes_stored: u64,
    /// A word from the client for why it failed, such as `dump_failed`; never text from the database.
    pub failure: Option<String>,
    /// The snapshot it produced.
    pub snapshot_id: Option<SnapshotId>,
}

/// `GET /v1/vaults/{vault}/runs?limit=M` (at most 1000 rows, newest first)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// One page.
    pub runs: Vec<RunRow>,
}

/// Minimum number of a vault's newest audit rows that are kept; older ones are deleted. A trail that does not begin
/// with row 1 has at least as many rows.
pub const AUDIT_KEPT: u64 = 10_000;

/// One event of the append-only audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Position in the vault's chain, counting from 1 without gaps.
    pub position: u64,
    /// The exact CBOR that was hashed.
    pub event: Base64,
    /// SHA-256(hash of the previous row ‖ event); 32 bytes.
    pub hash: Base64,
}

/// `GET /v1/vaults/{vault}/audit?after=N&limit=M` (at most 1000 rows, oldest first)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// One page.
    pub events: Vec<AuditRow>,
}
