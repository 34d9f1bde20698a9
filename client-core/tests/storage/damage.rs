//! Damaged, swapped and forged packs: each is refused with the right diagnosis. Numbers are those of
//! tests/negative-tests.md.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::collections::HashSet;

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use api_types::VaultId;
use client_core::{
    crypto::{PackSecret, ReadIdentity},
    encode::{Compressor, Encoded, Encoding},
    format::{
        Format, FormatError,
        pack::{PackReader, PackWriter},
        padme,
    },
    id::ChunkId,
};
use common::*;
use hkdf::Hkdf;
use sha2::Digest;

#[test]
fn n55_a_bit_flipped_anywhere_in_a_pack_is_noticed() {
    let keys = Keys::new();
    let chunks = encode([rows("a", 9000), random("b", 3000), rows("c", 40_000)]);
    let pack = pack(&keys, &chunks);
    assert_eq!(read_all(&pack.bytes, VAULT, &keys.identities).unwrap().len(), 3);
    for at in positions(pack.bytes.len()) {
        let mut damaged = pack.bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(read_all(&damaged, VAULT, &keys.identities).is_err(), "byte {at}");
    }
}

#[test]
fn n56_a_pack_cut_off_anywhere_is_noticed() {
    let keys = Keys::new();
    let pack = pack(&keys, &encode([rows("a", 9000), random("b", 3000)]));
    for len in positions(pack.bytes.len()) {
        assert!(read_all(&pack.bytes[..len], VAULT, &keys.identities).is_err(), "{len} bytes");
    }
    let longer = [pack.bytes.as_slice(), &[0]].concat();
    assert!(read_all(&longer, VAULT, &keys.identities).is_err());
}

#[test]
fn n57_n58_records_do_not_move_within_or_between_packs() {
    let keys = Keys::new();
    let chunks = encode([random("a", 3000), random("b", 3000)]);
    let (one, two) = (pack(&keys, &chunks), pack(&keys, &chunks));
    let (first, second) = (one.entries[0], one.entries[1]);
    let range = |e: &client_core::format::pack::PackEntry| e.offset as usize..e.end() as usize;
    let mut swapped = one.bytes.clone();
    swapped[range(&first)].copy_from_slice(&one.bytes[range(&second)]);
    swapped[range(&second)].copy_from_slice(&one.bytes[range(&first)]);
    let error = read_all(&swapped, VAULT, &keys.identities).unwrap_err();
    assert_eq!(error, "this pack is damaged: a chunk's record fails authentication");

    let reader = PackReader::open(&one.bytes, VAULT, &keys.identities).unwrap();
    let foreign = two.bytes[range(&two.entries[0])].to_vec();
    assert!(reader.open_record(&first, foreign).is_err());
    // Asking for the second record as the first fails too, although both belong to this pack.
    assert!(reader.open_record(&first, one.bytes[range(&second)].to_vec()).is_err());
    assert!(reader.open_record(&first, one.bytes[range(&first)].to_vec()).is_ok());
}

#[test]
fn n59_n60_another_vault_another_epoch_and_a_stranger_are_told_apart() {
    let keys = Keys::new();
    let pack = pack(&keys, &encode([rows("a", 2000)]));
    let refused = |vault: VaultId, identities: &[ReadIdentity]| {
        PackReader::open(&pack.bytes, vault, identities).err().unwrap()
    };
    assert_eq!(refused(OTHER_VAULT, &keys.identities), FormatError::OtherVault(Format::Pack));
    let wrong_key = FormatError::WrongKey { format: Format::Pack, epoch: EPOCH };
    assert_eq!(refused(VAULT, &[ReadIdentity::generate(EPOCH)]), wrong_key);
    let later = ReadIdentity::parse(secrecy::ExposeSecret::expose_secret(&keys.identities[0].expose()), 2);
    assert_eq!(refused(VAULT, &[later.unwrap()]), wrong_key);

    // Relabeled: the header is bound into everything sealed.
    let mut relabeled = pack.bytes.clone();
    relabeled[12..28].copy_from_slice(OTHER_VAULT.as_bytes());
    let error = PackReader::open(&relabeled, OTHER_VAULT, &keys.identities).err().unwrap();
    assert!(matches!(error, FormatError::Damaged { what: "its data key is not the one it commits to", .. }));
    let mut relabeled = pack.bytes.clone();
    relabeled[31] = 2;
    let recovery = [keys.recovery.to_read_identity()];
    let error = PackReader::open(&relabeled, VAULT, &recovery).err().unwrap();
    assert!(matches!(error, FormatError::Damaged { what: "its directory fails authentication", .. }));
    assert_eq!(read_all(&pack.bytes, VAULT, &recovery).unwrap().len(), 1);
}

