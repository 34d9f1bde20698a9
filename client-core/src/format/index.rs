//! INDEX v1: locates the chunks of some packs; sealed with the domain's index key and signed by the device that packed
//! them. A cache of the packs' own directories.

use api_types::{DeviceId, ObjectId, VaultId, canonical};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Format, FormatError, MAX_OBJECT_LEN,
    pack::{MAX_RECORDS, PackEntry},
    padding,
};
use crate::{
    chunk::MAX_PLAIN_LEN,
    crypto::{Cipher, DeviceSigningKey, IndexKey, TAG_LEN, hkdf},
    encode::{Encoding, MAX_ENCODED_LEN, MAX_REFS},
    id::{ChunkId, DomainId},
    secret::fill_random,
};

const FORMAT: Format = Format::Index;
const MAGIC: &[u8; 8] = b"SKINDX01";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 8 + 1 + 16 + 16 + 16 + 32 + 32;
const SIGNATURE_LEN: usize = 64;
const SIGNATURE_DOMAIN: &[u8] = b"sealkeep/v1/sig/index\0";

/// One of the packs that a segment describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPack {
    /// Which pack.
    pub pack: ObjectId,
    /// Bytes of the stored pack.
    pub size: u64,
    /// Its records, complete and in order.
    pub entries: Vec<IndexEntry>,
}

/// Where a chunk is, and what else is needed to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where.
    pub place: PackEntry,
    /// Packs of the chunks that its recipe copies from, sorted; empty for encodings 1 and 2.
    pub copied_from: Vec<ObjectId>,
}

impl From<PackEntry> for IndexEntry {
    fn from(place: PackEntry) -> Self {
        Self { place, copied_from: Vec::new() }
    }
}

/// The unsealed front of a segment: where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The vault.
    pub vault: VaultId,
    /// The deduplication domain whose key opens it.
    pub domain: DomainId,
    /// The device that signed it.
    pub device: DeviceId,
}

/// A finished segment.
pub struct SealedSegment {
    /// SHA-256 of `bytes`.
    pub id: ObjectId,
    /// The bytes to store.
    pub bytes: Vec<u8>,
}

// One entry: chunk id, encoding, plain length, offset, sealed length, positions in the following pack list.
type EntryWire = (ChunkId, u8, u32, u64, u32, Vec<u32>);
type PackWire = (ObjectId, u64, Vec<EntryWire>);
/// Packs described, and other packs that these copy from.
type BodyWire = (Vec<PackWire>, Vec<ObjectId>);

/// Seals a segment.
///
/// # Errors
/// [`FormatError::TooLarge`] or [`FormatError::Sealing`].
pub fn seal_segment(
    header: &SegmentHeader,
    key: &IndexKey,
    device_key: &DeviceSigningKey,
    packs: &[IndexedPack],
) -> Result<SealedSegment, FormatError> {
    let mut salt = [0; 32];
    fill_random(&mut salt);
    seal_segment_with_salt(header, key, device_key, packs, &salt)
}

/// For test vectors: with a given salt. A salt must never be used twice with one key.
///
/// # Errors
/// Same as [`seal_segment`].
#[doc(hidden)]
pub fn seal_segment_with_salt(
    header: &SegmentHeader,
    key: &IndexKey,
    device_key: &DeviceSigningKey,
    packs: &[IndexedPack],
    salt: &[u8; 32],
) -> Result<SealedSegment, FormatError> {
    let sealing = |_| FormatError::Sealing(FORMAT);
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    bytes.extend_from_slice(header.vault.as_bytes());
    bytes.extend_from_slice(header.domain.as_bytes());
    bytes.extend_from_slice(header.device.as_bytes());
    bytes.extend_from_slice(salt);
    bytes.extend_from_slice(commitment(key, salt).expose_secret());
    let cbor = canonical::encode(&to_wire(packs)).map_err(|_| FormatError::Sealing(FORMAT))?;
    let mut body =
        padding::pad(&cbor, HEADER_LEN + TAG_LEN + SIGNATURE_LEN).ok_or(FormatError::TooLarge(FORMAT))?;
    // The key is derived from a fresh salt and seals only this, so the nonce is constant.
    let tag = cipher(key, salt).seal([0; 12], &bytes, &mut body).map_err(sealing)?;
    bytes.append(&mut body);
    bytes.extend_from_slice(&tag);
    let signature = device_key.as_dalek().sign(&signed(&bytes));
    bytes.extend_from_slice(&signature.to_bytes());
    if bytes.len() > MAX_OBJECT_LEN {
        return Err(FormatError::TooLarge(FORMAT));
    }
    Ok(SealedSegment { id: ObjectId::new(Sha256::digest(&bytes).into()), bytes })
}

/// Reads a segment's front, to find the keys for [`open_segment`]. None of it is verified yet.
///
/// # Errors
/// [`FormatError`].
pub fn read_segment_header(bytes: &[u8]) -> Result<SegmentHeader, FormatError> {
    if bytes.len() < 9 || bytes[..6] != MAGIC[..6] {
        return Err(FormatError::NotOurs(FORMAT));
    }
    if bytes[..8] != MAGIC[..] || bytes[8] != VERSION {
        return Err(FormatError::NewerVersion(FORMAT));
    }
    let ids = bytes.get(9..HEADER_LEN).ok_or_else(|| FORMAT.damaged("it is cut off"))?;
    let ([vault, domain, device, ..], _) = ids.as_chunks::<16>() else {
        return Err(FORMAT.damaged("it is cut off"));
    };
    Ok(SegmentHeader {
        vault: VaultId::from_bytes(*vault),
        domain: DomainId::from_bytes(*domain),
        device: DeviceId::from_bytes(*device),
    })
}

