//! Who asks. Each gate consumes the proof of the one before: `Bearer` (a token of ours) → `Signed` (by the device that
//! the token is bound to, fresh, not replayed, session alive) → `Tenant` (member of the vault, device let in there).
//! There is no stage before the second factor: tokens exist only after it.

use api_types::{
    AccountId, DeviceId, ErrorCode, Region, SessionId, VaultId,
    directory::DeviceRole,
    vault::{DeviceState, MemberRole},
};

/// A caller, as far as proven.
#[derive(Debug, Clone)]
pub struct Caller<Stage> {
    /// Whose session.
    pub account: AccountId,
    /// Which device, bound to the token.
    pub device: DeviceId,
    /// Which session.
    pub session: SessionId,
    /// What was proven last.
    pub stage: Stage,
}

/// The token is ours, in date and for here.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The account's region by the token's audience.
    pub region: Region,
    /// RFC 7638 thumbprint of the device's key.
    pub jkt: String,
    /// The whole `Authorization` header: the signature covers it.
    pub authorization: String,
}

/// The device signed this request, and session and device stand.
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    /// The account's region.
    pub region: Region,
}

/// A member of the vault.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Which vault.
    pub vault: VaultId,
    /// Where its data lives.
    pub vault_region: Region,
    /// What the account may do there.
    pub member: MemberRole,
    /// Whether keys and directory are stored.
    pub ready: bool,
    /// Ed25519 key that signs the directory; set when ready.
    pub signing_root: Option<Vec<u8>>,
    /// Whether the vault lets the device in.
    pub device_state: DeviceState,
    /// What the directory lets it do.
    pub device_role: Option<DeviceRole>,
}

/// What a route needs beside membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read metadata: every member, on a device of the directory.
    Read,
    /// Read who did what and with which devices: every member, not from backup-only devices.
    Oversee,
    /// Add backups: not auditors.
    Backup,
    /// Fetch objects and wrapped keys: not auditors, not backup-only devices.
    Restore,
    /// Change directory and devices: owners and admins, not from backup-only devices.
    Manage,
    /// Open the recovery wrap with the words: who may restore, also on a device that waits for its directory entry.
    Join,
    /// Store a vault's first keys: owners and admins, once, on a device that waits.
    Initialise,
}

impl Tenant {
    /// Whether this member on this device has the right.
    ///
    /// # Errors
    /// `forbidden`; `device_not_approved` or `vault_not_ready` where only the directory's word is missing.
    pub fn require(&self, right: Right) -> Result<(), ErrorCode> {
        let waiting = self.device_state == DeviceState::Pending;
        let full = self.device_state == DeviceState::Active && self.device_role == Some(DeviceRole::Full);
        let restores = self.member != MemberRole::Auditor;
        let manages = matches!(self.member, MemberRole::Owner | MemberRole::Admin);
        if waiting && !matches!(right, Right::Join | Right::Initialise) {
            return Err(if self.ready { ErrorCode::DeviceNotApproved } else { ErrorCode::VaultNotReady });
        }
        let allowed = match right {
            Right::Read => true,
            Right::Oversee => full,
            Right::Backup => restores,
            Right::Restore => restores && full,
            Right::Manage => manages && full,
            Right::Join => restores && (full || waiting),
            Right::Initialise => manages,
        };
        if allowed { Ok(()) } else { Err(ErrorCode::Forbidden) }
    }

    /// Whether the device waits for its directory entry.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.device_state == DeviceState::Pending
    }

    /// Whether the member may change the directory, whatever the device.
    #[must_use]
    pub fn manages(&self) -> bool {
        matches!(self.member, MemberRole::Owner | MemberRole::Admin)
    }
}

impl<S> Caller<S> {
    pub(crate) fn advance<T>(&self, stage: T) -> Caller<T> {
        Caller { account: self.account, device: self.device, session: self.session, stage }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rights_of_members_and_devices() {
        let tenant = |member, device_role| Tenant {
            vault: VaultId::from_bytes([0; 16]),
            vault_region: Region::Eu,
            member,
            ready: true,
            signing_root: None,
            device_state: DeviceState::Active,
            device_role: Some(device_role),
        };
        let auditor = tenant(MemberRole::Auditor, DeviceRole::Full);
        auditor.require(Right::Read).unwrap();
        auditor.require(Right::Oversee).unwrap();
        for right in [Right::Backup, Right::Restore, Right::Manage, Right::Join, Right::Initialise] {
            assert_eq!(auditor.require(right), Err(ErrorCode::Forbidden));
        }
        let operator = tenant(MemberRole::Operator, DeviceRole::Full);
        operator.require(Right::Restore).unwrap();
        assert_eq!(operator.require(Right::Manage), Err(ErrorCode::Forbidden));
        let agent = tenant(MemberRole::Owner, DeviceRole::BackupOnly);
        agent.require(Right::Backup).unwrap();
        for right in [Right::Restore, Right::Manage, Right::Join, Right::Oversee] {
            assert_eq!(agent.require(right), Err(ErrorCode::Forbidden));
        }
        let waiting = Tenant {
            device_state: DeviceState::Pending,
            device_role: None,
            ..tenant(MemberRole::Owner, DeviceRole::Full)
        };
        waiting.require(Right::Join).unwrap();
        for right in [Right::Read, Right::Oversee, Right::Backup, Right::Restore, Right::Manage] {
            assert_eq!(waiting.require(right), Err(ErrorCode::DeviceNotApproved));
        }
    }
}
