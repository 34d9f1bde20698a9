//! Fixed keys and deterministic bytes for the tests of the storage format.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::HashMap, env, io::Write};

use api_types::VaultId;
use client_core::{
    chunk::{ChunkIdKey, ChunkerKey, ChunkerParams},
    crypto::{ReadIdentity, RecoveryIdentity, RecoveryWords},
    encode::{Compressor, EncodeError, Encoded, Opened, Plaintexts, Stretch, decode},
    format::{
        Recipients,
        pack::{PackReader, PackWriter, SealedPack},
    },
    id::ChunkId,
};

/// Reports that something is not tested here; `.ci/test` repeats it at its end. Fails, unless `SEALKEEP_MAY_SKIP=1`
/// accepts that: a test that did nothing must not look like one that passed.
pub(crate) fn not_tested(what: &str) {
    // Not with `println!`: the harness hides what a passing test prints.
    drop(std::io::stderr().write_all(format!("\nNOT tested: {what}\n").as_bytes()));
    let accepted = env::var("SEALKEEP_MAY_SKIP").is_ok_and(|accepted| accepted == "1");
    assert!(accepted, "NOT tested: {what} (SEALKEEP_MAY_SKIP=1 accepts that)");
}

pub(crate) const VAULT: VaultId = VaultId::from_bytes([0x11; 16]);
pub(crate) const OTHER_VAULT: VaultId = VaultId::from_bytes([0x22; 16]);
pub(crate) const EPOCH: u32 = 1;

/// Small chunks, so that little data yields many of them.
pub(crate) fn small_params() -> ChunkerParams {
    ChunkerParams::new(1024, 4096, 16_384).unwrap()
}

pub(crate) fn ids() -> ChunkIdKey {
    ChunkIdKey::from_bytes(&[0x31; 32])
}

pub(crate) fn chunker() -> ChunkerKey {
    ChunkerKey::from_bytes(&[0x32; 32])
}

/// `len` bytes that depend only on `seed`: BLAKE3's extended output.
pub(crate) fn random(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Compressible lines that resemble a table's rows.
pub(crate) fn rows(seed: &str, len: usize) -> Vec<u8> {
    let noise = random(seed, len / 16 + 8);
    let (words, _) = noise.as_chunks::<8>();
    let mut out = Vec::with_capacity(len + 64);
    for (number, word) in words.iter().cycle().enumerate() {
        if out.len() >= len {
            break;
        }
        let line = format!("{number}\tcustomer-{}\t2026-11-20\t{}\n", word[0], hex::encode(&word[..4]));
        out.extend_from_slice(line.as_bytes());
    }
    out.truncate(len);
    out
}

/// One vault's keys.
pub(crate) struct Keys {
    pub(crate) identities: [ReadIdentity; 1],
    pub(crate) recovery: RecoveryIdentity,
    pub(crate) recipients: Recipients,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let identity = ReadIdentity::generate(EPOCH);
        let recovery = RecoveryWords::from_entropy(&[0x41; 32]).unwrap().identity().unwrap();
        let recipients = Recipients::new(identity.recipient(), recovery.recipient());
        Self { identities: [identity], recovery, recipients }
    }
}

/// A pack with these chunks.
pub(crate) fn pack(keys: &Keys, chunks: &[(ChunkId, Encoded)]) -> SealedPack {
    let mut writer = PackWriter::new(VAULT, EPOCH, &keys.recipients).unwrap();
    for (id, encoded) in chunks {
        writer.push(*id, encoded).unwrap();
    }
    writer.finish().unwrap()
}

/// Encodes chunks under the tests' id key.
pub(crate) fn encode(plains: impl IntoIterator<Item = Vec<u8>>) -> Vec<(ChunkId, Encoded)> {
    let mut compressor = Compressor::new(3).unwrap();
    plains.into_iter().map(|plain| (ids().chunk_id(&plain), compressor.compress(&plain).unwrap())).collect()
}