/// Opens a segment of the expected vault, domain and device: checks signature, commitment, tag, then content.
///
/// # Errors
/// [`FormatError`].
pub fn open_segment(
    bytes: &[u8],
    expected: &SegmentHeader,
    key: &IndexKey,
    device_key: &VerifyingKey,
) -> Result<Vec<IndexedPack>, FormatError> {
    let header = read_segment_header(bytes)?;
    if bytes.len() > MAX_OBJECT_LEN {
        return Err(FORMAT.damaged("it is longer than any segment"));
    }
    if header.vault != expected.vault || header.domain != expected.domain {
        return Err(FormatError::OtherVault(FORMAT));
    }
    let (sealed, signature) = bytes
        .split_last_chunk::<SIGNATURE_LEN>()
        .filter(|(sealed, _)| sealed.len() >= HEADER_LEN + TAG_LEN)
        .ok_or_else(|| FORMAT.damaged("it is cut off"))?;
    let signature_holds =
        device_key.verify_strict(&signed(sealed), &Signature::from_bytes(signature)).is_ok();
    if header.device != expected.device || !signature_holds {
        return Err(FormatError::Signature(FORMAT));
    }
    let (front, body) = sealed.split_at(HEADER_LEN);
    let (salt, found) = front[HEADER_LEN - 64..].split_at(32);
    if !bool::from(commitment(key, salt).expose_secret().ct_eq(found)) {
        return Err(FORMAT.damaged("it was sealed under another key than its domain's"));
    }
    let mut plain = body.to_vec();
    cipher(key, salt).open([0; 12], front, &mut plain).map_err(FORMAT.refused("it fails authentication"))?;
    let cbor = padding::unpad(&plain).ok_or_else(|| FORMAT.damaged("its padding is not empty"))?;
    from_cbor(cbor)
}

/// Parses the content of an opened segment.
pub(super) fn from_cbor(cbor: &[u8]) -> Result<Vec<IndexedPack>, FormatError> {
    from_wire(canonical::decode(cbor).map_err(|_| FORMAT.damaged("its content is malformed"))?)
}

fn commitment(key: &IndexKey, salt: &[u8]) -> SecretBox<[u8; 32]> {
    hkdf(key.expose(), salt, "sealkeep/v1/index/commit")
}

fn cipher(key: &IndexKey, salt: &[u8]) -> Cipher {
    Cipher::new(&hkdf(key.expose(), salt, "sealkeep/v1/index"))
}

fn signed(bytes: &[u8]) -> Vec<u8> {
    [SIGNATURE_DOMAIN, Sha256::digest(bytes).as_slice()].concat()
}

fn to_wire(packs: &[IndexedPack]) -> BodyWire {
    let mut others: Vec<ObjectId> =
        packs.iter().flat_map(|p| &p.entries).flat_map(|e| &e.copied_from).copied().collect();
    others.sort_unstable();
    others.dedup();
    let position = |pack: &ObjectId| others.binary_search(pack).unwrap_or_default() as u32;
    let entry = |entry: &IndexEntry| {
        let PackEntry { chunk_id, encoding, plain_len, offset, sealed_len, record_no: _ } = entry.place;
        let mut from: Vec<u32> = entry.copied_from.iter().map(position).collect();
        from.sort_unstable();
        from.dedup();
        (chunk_id, encoding as u8, plain_len, offset, sealed_len, from)
    };
    let packs = packs.iter().map(|p| (p.pack, p.size, p.entries.iter().map(entry).collect())).collect();
    (packs, others)
}

fn from_wire((packs, others): BodyWire) -> Result<Vec<IndexedPack>, FormatError> {
    if !others.is_sorted_by(|a, b| a < b) {
        return Err(FORMAT.damaged("its list of packs is not sorted"));
    }
    packs
        .into_iter()
        .map(|(pack, size, entries)| {
            if size > MAX_OBJECT_LEN as u64 || entries.len() > MAX_RECORDS {
                return Err(FORMAT.damaged("it lists an impossible pack"));
            }
            let mut end = 0;
            let entries = entries
                .into_iter()
                .zip(0..)
                .map(|(entry, record_no)| {
                    let entry = read_entry(entry, record_no, &others)?;
                    if entry.place.offset < end || entry.place.end() > size {
                        return Err(
                            FORMAT.damaged("chunks that it lists overlap or lie outside of their pack")
                        );
                    }
                    end = entry.place.end();
                    Ok(entry)
                })
                .collect::<Result<_, _>>()?;
            Ok(IndexedPack { pack, size, entries })
        })
        .collect()
}

fn read_entry(
    (chunk_id, encoding, plain_len, offset, sealed_len, from): EntryWire,
    record_no: u32,
    others: &[ObjectId],
) -> Result<IndexEntry, FormatError> {
    let damaged = || FORMAT.damaged("it lists an impossible chunk");
    let encoding = Encoding::try_from(encoding).map_err(|_| FormatError::NewerVersion(FORMAT))?;
    let encoded_len = sealed_len.checked_sub(TAG_LEN as u32);
    let recipe = encoding == Encoding::Recipe;
    if plain_len > MAX_PLAIN_LEN
        || encoded_len.is_none_or(|len| len > MAX_ENCODED_LEN)
        || offset > MAX_OBJECT_LEN as u64
        || from.len() > MAX_REFS
        || !from.is_sorted_by(|a, b| a < b)
        || !(recipe || from.is_empty())
    {
        return Err(damaged());
    }
    let copied_from = from
        .into_iter()
        .map(|at| others.get(at as usize).copied().ok_or_else(damaged))
        .collect::<Result<_, _>>()?;
    let place = PackEntry { chunk_id, encoding, plain_len, offset, sealed_len, record_no };
    Ok(IndexEntry { place, copied_from })
}
