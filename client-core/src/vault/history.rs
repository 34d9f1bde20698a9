//! The snapshots of a vault as verified by this client: every device's chain is complete, signed, and no older than
//! what was seen before. Detects a service that drops, reorders, forks or rolls back.

use std::collections::HashMap;

use api_types::{
    DeviceId, HeadHash, SnapshotId, VaultId,
    envelope::{Refused, SnapshotEnvelope},
    vault::SnapshotRow,
};

use super::directory::Directory;
use crate::{
    device::{Head, Heads},
    text,
    text::{Text, told},
};

/// A snapshot whose signature and place in the chain are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSnapshot {
    /// Id of the stored object.
    pub id: SnapshotId,
    /// The envelope signed by its device.
    pub envelope: SnapshotEnvelope,
    /// Its id in the chain.
    pub head_hash: HeadHash,
}

/// Why the service's list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Signed by a device that is not in the directory.
    UnknownDevice {
        /// Which snapshot.
        snapshot: SnapshotId,
        /// Which device.
        device: DeviceId,
    },
    /// Invalid signature or envelope.
    Envelope {
        /// Which snapshot.
        snapshot: SnapshotId,
        /// The reason.
        reason: Refused,
    },
    /// From another vault.
    OtherVault(SnapshotId),
    /// A snapshot is missing from a chain.
    Gap {
        /// The device that owns the chain.
        device: DeviceId,
        /// The first number that is missing.
        expected: u64,
    },
    /// The chain is not the one signed by its device.
    Broken {
        /// The device that owns the chain.
        device: DeviceId,
        /// Position in the chain.
        sequence: u64,
    },
    /// Fewer snapshots than before.
    RolledBack {
        /// The device that owns the chain.
        device: DeviceId,
        /// The newest number seen before.
        sequence: u64,
    },
    /// Another history than before.
    Forked {
        /// The device that owns the chain.
        device: DeviceId,
        /// Position in the chain.
        sequence: u64,
    },
    /// Listed under another id than the one it was opened under.
    Renamed {
        /// The id listed now.
        shown: SnapshotId,
        /// The id it was opened under.
        opened: SnapshotId,
    },
}

told!(HistoryError);

impl HistoryError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::UnknownDevice { snapshot, device } => text!(
                "snapshot {snapshot} is signed by device {device}, which this vault does not know",
                snapshot,
                device
            ),
            Self::Envelope { snapshot, reason } => {
                let reason = match reason {
                    Refused::Malformed(detail) => text!("malformed snapshot envelope: {detail}", detail),
                    Refused::Version(version) => {
                        text!("snapshot of version {version}; this program reads version 1", version)
                    }
                    Refused::Signature => text!("the snapshot's signature is invalid"),
                };
                text!("snapshot {snapshot}: {reason}", snapshot, reason)
            }
            Self::OtherVault(snapshot) => text!("snapshot {snapshot} belongs to another vault", snapshot),
            Self::Gap { device, expected } => text!(
                "device {device}: snapshot number {number} is missing from its chain",
                device,
                number = expected
            ),
            Self::Broken { device, sequence } => text!(
                "device {device}: snapshot number {number} does not follow the one before it",
                device,
                number = sequence
            ),
            Self::RolledBack { device, sequence } => text!(
                "device {device}: snapshot number {number} was seen before and is no longer returned",
                device,
                number = sequence
            ),
            Self::Forked { device, sequence } => text!(
                "device {device}: snapshot number {number} differs from the one seen before",
                device,
                number = sequence
            ),
            Self::Renamed { shown, opened } => {
                text!("snapshot {opened} was opened before and is now returned as {shown}", opened, shown)
            }
        }
    }
}

/// The verified history of one vault.
#[derive(Debug, Clone, Default)]
pub struct History {
    snapshots: Vec<ListedSnapshot>,
    heads: Heads,
    /// Every snapshot by its place in its device's chain: bodies refer to many.
    places: HashMap<(DeviceId, u64), HeadHash>,
}

impl History {
    /// Adds the next row of the list, oldest first, if it is signed and follows its predecessor. After the last one,
    /// check the heads seen before with [`History::contains_all`].
    ///
    /// # Errors
    /// [`HistoryError`] names what is wrong.
    pub fn take(
        &mut self,
        vault: VaultId,
        directory: &Directory,
        row: &SnapshotRow,
    ) -> Result<(), HistoryError> {
        let snapshot = row.snapshot_id;
        let refused = |reason| HistoryError::Envelope { snapshot, reason };
        let claimed = SnapshotEnvelope::from_bytes(&row.head.envelope.0).map_err(refused)?;
        let device = claimed.device;
        let trusted = directory.device(&device).ok_or(HistoryError::UnknownDevice { snapshot, device })?;
        let envelope = row.head.verify(&trusted.signing_key).map_err(refused)?;
        if envelope.vault != vault {
            return Err(HistoryError::OtherVault(snapshot));
        }
        let sequence = envelope.sequence;
        let (expected, previous) = match self.heads.get(&device) {
            None => (0, HeadHash::new([0; 32])),
            Some(head) => (head.sequence + 1, head.hash),
        };
        if sequence > expected {
            return Err(HistoryError::Gap { device, expected });
        }
        if sequence < expected || envelope.previous != previous {
            return Err(HistoryError::Broken { device, sequence });
        }
        let hash = row.head.head_hash();
        self.heads.insert(device, Head { sequence, hash });
        self.places.insert((device, sequence), hash);
        self.snapshots.push(ListedSnapshot { id: snapshot, envelope, head_hash: hash });
        Ok(())
    }