#[test]
fn n61_a_changed_commitment_is_refused() {
    let keys = Keys::new();
    let mut bytes = pack(&keys, &encode([rows("a", 2000)])).bytes;
    bytes[32] ^= 1;
    let error = PackReader::open(&bytes, VAULT, &keys.identities).err().unwrap();
    assert!(matches!(error, FormatError::Damaged { what: "its data key is not the one it commits to", .. }));
}

#[test]
fn newer_versions_are_not_called_damaged() {
    let keys = Keys::new();
    let bytes = pack(&keys, &encode([rows("a", 2000)])).bytes;
    for (at, value) in [(7, b'2'), (8, 2), (9, 3)] {
        let mut newer = bytes.clone();
        newer[at] = value;
        let error = PackReader::open(&newer, VAULT, &keys.identities).err().unwrap();
        assert_eq!(error, FormatError::NewerVersion(Format::Pack));
        assert!(client_core::error::Error::from(error).next_step().contains("update"));
    }
    let error = PackReader::open(
        b"%PDF-1.7 and so on, long enough to hold a header of ours, or nearly so",
        VAULT,
        &[],
    );
    assert_eq!(error.err().unwrap(), FormatError::NotOurs(Format::Pack));
}

/// An independent implementation of the pack format, from its description, so that forgeries are sealed correctly.
struct Forge {
    secret: PackSecret,
    front: Vec<u8>,
    hash: [u8; 32],
}

impl Forge {
    fn new(keys: &Keys) -> Self {
        let secret = PackSecret::from_bytes(&[0x51; 32]);
        let wrap = {
            let read: age::x25519::Recipient = keys.identities[0].recipient().to_string().parse().unwrap();
            age::encrypt(&read, secret.expose()).unwrap()
        };
        let mut front = b"SKPACK01\x01\x01".to_vec();
        front.extend_from_slice(&(wrap.len() as u16).to_be_bytes());
        front.extend_from_slice(VAULT.as_bytes());
        front.extend_from_slice(&EPOCH.to_be_bytes());
        front.extend_from_slice(&Self::hkdf(&secret, VAULT.as_bytes(), "sealkeep/v1/pack/commit"));
        front.extend_from_slice(&wrap);
        let hash = sha2::Sha256::digest(&front).into();
        Self { secret, front, hash }
    }

    fn hkdf(secret: &PackSecret, salt: &[u8], label: &str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<sha2::Sha256>::new(Some(salt), secret.expose()).expand(label.as_bytes(), &mut key).unwrap();
        key
    }

    fn seal(&self, label: &str, purpose: u32, number: u64, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let cipher = Aes256Gcm::new(&Self::hkdf(&self.secret, &self.hash, label).into());
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&purpose.to_be_bytes());
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        let mut out = plain.to_vec();
        let tag = cipher.encrypt_inout_detached(&nonce.into(), aad, out.as_mut_slice().into()).unwrap();
        out.extend_from_slice(&tag);
        out
    }

    fn record(&self, number: u32, id: ChunkId, encoding: u8, plain_len: u32, bytes: &[u8]) -> Vec<u8> {
        let aad = [
            b"SKCH1".as_slice(),
            &self.hash,
            &number.to_be_bytes(),
            &[encoding],
            &plain_len.to_be_bytes(),
            id.as_bytes(),
        ]
        .concat();
        self.seal("sealkeep/v1/pack/chunk", 1, number.into(), &aad, bytes)
    }

    fn entry(id: ChunkId, encoding: u8, plain_len: u32, offset: u64, sealed_len: u32) -> Vec<u8> {
        [
            id.as_bytes().as_slice(),
            &[encoding],
            &plain_len.to_be_bytes(),
            &offset.to_be_bytes(),
            &sealed_len.to_be_bytes(),
        ]
        .concat()
    }

    /// Assembles a pack; `directory` is the plaintext to seal, before zero filling.
    fn pack(&self, records: &[Vec<u8>], mut directory: Vec<u8>) -> Vec<u8> {
        directory.resize(directory.len().div_ceil(64 * 49) * 64 * 49, 0);
        let mut bytes = [self.front.clone(), records.concat()].concat();
        let unpadded = bytes.len() + 16 + directory.len() + 16 + 12;
        let zeros = vec![0; padme(unpadded as u64) as usize - unpadded];
        bytes.extend(self.seal("sealkeep/v1/pack/dir", 3, 0, &self.hash, &zeros));
        bytes.extend(self.seal("sealkeep/v1/pack/dir", 2, 0, &self.hash, &directory));
        bytes.extend_from_slice(&(directory.len() as u32 + 16).to_be_bytes());
        bytes.extend_from_slice(b"SKPEND01");
        bytes
    }
}

