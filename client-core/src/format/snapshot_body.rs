//! The sealed body of a snapshot: what was backed up, and how to restore it.

use std::collections::BTreeMap;

use api_types::{DeviceId, HeadHash, ObjectId, Sha256, VaultId, canonical, envelope::SnapshotEnvelope};
use serde::{Deserialize, Serialize};
use sha2::Digest;

use super::{
    Format, FormatError, MAX_OBJECT_LEN, Recipients,
    header::{self, Header, Profile},
    manifest::ManifestPiece,
    needs::{NeedsWire, ScriptNeeds},
    origin::{Origin, OriginWire},
    padding,
};
use crate::{
    chunk::MAX_PLAIN_LEN,
    crypto::{PackSecret, ReadIdentity, TAG_LEN},
    id::{ChunkId, DomainId},
};

const FORMAT: Format = Format::Snapshot;
const PROFILE: Profile =
    Profile { format: FORMAT, magic: b"SKSNBD01", commit_label: "sealkeep/v1/snapshot/commit" };
const BODY_LABEL: &str = "sealkeep/v1/snapshot/body";
const HEADS_DOMAIN: &[u8] = b"sealkeep/v1/heads\0";
/// Maximum length of the envelope before a body.
pub(super) const MAX_ENVELOPE_LEN: usize = 4096;
/// First element of the body.
const BODY_LAYOUT: u8 = 1;

/// What was unusual about a dump and was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// Less than a tenth of the median of the source's last five.
    Smaller,
    /// Another format than the source's last dump.
    OtherFormat,
    /// The file changed while it was read.
    ChangedWhileRead,
}

impl Remark {
    const fn code(self) -> u8 {
        match self {
            Self::Smaller => 1,
            Self::OtherFormat => 2,
            Self::ChangedWhileRead => 3,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Smaller),
            2 => Some(Self::OtherFormat),
            3 => Some(Self::ChangedWhileRead),
            _ => None,
        }
    }
}

/// One table of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// With its schema: `public.orders`.
    pub name: String,
    /// The database's own estimate, if there is one.
    pub rows: Option<u64>,
}

/// A device's newest snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position in the device's chain, from 0.
    pub sequence: u64,
    /// Identifies the chain up to here.
    pub hash: HeadHash,
}

/// Newest snapshot per device.
pub type Heads = BTreeMap<DeviceId, Head>;

/// The description of a snapshot: readable only with the vault's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotBody {
    /// Kind of source: `postgres`, `file`, `stdin`.
    pub source_kind: String,
    /// The user's name for the source.
    pub source_name: String,
    /// Further details, such as server version and database.
    pub source_detail: String,
    /// The source's identity, and the properties that a database has besides its contents.
    pub origin: Origin,
    /// The program that made the dump, with its version.
    pub tool: String,
    /// The dump's format, from the outermost layer inwards: `gzip, pg_dump SQL`.
    pub format: String,
    /// Whether the end of the dump itself was verified, not just the end of the stream.
    pub verified_end: bool,
    /// What was unusual about it; written sorted.
    pub remarks: Vec<Remark>,
    /// What SQL text needs from the server that it is restored to. `None`: no such text, or text that cannot be
    /// restored.
    pub needs: Option<ScriptNeeds>,
    /// Its tables, if known.
    pub tables: Vec<Table>,
    /// The device's host name.
    pub host: String,
    /// Deduplication domain of its chunks: determines their ids and sizes.
    pub domain: DomainId,
    /// The dump's ordered chunks, in pieces.
    pub manifest: Vec<ManifestPiece>,
    /// Length of the dump, bytes.
    pub plain_size: u64,
    /// Hash of the whole dump.
    pub dump_sha256: Sha256,
    /// For a compressed dump that was unwrapped. `None`: the chunks are the dump.
    pub unwrapped: Option<Wrapping>,
    /// Chunks of the dump.
    pub chunks: u64,
    /// Of these, chunks that this snapshot added.
    pub chunks_new: u64,
    /// Bytes of the objects stored for it, excluding itself.
    pub bytes_stored: u64,
    /// Every pack needed to read it; written sorted.
    pub packs: Vec<ObjectId>,
    /// The heads of all devices that the signer had seen.
    pub heads: Heads,
}

/// The chunks of an unwrapped dump hold its content, followed by the plan for reproducing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapping {
    /// Bytes of all chunks.
    pub stored_size: u64,
    /// Of these, the last ones are the plan for recompression.
    pub plan_len: u64,
}

type PieceWire = (ChunkId, u32);
type HeadWire = (DeviceId, u64, HeadHash);