    /// Checks that every head is part of this history: heads that this client saw earlier, or that another device had
    /// seen when it signed.
    ///
    /// # Errors
    /// [`HistoryError::RolledBack`] or [`HistoryError::Forked`].
    pub fn contains_all(&self, heads: &Heads) -> Result<(), HistoryError> {
        for (&device, &Head { sequence, hash }) in heads {
            let shown =
                self.places.get(&(device, sequence)).ok_or(HistoryError::RolledBack { device, sequence })?;
            if *shown != hash {
                return Err(HistoryError::Forked { device, sequence });
            }
        }
        Ok(())
    }

    /// Oldest first.
    #[must_use]
    pub fn snapshots(&self) -> &[ListedSnapshot] {
        &self.snapshots
    }

    /// The heads to remember.
    #[must_use]
    pub const fn heads(&self) -> &Heads {
        &self.heads
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::{
        Sha256, SourceId,
        directory::{DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
        envelope::SignedEnvelope,
    };
    use ed25519_dalek::SigningKey;

    use super::*;

    const VAULT: VaultId = VaultId::from_bytes([1; 16]);

    fn key(device: u8) -> SigningKey {
        SigningKey::from_bytes(&[device; 32])
    }

    fn directory() -> Directory {
        let root = key(99);
        let mut entries: Vec<SignedDirectoryEntry> = Vec::new();
        for device in [7, 8] {
            let entry = DirectoryEntry {
                vault: VAULT,
                number: entries.len() as u64,
                previous: entries.last().map_or(Sha256::new([0; 32]), SignedDirectoryEntry::hash),
                op: DirectoryOp::Add,
                device: DeviceId::from_bytes([device; 16]),
                signing_key: *key(device).verifying_key().as_bytes(),
                sealing_key: [0; 32],
                role: DeviceRole::Full,
                created: 0,
            };
            entries.push(SignedDirectoryEntry::sign(&entry, &root).unwrap());
        }
        Directory::verify(VAULT, &root.verifying_key(), &entries, None).unwrap()
    }

    fn row(device: u8, sequence: u64, previous: HeadHash, signer: u8) -> SnapshotRow {
        let zero = Sha256::new([0; 32]);
        let envelope = SnapshotEnvelope {
            vault: VAULT,
            source: SourceId::from_bytes([3; 16]),
            device: DeviceId::from_bytes([device; 16]),
            sequence,
            previous,
            body_hash: zero,
            body_len: 1,
            pack_set_hash: zero,
            epoch: 1,
            created: 10,
            directory_len: 2,
            directory_hash: zero,
            heads_hash: zero,
        };
        let head = SignedEnvelope::sign(&envelope, &key(signer)).unwrap();
        SnapshotRow { snapshot_id: SnapshotId::new([sequence as u8; 32]), head, position: sequence }
    }

    fn chain() -> Vec<SnapshotRow> {
        let first = row(7, 0, HeadHash::new([0; 32]), 7);
        let other = row(8, 0, HeadHash::new([0; 32]), 8);
        let second = row(7, 1, first.head.head_hash(), 7);
        let third = row(7, 2, second.head.head_hash(), 7);
        vec![first, other, second, third]
    }

    fn verify(rows: &[SnapshotRow], pinned: &Heads) -> Result<History, HistoryError> {
        let (mut history, directory) = (History::default(), directory());
        rows.iter().try_for_each(|row| history.take(VAULT, &directory, row))?;
        history.contains_all(pinned)?;
        Ok(history)
    }

    #[test]
    fn whole_chains_are_believed_and_may_grow() {
        let before = verify(&chain()[..2], &Heads::new()).unwrap();
        let after = verify(&chain(), before.heads()).unwrap();
        assert_eq!(after.snapshots().len(), 4);
        assert_eq!(after.heads().len(), 2);
    }

    #[test]
    fn what_was_seen_cannot_be_taken_away() {
        let seen = verify(&chain(), &Heads::new()).unwrap();
        let device = DeviceId::from_bytes([7; 16]);
        assert_eq!(
            verify(&chain()[..3], seen.heads()).unwrap_err(),
            HistoryError::RolledBack { device, sequence: 2 }
        );
        let mut rows = chain();
        rows.remove(2);
        assert_eq!(verify(&rows, &Heads::new()).unwrap_err(), HistoryError::Gap { device, expected: 1 });
        rows.remove(0);
        assert!(matches!(verify(&rows, &Heads::new()), Err(HistoryError::Gap { expected: 0, .. })));
    }

    #[test]
    fn n75_forks_strangers_and_forgeries_are_refused() {
        let seen = verify(&chain()[..1], &Heads::new()).unwrap();
        let mut forked = row(7, 0, HeadHash::new([0; 32]), 7);
        let mut envelope = SnapshotEnvelope::from_bytes(&forked.head.envelope.0).unwrap();
        envelope.created = 11;
        forked.head = SignedEnvelope::sign(&envelope, &key(7)).unwrap();
        assert!(matches!(
            verify(std::slice::from_ref(&forked), seen.heads()),
            Err(HistoryError::Forked { sequence: 0, .. })
        ));
        let twice = [chain()[0].clone(), forked];
        assert!(matches!(verify(&twice, &Heads::new()), Err(HistoryError::Broken { .. })));
        let stranger = row(9, 0, HeadHash::new([0; 32]), 9);
        assert!(matches!(verify(&[stranger], &Heads::new()), Err(HistoryError::UnknownDevice { .. })));
        let forged = row(7, 0, HeadHash::new([0; 32]), 8);
        assert!(matches!(verify(&[forged], &Heads::new()), Err(HistoryError::Envelope { .. })));
    }
}
