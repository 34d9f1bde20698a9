//! The caller's stages. Each gate consumes the proof of the one before: `Bearer` (token issued here) → `Signed` (by the
//! token's device, fresh, not replayed, session alive) → `Tenant` (member of the vault, device admitted). There is no
//! stage before the second factor: tokens exist only after it.

use api_types::{
    AccountId, DeviceId, ErrorCode, Region, SessionId, VaultId,
    directory::DeviceRole,
    vault::{DeviceState, MemberRole},
};

/// A caller and what is proven about them.
#[derive(Debug, Clone)]
pub struct Caller<Stage> {
    /// The account.
    pub account: AccountId,
    /// The device that the token is bound to.
    pub device: DeviceId,
    /// The session.
    pub session: SessionId,
    /// The last proof.
    pub stage: Stage,
}

/// The token was issued here, for this region, and has not expired.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The account's region, from the token's audience.
    pub region: Region,
    /// RFC 7638 thumbprint of the device's key.
    pub jkt: String,
    /// The whole `Authorization` header, which the signature covers.
    pub authorization: String,
}

/// The device signed this request; session and device are valid.
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    /// The account's region.
    pub region: Region,
}

/// A member of the vault.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The vault.
    pub vault: VaultId,
    /// Its region.
    pub vault_region: Region,
    /// The account's role in it.
    pub member: MemberRole,
    /// Whether keys and directory are stored.
    pub ready: bool,
    /// Ed25519 key that signs the directory; set once the vault is ready.
    pub signing_root: Option<Vec<u8>>,
    /// The device's state in the vault.
    pub device_state: DeviceState,
    /// The device's role in the directory.
    pub device_role: Option<DeviceRole>,
}

/// What a route requires besides membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read metadata: every member, on a device in the directory.
    Read,
    /// Read the audit trail and the devices: every member, but not on backup-only devices.
    Oversee,
    /// Add backups: not for auditors.
    Backup,
    /// Fetch objects and wrapped keys: not for auditors, not on backup-only devices.
    Restore,
    /// Change directory and devices: owners and admins, not on backup-only devices.
    Manage,
    /// Open the recovery wrap with the recovery words: whoever may restore, also on a pending device.
    Join,
    /// Store a vault's first keys: owners and admins, once, on a pending device.
    Initialize,
}

impl Tenant {
    /// Requires that this member has the right on this device.
    ///
    /// # Errors
    /// `forbidden`; `device_not_approved` or `vault_not_ready` if only the directory entry is missing.
    pub fn require(&self, right: Right) -> Result<(), ErrorCode> {
        let waiting = self.device_state == DeviceState::Pending;
        let full = self.device_state == DeviceState::Active && self.device_role == Some(DeviceRole::Full);
        let restores = self.member != MemberRole::Auditor;
        let manages = matches!(self.member, MemberRole::Owner | MemberRole::Admin);
        if waiting && !matches!(right, Right::Join | Right::Initialize) {
            return Err(if self.ready { ErrorCode::DeviceNotApproved } else { ErrorCode::VaultNotReady });
        }
        let allowed = match right {
            Right::Read => true,
            Right::Oversee => full,
            Right::Backup => restores,
            Right::Restore => restores && full,
            Right::Manage => manages && full,
            Right::Join => restores && (full || waiting),
            Right::Initialize => manages,
        };
        if allowed { Ok(()) } else { Err(ErrorCode::Forbidden) }
    }

    /// Whether the device is waiting for its directory entry.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.device_state == DeviceState::Pending
    }

    /// Whether the member may change the directory, regardless of the device.
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
        for right in [Right::Backup, Right::Restore, Right::Manage, Right::Join, Right::Initialize] {
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
