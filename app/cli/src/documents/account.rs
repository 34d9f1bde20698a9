//! Documents about the account and its devices.

use std::path::PathBuf;

use api_types::Base64;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Mark, UnreadableId};

/// The account that this device is signed in to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "account")]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) account_id: String,
    pub(crate) vault_id: String,
    /// Where the vault is stored: `us`, `ca`, `eu`.
    pub(crate) region: String,
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    /// Where and how this device's keys are kept, in words.
    pub(crate) keys_kept_in: String,
}

/// Sign-up and sign-in print several documents, one a line. Each names its event.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(rename = "dialog")]
pub(crate) enum Dialog<'a> {
    /// The authenticator's key. A code from it is read next, unless it was given.
    Totp {
        /// For the authenticator app.
        otpauth_url: &'a str,
    },
    /// Each works once in place of a 6-digit code. They are shown only once.
    RecoveryCodes {
        /// All ten.
        codes: &'a [String],
    },
    /// They unlock the backups without any device. They are shown only once.
    RecoveryWords {
        /// 24 words, separated by blanks.
        words: &'a str,
    },
    /// Which words are read next, as a confirmation that they were written down.
    ConfirmWords {
        /// Three of them, counted from 1.
        positions: [usize; 3],
    },
    /// The result of `signup`.
    SignedUp {
        /// The new account.
        account: Account,
    },
    /// The result of `login`.
    SignedIn {
        /// The account.
        account: Account,
    },
}

/// The device is signed out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "logout")]
pub(crate) struct Logout {
    /// Always true.
    pub(crate) signed_out: bool,
    /// Whether the keys were removed, too (`--forget`).
    pub(crate) keys_removed: bool,
    /// Files and folders that were removed.
    pub(crate) removed: Vec<PathBuf>,
}

/// The devices of the account, including revoked ones.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "devices")]
pub(crate) struct Devices {
    pub(crate) devices: Vec<Device>,
}

/// One device.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "device")]
pub(crate) struct Device {
    pub(crate) keys: DeviceKeys,
    /// `null` while it waits for approval.
    pub(crate) role: Option<DeviceRole>,
    pub(crate) state: DeviceState,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// Its last request, seconds since 1970, to the hour; `null` if there was none.
    pub(crate) last_seen_at: Option<i64>,
}

/// A device's name and public keys.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "device_keys")]
pub(crate) struct DeviceKeys {
    pub(crate) device_id: String,
    pub(crate) name: String,
    /// Ed25519, in base64url.
    #[schemars(with = "String")]
    pub(crate) signing_key: Base64,
    /// X25519, in base64url.
    #[schemars(with = "String")]
    pub(crate) sealing_key: Base64,
}

/// Whether the service accepts a device's requests.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "device_state")]
pub(crate) enum DeviceState {
    /// Signed in, but its keys are not registered with the vault yet.
    Pending,
    /// They are.
    Active,
    /// It is blocked.
    Revoked,
}

/// What a device holds and may do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "device_role")]
pub(crate) enum DeviceRole {
    /// Backs up and restores.
    Full,
    /// Adds backups and reads none.
    BackupOnly,
}

/// A device was revoked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "devices_revoke")]
pub(crate) struct Revoked {
    /// Its id.
    pub(crate) revoked: String,
}

/// Account, device, service, and what is backed up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "status")]
pub(crate) struct Status {
    pub(crate) account: Account,
    /// The service's address.
    pub(crate) server: String,
    /// Where objects are stored.
    pub(crate) storage: String,
    pub(crate) server_version: String,
    pub(crate) sources: Vec<SourceStatus>,
    /// Snapshots that cannot be opened.
    pub(crate) unreadable: Vec<UnreadableId>,
    /// Size of the record lists on this device.
    pub(crate) record_lists_bytes: u64,
    pub(crate) index: Index,
}

/// What the local index knows.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "index")]
pub(crate) struct Index {
    pub(crate) chunks: u64,
    pub(crate) packs: u64,
}

/// A source that was backed up from any device.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "source_status")]
pub(crate) struct SourceStatus {
    /// Its name.
    pub(crate) source: String,
    /// `postgres`, `file`, `stdin`.
    pub(crate) kind: String,
    /// Where it was at its last backup: `host:port/database`, or a path.
    pub(crate) place: String,
    /// How many snapshots it has.
    pub(crate) snapshots: u64,
    /// The newest snapshot's id.
    pub(crate) last_snapshot: String,
    /// Seconds since 1970.
    pub(crate) last_created: i64,
    /// Size of its dump.
    pub(crate) last_bytes: u64,
    pub(crate) last_marks: Vec<Mark>,
}
