//! The device directory as verified by this client: from entry 0 on, and never shorter than before.

use std::collections::BTreeMap;

use api_types::{
    DeviceId, Sha256, VaultId,
    directory::{DeviceRole, DirectoryOp, Refused, SignedDirectoryEntry},
};
use ed25519_dalek::VerifyingKey;

use crate::{
    device::DirectoryPin,
    text,
    text::{Text, told},
};

/// A device in the vault's directory, possibly revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedDevice {
    /// Verifies its snapshots and index segments.
    pub signing_key: VerifyingKey,
    /// Its role, which limits what it may hold.
    pub role: DeviceRole,
    /// Whether it was revoked. What it signed before stays valid.
    pub revoked: bool,
}

/// Why the service's directory is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// An entry is malformed, unsigned or out of order.
    Entry(#[from] Refused),
    /// Not a valid device key.
    Key(u64),
    /// Fewer entries than before.
    Shortened {
        /// Number seen before.
        pinned: u64,
        /// Number shown now.
        found: u64,
    },
    /// Other entries than before.
    Forked(u64),
}

told!(DirectoryError);

impl DirectoryError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Entry(Refused::Malformed(detail)) => text!("malformed directory entry: {detail}", detail),
            Self::Entry(Refused::Version(version)) => {
                text!("directory entry of version {version}; this program reads version 1", version)
            }
            Self::Entry(Refused::Signature(number)) => {
                text!("directory entry {number} is not signed by this vault", number)
            }
            Self::Entry(Refused::Chain(number)) => {
                text!("directory entry {number} does not follow the one before", number)
            }
            Self::Key(number) => text!("directory entry {number} contains an unusable key", number),
            Self::Shortened { pinned, found } => {
                text!("the device directory has {found} entries; {pinned} were seen before", found, pinned)
            }
            Self::Forked(number) => text!(
                "the device directory differs from the one seen before, at entry {number} or earlier",
                number
            ),
        }
    }
}

/// The verified directory of one vault.
#[derive(Debug, Clone)]
pub struct Directory {
    devices: BTreeMap<DeviceId, TrustedDevice>,
    pin: DirectoryPin,
}

impl Directory {
    /// Verifies a whole chain with the vault's signing root and against what was seen before.
    ///
    /// # Errors
    /// [`DirectoryError`] describes the problem.
    pub fn verify(
        vault: VaultId,
        root: &VerifyingKey,
        entries: &[SignedDirectoryEntry],
        pinned: Option<DirectoryPin>,
    ) -> Result<Self, DirectoryError> {
        let mut devices = BTreeMap::new();
        let mut last = None;
        for signed in entries {
            let entry = signed.verify_after(vault, last, root)?;
            let hash = signed.hash();
            if pinned.is_some_and(|p| p.len == entry.number + 1 && p.hash != hash) {
                return Err(DirectoryError::Forked(entry.number));
            }
            last = Some((entry.number, hash));
            match entry.op {
                DirectoryOp::Add => {
                    let signing_key = VerifyingKey::from_bytes(&entry.signing_key)
                        .ok()
                        .filter(|key| !key.is_weak())
                        .ok_or(DirectoryError::Key(entry.number))?;
                    let device = TrustedDevice { signing_key, role: entry.role, revoked: false };
                    devices.insert(entry.device, device);
                }
                DirectoryOp::Revoke => {
                    if let Some(device) = devices.get_mut(&entry.device) {
                        device.revoked = true;
                    }
                }
            }
        }
        let (len, hash) = last.map_or((0, Sha256::new([0; 32])), |(n, hash)| (n + 1, hash));
        match pinned {
            Some(p) if len < p.len => Err(DirectoryError::Shortened { pinned: p.len, found: len }),
            _ => Ok(Self { devices, pin: DirectoryPin { len, hash } }),
        }
    }

    /// The directory before it was first fetched.
    #[must_use]
    pub(crate) const fn empty() -> Self {
        Self { devices: BTreeMap::new(), pin: DirectoryPin { len: 0, hash: Sha256::new([0; 32]) } }
    }

    /// What to remember.
    #[must_use]
    pub const fn pin(&self) -> DirectoryPin {
        self.pin
    }

    /// What `verify_after` expects of the next entry.
    #[must_use]
    pub fn last(&self) -> Option<(u64, Sha256)> {
        self.pin.len.checked_sub(1).map(|number| (number, self.pin.hash))
    }

    /// A device, including revoked ones.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&TrustedDevice> {
        self.devices.get(id)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::directory::DirectoryEntry;
    use ed25519_dalek::SigningKey;

    use super::*;

    const VAULT: VaultId = VaultId::from_bytes([1; 16]);

    fn root() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn entry(number: u64, previous: Sha256, op: DirectoryOp, device: u8) -> SignedDirectoryEntry {
        let entry = DirectoryEntry {
            vault: VAULT,
            number,
            previous,
            op,
            device: DeviceId::from_bytes([device; 16]),
            signing_key: *SigningKey::from_bytes(&[device; 32]).verifying_key().as_bytes(),
            sealing_key: [2; 32],
            role: DeviceRole::Full,
            created: 5,
        };
        SignedDirectoryEntry::sign(&entry, &root()).unwrap()
    }

    fn chain() -> Vec<SignedDirectoryEntry> {
        let first = entry(0, Sha256::new([0; 32]), DirectoryOp::Add, 7);
        let second = entry(1, first.hash(), DirectoryOp::Add, 8);
        let third = entry(2, second.hash(), DirectoryOp::Revoke, 7);
        vec![first, second, third]
    }

    fn verify(
        entries: &[SignedDirectoryEntry],
        pin: Option<DirectoryPin>,
    ) -> Result<Directory, DirectoryError> {
        Directory::verify(VAULT, &root().verifying_key(), entries, pin)
    }

    #[test]
    fn a_whole_chain_is_believed() {
        let directory = verify(&chain(), None).unwrap();
        assert!(directory.device(&DeviceId::from_bytes([7; 16])).unwrap().revoked);
        assert!(!directory.device(&DeviceId::from_bytes([8; 16])).unwrap().revoked);
        assert_eq!(directory.pin().len, 3);
        verify(&chain(), Some(verify(&chain()[..2], None).unwrap().pin())).unwrap();
    }

    #[test]
    fn n76_n77_a_stranger_a_gap_a_shorter_and_another_chain_are_refused() {
        let stranger =
            Directory::verify(VAULT, &SigningKey::from_bytes(&[9; 32]).verifying_key(), &chain(), None);
        assert!(matches!(stranger, Err(DirectoryError::Entry(Refused::Signature(0)))));
        let gap = [chain()[0].clone(), chain()[2].clone()];
        assert!(matches!(verify(&gap, None), Err(DirectoryError::Entry(Refused::Chain(2)))));
        let pin = verify(&chain(), None).unwrap().pin();
        assert_eq!(
            verify(&chain()[..1], Some(pin)).unwrap_err(),
            DirectoryError::Shortened { pinned: 3, found: 1 }
        );
        let other = entry(0, Sha256::new([0; 32]), DirectoryOp::Add, 9);
        let pin = verify(&chain()[..1], None).unwrap().pin();
        assert_eq!(verify(&[other], Some(pin)).unwrap_err(), DirectoryError::Forked(0));
    }
}