/// Encoded chunks that recipes copy from.
#[derive(Default)]
pub(crate) struct Others {
    stored: HashMap<ChunkId, Encoded>,
}

impl Others {
    pub(crate) fn new(stored: impl IntoIterator<Item = (ChunkId, Encoded)>) -> Self {
        Self { stored: stored.into_iter().collect() }
    }

    pub(crate) fn add(&mut self, id: ChunkId, encoded: Encoded) {
        self.stored.insert(id, encoded);
    }
}

impl Plaintexts for Others {
    fn copy(&mut self, id: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let encoded = self.stored.get(id).ok_or(EncodeError::MissingReference(*id))?;
        Opened::read(id, encoded)?.stretch(stretch, self, out, &mut 0)
    }
}

/// Every chunk of a pack, verified; an error says which step refused it.
pub(crate) fn read_all(
    bytes: &[u8],
    vault: VaultId,
    identities: &[ReadIdentity],
) -> Result<Vec<(ChunkId, Vec<u8>)>, String> {
    let reader = PackReader::open(bytes, vault, identities).map_err(|e| e.to_string())?;
    let mut others = Others::default();
    reader
        .entries()
        .iter()
        .map(|entry| {
            let encoded = reader.open_record_in(entry, bytes).map_err(|e| e.to_string())?;
            let plain = decode(&entry.chunk_id, &encoded, &mut others).map_err(|e| e.to_string())?;
            if ids().chunk_id(&plain) == entry.chunk_id {
                Ok((entry.chunk_id, plain))
            } else {
                Err("its content is not what its id says".to_owned())
            }
        })
        .collect()
}

/// AES-256-GCM under HKDF-SHA256(secret, salt, label), implemented independently.
pub(crate) fn open_sealed(
    secret: &[u8],
    salt: &[u8],
    label: &str,
    nonce: [u8; 12],
    aad: &[u8],
    sealed: &[u8],
) -> Vec<u8> {
    use aes_gcm::{KeyInit, aead::AeadInOut};
    let mut key = [0; 32];
    hkdf::Hkdf::<sha2::Sha256>::new(Some(salt), secret).expand(label.as_bytes(), &mut key).unwrap();
    let mut plain = sealed.to_vec();
    aes_gcm::Aes256Gcm::new(&key.into()).decrypt_in_place(&nonce.into(), aad, &mut plain).unwrap();
    plain
}

/// Secret half of the read key that the vectors are sealed to.
pub(crate) const READ_IDENTITY: &str =
    "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZ9K4CN";

pub(crate) fn identities() -> [ReadIdentity; 1] {
    [ReadIdentity::parse(READ_IDENTITY, EPOCH).unwrap()]
}

/// Path of a vector.
pub(crate) fn path(name: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors").join(format!("{name}.json"))
}

pub(crate) fn vector(name: &str) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

/// A vector; a missing one is written first if `WRITE_VECTORS` is set.
pub(crate) fn vector_made_by(name: &str, make: impl FnOnce() -> serde_json::Value) -> serde_json::Value {
    if !path(name).exists() && std::env::var_os("WRITE_VECTORS").is_some() {
        std::fs::write(path(name), serde_json::to_string_pretty(&make()).unwrap() + "\n").unwrap();
    }
    vector(name)
}

pub(crate) fn number(value: &serde_json::Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

pub(crate) fn recovery_words() -> client_core::crypto::RecoveryWords {
    client_core::crypto::RecoveryWords::from_entropy(&[0x41; 32]).unwrap()
}

pub(crate) fn bytes(value: &serde_json::Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub(crate) fn array<const N: usize>(value: &serde_json::Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// Positions worth flipping: every byte of a short object; region edges and samples of a long one.
pub(crate) fn positions(len: usize) -> std::collections::BTreeSet<usize> {
    let edges = (0..700).chain(len.saturating_sub(3300)..len);
    edges.chain((0..len).step_by(97)).filter(|at| *at < len).collect()
}
