//! Signed statements of a vault: each reader refuses a foreign key, a foreign vault, a gap and a newer version.

use api_types::{
    DeviceId, HeadHash, Sha256, SourceId, VaultId,
    directory::{self, DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    envelope::{SignedEnvelope, SnapshotEnvelope},
};
use ed25519_dalek::{Signer, SigningKey};

fn vault() -> VaultId {
    VaultId::from_bytes([1; 16])
}

fn root() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn entry(number: u64, previous: Sha256) -> DirectoryEntry {
    DirectoryEntry {
        vault: vault(),
        number,
        previous,
        op: DirectoryOp::Add,
        device: DeviceId::from_bytes([2; 16]),
        signing_key: [3; 32],
        sealing_key: [4; 32],
        role: DeviceRole::Full,
        created: 1_790_000_000,
    }
}

fn sign(entry: &DirectoryEntry) -> SignedDirectoryEntry {
    SignedDirectoryEntry::sign(entry, &root()).unwrap()
}

#[test]
fn a_directory_entry_follows_the_one_before_in_its_own_vault() {
    let root = root().verifying_key();
    let zeros = Sha256::new([0; 32]);
    let first = sign(&entry(0, zeros));
    assert_eq!(first.verify_after(vault(), None, &root).unwrap(), entry(0, zeros));
    let second = sign(&entry(1, first.hash()));
    let last = Some((0, first.hash()));
    assert_eq!(second.verify_after(vault(), last, &root).unwrap(), entry(1, first.hash()));

    let chain = |signed: &SignedDirectoryEntry, vault, last| {
        matches!(signed.verify_after(vault, last, &root), Err(directory::Refused::Chain(_)))
    };
    let foreign = VaultId::from_bytes([9; 16]);
    assert!(chain(&first, foreign, None), "a foreign vault");
    assert!(chain(&second, foreign, last), "a foreign vault, the right place");
    assert!(chain(&second, vault(), None), "the first is missing");
    assert!(chain(&first, vault(), last), "the first again");
    assert!(chain(&sign(&entry(2, first.hash())), vault(), last), "a gap");
    assert!(chain(&sign(&entry(1, zeros)), vault(), last), "another past");
}

#[test]
fn a_directory_entry_is_signed_by_the_root_over_exactly_these_bytes() {
    let zeros = Sha256::new([0; 32]);
    let verify = |signed: &SignedDirectoryEntry| signed.verify_after(vault(), None, &root().verifying_key());
    let signature =
        |signed: &SignedDirectoryEntry| matches!(verify(signed), Err(directory::Refused::Signature(0)));
    let other = SigningKey::from_bytes(&[8; 32]);
    assert!(signature(&SignedDirectoryEntry::sign(&entry(0, zeros), &other).unwrap()), "another key");
    let mut swapped = sign(&entry(0, zeros));
    swapped.entry = entry(0, Sha256::new([5; 32])).to_bytes().unwrap().into();
    assert!(signature(&swapped), "other bytes");
    let mut bare = sign(&entry(0, zeros));
    bare.signature = root().sign(&bare.entry.0).to_bytes().to_vec().into();
    assert!(signature(&bare), "a signature without its domain");
    let mut short = sign(&entry(0, zeros));
    short.signature.0.pop();
    assert!(signature(&short), "63 bytes");

    // The version is the first element of the array.
    let mut newer = entry(0, zeros).to_bytes().unwrap();
    assert_eq!(newer[1], 1);
    newer[1] = 2;
    assert_eq!(DirectoryEntry::from_bytes(&newer), Err(directory::Refused::Version(2)));
}

#[test]
fn a_snapshot_is_signed_by_its_device_over_exactly_these_bytes() {
    let head = SnapshotEnvelope {
        vault: vault(),
        source: SourceId::from_bytes([5; 16]),
        device: DeviceId::from_bytes([2; 16]),
        sequence: 0,
        previous: HeadHash::new([0; 32]),
        body_hash: Sha256::new([6; 32]),
        body_len: 100,
        pack_set_hash: Sha256::new([7; 32]),
        epoch: 1,
        created: 1_790_000_000,
        directory_len: 1,
        directory_hash: Sha256::new([8; 32]),
        heads_hash: Sha256::new([9; 32]),
    };
    let key = root();
    let signed = SignedEnvelope::sign(&head, &key).unwrap();
    assert_eq!(signed.verify(&key.verifying_key()).unwrap(), head);

    let refused = |signed: &SignedEnvelope| signed.verify(&key.verifying_key()).is_err();
    let mut swapped = signed.clone();
    swapped.envelope = SnapshotEnvelope { sequence: 1, ..head.clone() }.to_bytes().unwrap().into();
    assert!(refused(&swapped), "other bytes");
    let mut bare = signed.clone();
    bare.signature = key.sign(&bare.envelope.0).to_bytes().to_vec().into();
    assert!(refused(&bare), "a signature without its domain");
    let other = SigningKey::from_bytes(&[8; 32]);
    assert!(refused(&SignedEnvelope::sign(&head, &other).unwrap()), "another device");

    let mut newer = head.to_bytes().unwrap();
    assert_eq!(newer[1], 1);
    newer[1] = 2;
    assert!(SnapshotEnvelope::from_bytes(&newer).is_err(), "a newer version");
}