#[test]
fn a_pack_written_from_the_description_reads() {
    let keys = Keys::new();
    let forge = Forge::new(&keys);
    let plain = rows("forged", 500);
    let id = ids().chunk_id(&plain);
    let record = forge.record(0, id, 1, 500, &plain);
    let entry = Forge::entry(id, 1, 500, forge.front.len() as u64, record.len() as u32);
    let bytes = forge.pack(&[record], entry);
    assert_eq!(read_all(&bytes, VAULT, &keys.identities).unwrap(), [(id, plain.clone())]);

    let wrap = &forge.front[64..];
    let mut writer = PackWriter::with_secret(VAULT, EPOCH, &forge.secret, wrap).unwrap();
    writer.push(id, &Encoded { encoding: Encoding::Raw, plain_len: 500, bytes: plain }).unwrap();
    assert_eq!(writer.finish().unwrap().bytes, bytes);
}

#[test]
fn n62_a_directory_with_overlap_gap_hole_or_duplicate_is_refused() {
    let keys = Keys::new();
    let forge = Forge::new(&keys);
    let plains = [rows("one", 500), rows("two", 500)];
    let id = |n: usize| ids().chunk_id(&plains[n]);
    let records: Vec<_> = (0..2).map(|n| forge.record(n as u32, id(n), 1, 500, &plains[n])).collect();
    let start = forge.front.len() as u64;
    let good = [Forge::entry(id(0), 1, 500, start, 516), Forge::entry(id(1), 1, 500, start + 516, 516)];
    assert_eq!(read_all(&forge.pack(&records, good.concat()), VAULT, &keys.identities).unwrap().len(), 2);
    let bad: &[(&str, Vec<Vec<u8>>)] = &[
        ("overlap", vec![good[0].clone(), Forge::entry(id(1), 1, 500, start + 515, 516)]),
        ("gap", vec![good[0].clone(), Forge::entry(id(1), 1, 500, start + 517, 516)]),
        ("into the header", vec![Forge::entry(id(0), 1, 500, start - 1, 516), good[1].clone()]),
        ("beyond the end", vec![good[0].clone(), Forge::entry(id(1), 1, 500, start + 516, 1 << 20)]),
        ("overflow", vec![good[0].clone(), Forge::entry(id(1), 1, 500, u64::MAX - 5, 516)]),
        ("hole", vec![good[0].clone(), vec![0; 49], good[1].clone()]),
        ("rubbish behind", vec![good[0].clone(), good[1].clone(), [vec![0; 48], vec![1]].concat()]),
        ("twice", vec![good[0].clone(), Forge::entry(id(0), 1, 500, start + 516, 516)]),
        ("shorter than a tag", vec![Forge::entry(id(0), 1, 500, start, 15)]),
        ("longer than any chunk", vec![Forge::entry(id(0), 1, u32::MAX, start, 516)]),
        ("last record left out", vec![good[0].clone()]),
        ("too many zeros", vec![good[0].clone(), good[1].clone(), vec![0; 49 * 64]]),
    ];
    for (what, entries) in bad {
        let error = PackReader::open(&forge.pack(&records, entries.concat()), VAULT, &keys.identities).err();
        assert!(matches!(error, Some(FormatError::Damaged { .. })), "{what}: {error:?}");
    }
    let unknown = forge.pack(&records, Forge::entry(id(0), 4, 500, start, 516));
    let error = PackReader::open(&unknown, VAULT, &keys.identities).err();
    assert_eq!(error, Some(FormatError::NewerVersion(Format::Pack)));
}

#[test]
fn n63_false_lengths_and_bombs_are_refused() {
    let keys = Keys::new();
    let forge = Forge::new(&keys);
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    assert!(bomb.len() < 10_000);
    let plain = rows("x", 5000);
    let frame = zstd::bulk::compress(&plain, 3).unwrap();
    let start = forge.front.len() as u64;
    for (what, encoding, plain_len, bytes) in [
        ("bomb", 2, 1 << 20, &bomb),
        ("bomb at the limit", 2, 16 << 20, &bomb),
        ("longer than said", 2, 4999, &frame),
        ("shorter than said", 2, 5001, &frame),
        ("raw, longer", 1, 4999, &plain),
        ("raw, shorter", 1, 5001, &plain),
        ("no frame", 2, 5000, &plain),
        ("no recipe", 3, 5000, &plain),
        ("empty recipe", 3, 0, &vec![]),
    ] {
        let id = ids().chunk_id(&plain);
        let record = forge.record(0, id, encoding, plain_len, bytes);
        let entry = Forge::entry(id, encoding, plain_len, start, record.len() as u32);
        assert!(read_all(&forge.pack(&[record], entry), VAULT, &keys.identities).is_err(), "{what}");
    }
}

