//! Damaged, swapped and wrongly signed index segments and snapshots: each is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use api_types::{DeviceId, HeadHash, ObjectId, Sha256, SourceId, envelope::SnapshotEnvelope};
use client_core::{
    crypto::{DeviceSigningKey, IndexKey, ReadIdentity},
    encode::Encoding,
    format::{
        Format, FormatError,
        index::{IndexedPack, SealedSegment, SegmentHeader, open_segment, read_segment_header, seal_segment},
        manifest::ManifestPiece,
        pack::PackReader,
        padme,
        snapshot::{
            Head, SealedSnapshot, SnapshotBody, Table, heads_hash, pack_set_hash, read_snapshot,
            seal_snapshot,
        },
    },
    id::{ChunkId, DomainId},
};
use common::*;
use sha2::Digest;

struct Index {
    header: SegmentHeader,
    key: IndexKey,
    device: DeviceSigningKey,
    packs: Vec<IndexedPack>,
    segment: SealedSegment,
}

fn index() -> Index {
    let keys = Keys::new();
    let pack = pack(&keys, &encode((0..20).map(|n| rows(&n.to_string(), 3000))));
    let size = pack.bytes.len() as u64;
    let mut entries: Vec<client_core::format::index::IndexEntry> =
        pack.entries.iter().copied().map(Into::into).collect();
    entries[3].place.encoding = Encoding::Recipe;
    entries[3].copied_from = vec![ObjectId::new([5; 32]), ObjectId::new([9; 32])];
    let packs = vec![IndexedPack { pack: pack.id, size, entries }];
    let header = SegmentHeader {
        vault: VAULT,
        domain: DomainId::from_bytes([3; 16]),
        device: DeviceId::from_bytes([7; 16]),
    };
    let (key, device) = (IndexKey::from_bytes(&[1; 32]), DeviceSigningKey::from_seed(&[2; 32]));
    let segment = seal_segment(&header, &key, &device, &packs).unwrap();
    Index { header, key, device, packs, segment }
}

#[test]
fn an_index_segment_opens_for_its_vault_domain_and_device_only() {
    let Index { header, key, device, packs, segment } = index();
    let public = device.verifying_key();
    let open = |bytes: &[u8], header: &SegmentHeader| open_segment(bytes, header, &key, &public);
    assert_eq!(open(&segment.bytes, &header).unwrap(), packs);
    assert_eq!(read_segment_header(&segment.bytes).unwrap(), header);
    assert_eq!(padme(segment.bytes.len() as u64), segment.bytes.len() as u64);
    for at in positions(segment.bytes.len()) {
        let mut damaged = segment.bytes.clone();
        damaged[at] ^= 0x10;
        assert!(open(&damaged, &header).is_err(), "byte {at}");
        assert!(open(&segment.bytes[..at], &header).is_err(), "{at} bytes");
    }
    let other = SegmentHeader { vault: OTHER_VAULT, ..header };
    assert_eq!(open(&segment.bytes, &other), Err(FormatError::OtherVault(Format::Index)));
    let other = SegmentHeader { device: DeviceId::from_bytes([8; 16]), ..header };
    assert_eq!(open(&segment.bytes, &other), Err(FormatError::Signature(Format::Index)));
    let stranger = DeviceSigningKey::generate().verifying_key();
    let refused = open_segment(&segment.bytes, &header, &key, &stranger);
    assert_eq!(refused, Err(FormatError::Signature(Format::Index)));
    let refused = open_segment(&segment.bytes, &header, &IndexKey::generate(), &public);
    assert!(matches!(refused, Err(FormatError::Damaged { .. })));
}

#[test]
fn an_index_that_a_device_signed_wrongly_is_still_refused() {
    let Index { header, key, device, packs, .. } = index();
    let public = device.verifying_key();
    let refused = |change: &dyn Fn(&mut IndexedPack)| {
        let mut packs = packs.clone();
        change(&mut packs[0]);
        let bytes = seal_segment(&header, &key, &device, &packs).unwrap().bytes;
        open_segment(&bytes, &header, &key, &public).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|p| p.entries[1].place.offset = p.entries[0].place.offset));
    assert!(refused(&|p| p.size = 1000));
    assert!(refused(&|p| p.size = 1 << 40));
    assert!(refused(&|p| p.entries[0].place.plain_len = u32::MAX));
    assert!(refused(&|p| p.entries[0].place.sealed_len = 3));
    assert!(refused(&|p| p.entries[0].copied_from = vec![ObjectId::new([1; 32])]));
    assert!(refused(&|p| p.entries[3].copied_from =
        (0..=255).map(|n| ObjectId::new([n; 32])).chain([ObjectId::new([1; 32]), p.pack]).collect()));
}

struct Snapshot {
    keys: Keys,
    device: DeviceSigningKey,
    body: SnapshotBody,
    envelope: SnapshotEnvelope,
    object: SealedSnapshot,
}