#[derive(Serialize, Deserialize)]
struct BodyWire(
    u8,
    String,
    String,
    String,
    String,
    bool,
    Vec<(String, Option<u64>)>,
    String,
    DomainId,
    Vec<PieceWire>,
    u64,
    Sha256,
    u64,
    u64,
    u64,
    Vec<ObjectId>,
    Vec<HeadWire>,
    Option<(u64, u64)>,
    OriginWire,
    String,
    Vec<u8>,
    Option<NeedsWire>,
);

/// SHA-256 over the sorted 32-byte ids.
#[must_use]
pub fn pack_set_hash(packs: &[ObjectId]) -> Sha256 {
    let mut sorted = packs.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut hash = sha2::Sha256::new();
    for pack in &sorted {
        hash.update(pack.as_bytes());
    }
    Sha256::new(hash.finalize().into())
}

/// SHA-256 over `"sealkeep/v1/heads\0"` and, by ascending device id, device 16 ‖ BE64 sequence ‖ head hash 32.
#[must_use]
pub fn heads_hash(heads: &Heads) -> Sha256 {
    let mut hash = sha2::Sha256::new_with_prefix(HEADS_DOMAIN);
    for (device, Head { sequence, hash: head }) in heads {
        hash.update(device.as_bytes());
        hash.update(sequence.to_be_bytes());
        hash.update(head.as_bytes());
    }
    Sha256::new(hash.finalize().into())
}

impl SnapshotBody {
    /// Bytes of all its chunks.
    #[must_use]
    pub fn stored_size(&self) -> u64 {
        self.unwrapped.map_or(self.plain_size, |wrapping| wrapping.stored_size)
    }

    /// Seals the body with a data key of its own. The envelope must contain the hash of the result.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] or [`FormatError::Sealing`].
    pub fn seal(&self, vault: VaultId, epoch: u32, recipients: &Recipients) -> Result<Vec<u8>, FormatError> {
        let (secret, wrap) = recipients.fresh_secret(FORMAT)?;
        self.seal_with_secret(vault, epoch, &secret, &wrap)
    }

    /// For test vectors: a given data key and the age file that contains it. A key must never seal two bodies.
    ///
    /// # Errors
    /// Same as [`SnapshotBody::seal`].
    #[doc(hidden)]
    pub fn seal_with_secret(
        &self,
        vault: VaultId,
        epoch: u32,
        secret: &PackSecret,
        wrap: &[u8],
    ) -> Result<Vec<u8>, FormatError> {
        let mut out = Vec::new();
        let hash = header::write(&PROFILE, vault, epoch, secret, wrap, &mut out)?;
        let cbor = canonical::encode(&self.to_wire()).map_err(|_| FormatError::Sealing(FORMAT))?;
        let mut body = padding::pad(&cbor, out.len() + TAG_LEN).ok_or(FormatError::TooLarge(FORMAT))?;
        let tag = header::cipher(secret, &hash, BODY_LABEL)
            .seal([0; 12], &hash, &mut body)
            .map_err(|_| FormatError::Sealing(FORMAT))?;
        out.append(&mut body);
        out.extend_from_slice(&tag);
        if out.len() > MAX_OBJECT_LEN - MAX_ENVELOPE_LEN {
            return Err(FormatError::TooLarge(FORMAT));
        }
        Ok(out)
    }