#[test]
fn n64_a_poisoned_chunk_is_noticed() {
    let keys = Keys::new();
    let mut chunks = encode([rows("what it should be", 2000)]);
    chunks[0].1 = encode([rows("what it is", 2000)]).remove(0).1;
    let error = read_all(&pack(&keys, &chunks).bytes, VAULT, &keys.identities).unwrap_err();
    assert_eq!(error, "its content is not what its id says");
}

#[test]
fn n82_no_pair_of_key_and_nonce_is_used_twice() {
    // Same chunks, two packs, including a retry after a crash: no two sealed records are equal.
    let keys = Keys::new();
    let chunks = encode((0..50).map(|n| random(&format!("chunk {n}"), 64)));
    let mut seen = HashSet::new();
    for _ in 0..4 {
        let pack = pack(&keys, &chunks);
        for entry in &pack.entries {
            assert!(seen.insert(pack.bytes[entry.offset as usize..][..16].to_vec()));
        }
    }
    // Within a pack, the same plaintext under other numbers differs too.
    let plain = vec![0; 64];
    let mut writer = PackWriter::new(VAULT, EPOCH, &keys.recipients).unwrap();
    for number in 0..1000_u32 {
        let id = ChunkId::new(*blake3::hash(&number.to_be_bytes()).as_bytes());
        writer.push(id, &Encoded { encoding: Encoding::Raw, plain_len: 64, bytes: plain.clone() }).unwrap();
    }
    let pack = writer.finish().unwrap();
    assert_eq!(pack.entries.iter().map(|e| e.record_no).collect::<HashSet<_>>().len(), 1000);
    for entry in &pack.entries {
        assert!(seen.insert(pack.bytes[entry.offset as usize..][..16].to_vec()));
    }
}

#[test]
fn n83_other_compression_of_the_same_data_shares_no_keystream() {
    let keys = Keys::new();
    let plain = rows("same", 50_000);
    let id = ids().chunk_id(&plain);
    let sealed = |level| {
        let encoded = Compressor::new(level).unwrap().compress(&plain).unwrap();
        let pack = pack(&keys, &[(id, encoded.clone())]);
        let entry = pack.entries[0];
        let cipher = pack.bytes[entry.offset as usize..entry.end() as usize - 16].to_vec();
        let stream: Vec<u8> = cipher.iter().zip(&encoded.bytes).map(|(c, p)| c ^ p).collect();
        stream
    };
    let (one, three) = (sealed(1), sealed(3));
    let equal = one.iter().zip(&three).filter(|(a, b)| a == b).count();
    assert!(equal * 50 < one.len().min(three.len()), "{equal} of {} bytes agree", one.len());
}

#[test]
fn n84_pack_lengths_are_padme_values() {
    let keys = Keys::new();
    for len in [0, 1, 100, 5000, 70_000, 300_000] {
        let chunks = if len == 0 { Vec::new() } else { encode([random("length", len)]) };
        let pack = pack(&keys, &chunks);
        assert_eq!(padme(pack.bytes.len() as u64), pack.bytes.len() as u64);
        assert_eq!(read_all(&pack.bytes, VAULT, &keys.identities).unwrap().len(), chunks.len());
    }
}

#[test]
fn a_pack_opens_from_its_front_its_end_and_single_ranges() {
    let keys = Keys::new();
    let chunks = encode((0..100).map(|n| rows(&n.to_string(), 3000)));
    let pack = pack(&keys, &chunks);
    let total = pack.bytes.len();
    let front = &pack.bytes[..PackReader::HEADER_LEN as usize];
    let tail = PackReader::tail_len(&pack.bytes[total - 12..]).unwrap() as usize;
    let reader =
        PackReader::open_parts(front, &pack.bytes[total - tail..], total as u64, VAULT, &keys.identities)
            .unwrap();
    assert_eq!(reader.entries(), pack.entries);
    for (id, encoded) in &chunks {
        let entry = reader.find(id).unwrap();
        let range = pack.bytes[entry.offset as usize..entry.end() as usize].to_vec();
        assert!(reader.open_record(entry, range).unwrap() == *encoded);
    }
    let shorter = total as u64 - 1;
    assert!(
        PackReader::open_parts(front, &pack.bytes[total - tail..], shorter, VAULT, &keys.identities).is_err()
    );
}
