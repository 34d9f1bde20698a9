//! A vault: its keys as the service holds them (wrapped), its devices, its snapshots.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BackupId, Base64, DeviceId, ObjectId, ObjectKind, Region, SnapshotId, SourceId, VaultId,
    device::DeviceKeys,
    directory::{DeviceRole, SignedDirectoryEntry},
    envelope::SignedEnvelope,
};

/// What an account may do in a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Everything.
    Owner,
    /// Everything but handing the vault over.
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
    /// Which vault.
    pub vault_id: VaultId,
    /// Where its data lives, for ever.
    pub region: Region,
    /// The caller's role.
    pub role: MemberRole,
    /// Scheme, host and port of every presigned URL of this vault. Clients pin it.
    pub storage_origin: String,
    /// The bucket's name there.
    pub bucket: String,
    /// Set once keys and the first directory entry are stored; backups are refused before.
    pub ready: bool,
}

/// Which sealed key material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrapKind {
    /// The master key under password and account secret.
    Password,
    /// Master key, keyring and account secret under the recovery key: an age file.
    Recovery,
    /// The keyring under the master key.
    Keyring,
}

impl WrapKind {
    /// As in paths and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Recovery => "recovery",
            Self::Keyring => "keyring",
        }
    }
}

/// `GET` and `PUT /v1/vaults/{vault}/keys/{kind}`. A PUT carries the version after the stored one
/// (1 at first), else `version_conflict`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// Counts up by one.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub version: u32,
    /// At most 64 KiB; opaque to the service.
    #[schema(schema_with = crate::schema::wrap)]
    pub bytes: Base64,
}

/// `POST /v1/vaults/{vault}/init`: the first keys and the first device, together or not at all.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultInit {
    /// Ed25519 public key of the vault's signing root, 32 bytes; the service checks the directory with it.
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
    /// From number 0.
    pub entries: Vec<SignedDirectoryEntry>,
}

/// Whether the service lets a device in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// Signed in with password and second factor, not in the directory yet.
    Pending,
    /// In the directory.
    Active,
    /// Refused everywhere.
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
    /// Whether it is let in.
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
    /// All, revoked ones too.
    pub devices: Vec<DeviceInfo>,
}

/// `POST /v1/vaults/{vault}/devices/{device}/revoke`: ends its sessions at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeDevice {
    /// The directory entry that revokes it; absent for a device that was never approved.
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
    /// Order of commits in the vault; pass the last one seen as `after`.
    pub position: u64,
}

/// `GET /v1/vaults/{vault}/snapshots?after=N&limit=M` (at most 1000 rows, oldest first)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshots {
    /// A page.
    pub snapshots: Vec<SnapshotRow>,
}

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectRow {
    /// Order of grants in the vault; pass the last one seen as `after`.
    pub number: u32,
    /// SHA-256 of its bytes.
    pub id: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// Bytes.
    pub size: u64,
}

/// `GET /v1/vaults/{vault}/objects?kind=index&after=N&limit=M` (at most 1000 rows): stored objects, oldest first
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// A page.
    pub objects: Vec<ObjectRow>,
}

/// `POST /v1/vaults/{vault}/objects/read-urls` (1–256 ids)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadUrls {
    /// Objects of this vault.
    #[schema(min_items = 1, max_items = 256)]
    pub objects: Vec<ObjectId>,
}

/// Permission to fetch one object for 15 minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadGrant {
    /// Which object.
    pub object: ObjectRow,
    /// Presigned GET.
    pub url: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// Answer to [`ReadUrls`], same order. An id that is not stored here is left out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadGrants {
    /// One each.
    pub grants: Vec<ReadGrant>,
}

/// How a run ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Its lease is held.
    Running,
    /// It became a snapshot.
    Committed,
    /// It ended without one.
    Failed,
}

/// One attempt to back up a source.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRow {
    /// Which attempt.
    pub backup_id: BackupId,
    /// Of what.
    pub source_id: SourceId,
    /// By whom.
    pub device_id: DeviceId,
    /// How it ended.
    pub state: RunState,
    /// Seconds since 1970.
    pub started_at: i64,
    /// Seconds since 1970.
    pub ended_at: Option<i64>,
    /// Bytes that the source delivered.
    pub bytes_read: Option<u64>,
    /// Bytes of the objects stored for it.
    pub bytes_stored: u64,
    /// A word of the client's for why it failed, such as `dump_failed`; never text from the database.
    pub failure: Option<String>,
    /// What it became.
    pub snapshot_id: Option<SnapshotId>,
}

/// `GET /v1/vaults/{vault}/backups?limit=M` (at most 1000 rows, newest first)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// A page.
    pub runs: Vec<RunRow>,
}

/// So many of a vault's newest audit rows are kept at least; older ones are forgotten. A trail that begins later than
/// with row 1 has as many rows.
pub const AUDIT_KEPT: u64 = 10_000;

/// One event of the append-only audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Order in the vault's chain, from 1 without gaps.
    pub position: u64,
    /// The exact CBOR that was hashed.
    pub event: Base64,
    /// SHA-256(hash of the row before ‖ event); 32 bytes.
    pub hash: Base64,
}

/// `GET /v1/vaults/{vault}/audit?after=N&limit=M` (at most 1000 rows, oldest first)
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// A page.
    pub events: Vec<AuditRow>,
}