    /// Opens a sealed body and checks it against the head signed by its device.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn open(
        sealed: &[u8],
        envelope: &SnapshotEnvelope,
        identities: &[ReadIdentity],
    ) -> Result<Self, FormatError> {
        if sealed.len() as u64 != envelope.body_len
            || Sha256::new(sha2::Sha256::digest(sealed).into()) != envelope.body_hash
        {
            return Err(FORMAT.damaged("its body is not the one that was signed"));
        }
        let body = Self::open_unsigned(sealed, envelope.vault, envelope.epoch, identities)?;
        if pack_set_hash(&body.packs) != envelope.pack_set_hash
            || heads_hash(&body.heads) != envelope.heads_hash
        {
            return Err(FORMAT.damaged("its body does not agree with its head"));
        }
        Ok(body)
    }

    fn open_unsigned(
        sealed: &[u8],
        vault: VaultId,
        epoch: u32,
        identities: &[ReadIdentity],
    ) -> Result<Self, FormatError> {
        let header = Header::read(&PROFILE, sealed, vault)?;
        if header.epoch != epoch {
            return Err(FORMAT.damaged("its body is of another epoch than its head"));
        }
        let secret = header.unlock(vault, identities)?;
        let mut plain = sealed[header.len..].to_vec();
        header
            .cipher(&secret, BODY_LABEL)
            .open([0; 12], &header.hash, &mut plain)
            .map_err(FORMAT.refused("its body fails authentication"))?;
        let cbor = padding::unpad(&plain).ok_or_else(|| FORMAT.damaged("its padding is not empty"))?;
        Self::from_cbor(cbor)
    }

    /// Parses the content of an opened body.
    pub(super) fn from_cbor(cbor: &[u8]) -> Result<Self, FormatError> {
        // The first element of the array is the layout: checked before anything else is read.
        if let [0x80..=0x97, layout @ 0..=0x17, ..] = *cbor
            && layout != BODY_LAYOUT
        {
            return Err(FormatError::NewerVersion(FORMAT));
        }
        let wire: BodyWire =
            canonical::decode(cbor).map_err(|_| FORMAT.damaged("its content is malformed"))?;
        Self::from_wire(wire)
    }

    fn to_wire(&self) -> BodyWire {
        let Self {
            source_kind,
            source_name,
            source_detail,
            origin,
            tool,
            format,
            verified_end,
            remarks,
            needs,
            tables,
            host,
            domain,
            manifest,
            plain_size,
            dump_sha256,
            unwrapped,
            chunks,
            chunks_new,
            bytes_stored,
            packs,
            heads,
        } = self;
        let mut packs = packs.clone();
        packs.sort_unstable();
        packs.dedup();
        let mut remarks: Vec<u8> = remarks.iter().map(|remark| remark.code()).collect();
        remarks.sort_unstable();
        remarks.dedup();
        BodyWire(
            BODY_LAYOUT,
            source_kind.clone(),
            source_name.clone(),
            source_detail.clone(),
            tool.clone(),
            *verified_end,
            tables.iter().map(|t| (t.name.clone(), t.rows)).collect(),
            host.clone(),
            *domain,
            manifest.iter().map(|p| (p.chunk_id, p.plain_len)).collect(),
            *plain_size,
            *dump_sha256,
            *chunks,
            *chunks_new,
            *bytes_stored,
            packs,
            heads.iter().map(|(device, head)| (*device, head.sequence, head.hash)).collect(),
            unwrapped.map(|Wrapping { stored_size, plan_len }| (stored_size, plan_len)),
            OriginWire::from(origin),
            format.clone(),
            remarks,
            needs.as_ref().map(ScriptNeeds::to_wire),
        )
    }

    fn from_wire(wire: BodyWire) -> Result<Self, FormatError> {
        let BodyWire(
            _,
            source_kind,
            source_name,
            source_detail,
            tool,
            verified_end,
            tables,
            host,
            domain,
            manifest,
            plain_size,
            dump_sha256,
            chunks,
            chunks_new,
            bytes_stored,
            packs,
            heads,
            unwrapped,
            origin,
            format,
            remarks,
            needs,
        ) = wire;
        let remarks: Option<Vec<Remark>> = remarks.into_iter().map(Remark::from_code).collect();
        let remarks = remarks.ok_or_else(|| FORMAT.damaged("it contains an unknown remark"))?;
        if !packs.is_sorted_by(|a, b| a < b)
            || !heads.is_sorted_by(|a, b| a.0 < b.0)
            || !remarks.is_sorted_by(|a, b| a < b)
        {
            return Err(FORMAT.damaged("its lists are not sorted"));
        }
        if manifest.iter().any(|(_, len)| *len == 0 || *len > MAX_PLAIN_LEN)
            || chunks_new > chunks
            || unwrapped.is_some_and(|(stored, plan)| plan == 0 || plan > stored)
        {
            return Err(FORMAT.damaged("it states an impossible length"));
        }
        Ok(Self {
            source_kind,
            source_name,
            source_detail,
            origin: Origin::from(origin),
            tool,
            format,
            verified_end,
            remarks,
            needs: needs.map(ScriptNeeds::from_wire).transpose()?,
            tables: tables.into_iter().map(|(name, rows)| Table { name, rows }).collect(),
            host,
            domain,
            manifest: manifest
                .into_iter()
                .map(|(chunk_id, plain_len)| ManifestPiece { chunk_id, plain_len })
                .collect(),
            plain_size,
            dump_sha256,
            unwrapped: unwrapped.map(|(stored_size, plan_len)| Wrapping { stored_size, plan_len }),
            chunks,
            chunks_new,
            bytes_stored,
            packs,
            heads: heads
                .into_iter()
                .map(|(device, sequence, hash)| (device, Head { sequence, hash }))
                .collect(),
        })
    }
}

/// The location of a snapshot's source, from its [`SnapshotBody::source_detail`].
#[must_use]
pub fn place_of(detail: &str) -> &str {
    // `host:5432/shop (PostgreSQL 15.18)`: a product and its version.
    let is_server = |text: &str| {
        text.split_once(' ').is_some_and(|(product, version)| {
            product.starts_with(|c: char| c.is_ascii_uppercase())
                && product.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && version.starts_with(|c: char| c.is_ascii_digit())
                && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+~".contains(&byte))
        })
    };
    detail
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("))
        .filter(|(_, server)| is_server(server))
        .map_or(detail, |(place, _)| place)
}