fn snapshot() -> Snapshot {
    let keys = Keys::new();
    let device = DeviceSigningKey::from_seed(&[2; 32]);
    let body = SnapshotBody {
        source_kind: "postgres".into(),
        source_name: "shop".into(),
        source_detail: "PostgreSQL 15.20, database shop".into(),
        origin: client_core::format::snapshot::Origin::default(),
        tool: "pg_dump 15.20".into(),
        format: "pg_dump SQL".into(),
        verified_end: true,
        remarks: Vec::new(),
        needs: None,
        tables: vec![
            Table { name: "public.orders".into(), rows: Some(12) },
            Table { name: "x".into(), rows: None },
        ],
        host: "db1".into(),
        domain: DomainId::from_bytes([3; 16]),
        manifest: vec![ManifestPiece { chunk_id: ChunkId::new([6; 32]), plain_len: 48 }],
        plain_size: 5000,
        dump_sha256: Sha256::new([8; 32]),
        unwrapped: None,
        chunks: 1,
        chunks_new: 1,
        bytes_stored: 9000,
        packs: vec![ObjectId::new([4; 32]), ObjectId::new([5; 32])],
        heads: [(DeviceId::from_bytes([7; 16]), Head { sequence: 3, hash: HeadHash::new([9; 32]) })].into(),
    };
    let sealed = body.seal(VAULT, EPOCH, &keys.recipients).unwrap();
    let envelope = SnapshotEnvelope {
        vault: VAULT,
        source: SourceId::from_bytes([1; 16]),
        device: DeviceId::from_bytes([7; 16]),
        sequence: 4,
        previous: HeadHash::new([9; 32]),
        body_hash: Sha256::new(sha2::Sha256::digest(&sealed).into()),
        body_len: sealed.len() as u64,
        pack_set_hash: pack_set_hash(&body.packs),
        epoch: EPOCH,
        created: 1_790_000_000,
        directory_len: 1,
        directory_hash: Sha256::new([3; 32]),
        heads_hash: heads_hash(&body.heads),
    };
    let object = seal_snapshot(&envelope, &device, &sealed).unwrap();
    Snapshot { keys, device, body, envelope, object }
}

impl Snapshot {
    fn open(&self, bytes: &[u8]) -> Result<SnapshotBody, String> {
        let parts = read_snapshot(bytes).map_err(|e| e.to_string())?;
        let envelope = parts.head.verify(&self.device.verifying_key()).map_err(|e| e.to_string())?;
        SnapshotBody::open(parts.body, &envelope, &self.keys.identities).map_err(|e| e.to_string())
    }
}

#[test]
fn a_snapshot_flipped_or_cut_off_anywhere_is_noticed() {
    let snapshot = snapshot();
    let bytes = &snapshot.object.bytes;
    assert_eq!(snapshot.open(bytes).unwrap(), snapshot.body);
    assert_eq!(padme(snapshot.envelope.body_len), snapshot.envelope.body_len);
    for at in positions(bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(snapshot.open(&damaged).is_err(), "byte {at}");
        assert!(snapshot.open(&bytes[..at]).is_err(), "{at} bytes");
    }
    assert!(snapshot.open(&[bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_snapshot_body_under_another_head_vault_or_key_is_refused() {
    let snapshot = snapshot();
    let parts = read_snapshot(&snapshot.object.bytes).unwrap();
    let open = |change: &dyn Fn(&mut SnapshotEnvelope)| {
        let mut envelope = snapshot.envelope.clone();
        change(&mut envelope);
        SnapshotBody::open(parts.body, &envelope, &snapshot.keys.identities)
    };
    open(&|_| {}).unwrap();
    assert_eq!(open(&|e| e.vault = OTHER_VAULT), Err(FormatError::OtherVault(Format::Snapshot)));
    assert!(open(&|e| e.epoch = 2).is_err());
    assert!(open(&|e| e.pack_set_hash = Sha256::new([0; 32])).is_err());
    assert!(open(&|e| e.heads_hash = Sha256::new([0; 32])).is_err());
    assert!(open(&|e| e.body_len += 1).is_err());
    let stranger = SnapshotBody::open(parts.body, &snapshot.envelope, &[ReadIdentity::generate(EPOCH)]);
    assert_eq!(stranger, Err(FormatError::WrongKey { format: Format::Snapshot, epoch: EPOCH }));
    let recovery = [snapshot.keys.recovery.to_read_identity()];
    assert_eq!(SnapshotBody::open(parts.body, &snapshot.envelope, &recovery).unwrap(), snapshot.body);
    // A pack's key opens no snapshot body and vice versa: the magic is bound into the keys.
    assert!(PackReader::open(parts.body, VAULT, &snapshot.keys.identities).is_err());
    let mut other = snapshot.envelope.clone();
    other.body_hash = Sha256::new([0; 32]);
    assert!(seal_snapshot(&other, &snapshot.device, parts.body).is_err());
}
