//! A snapshot object: the device's signed head, and a sealed body that describes what was backed up and how to restore
//! it.

use api_types::{
    Base64, ObjectId, Sha256, SnapshotId,
    envelope::{SignedEnvelope, SnapshotEnvelope},
};
use sha2::Digest;

use super::{Format, FormatError, MAX_OBJECT_LEN, snapshot_body::MAX_ENVELOPE_LEN};
pub use super::{
    needs::{MAX_NAME_LEN, MAX_NEEDS, Need, Part, ScriptNeed, ScriptNeeds},
    origin::{DatabaseIdentity, DatabaseProperties, Grant, Kinship, Origin, Privilege, Provider},
    snapshot_body::{
        Head, Heads, Remark, SnapshotBody, Table, Wrapping, heads_hash, pack_set_hash, place_of,
    },
};
use crate::crypto::DeviceSigningKey;

const FORMAT: Format = Format::Snapshot;
const MAGIC: &[u8; 8] = b"SKSNAP01";
const VERSION: u8 = 1;
const SIGNATURE_LEN: usize = 64;
const FRONT_LEN: usize = 8 + 1 + 4;

/// A finished snapshot object.
pub struct SealedSnapshot {
    /// SHA-256 of `bytes`.
    pub id: SnapshotId,
    /// The bytes to store.
    pub bytes: Vec<u8>,
    /// The head that it contains.
    pub head: SignedEnvelope,
}

/// Signs the envelope and puts it in front of the sealed body that it names.
///
/// # Errors
/// [`FormatError::Sealing`] if envelope and body do not belong together.
pub fn seal_snapshot(
    envelope: &SnapshotEnvelope,
    device_key: &DeviceSigningKey,
    sealed_body: &[u8],
) -> Result<SealedSnapshot, FormatError> {
    let sealing = FormatError::Sealing(FORMAT);
    if Sha256::new(sha2::Sha256::digest(sealed_body).into()) != envelope.body_hash
        || sealed_body.len() as u64 != envelope.body_len
    {
        return Err(sealing);
    }
    let head = SignedEnvelope::sign(envelope, device_key.as_dalek()).map_err(|_| sealing.clone())?;
    let len = u32::try_from(head.envelope.0.len()).map_err(|_| sealing)?;
    let bytes =
        [MAGIC.as_slice(), &[VERSION], &len.to_be_bytes(), &head.envelope.0, &head.signature.0, sealed_body]
            .concat();
    Ok(SealedSnapshot { id: ObjectId::new(sha2::Sha256::digest(&bytes).into()), bytes, head })
}

/// A parsed snapshot object. None of it is verified yet: see [`SignedEnvelope::verify`] and [`SnapshotBody::open`].
#[derive(Debug)]
pub struct SnapshotParts<'a> {
    /// The signed head.
    pub head: SignedEnvelope,
    /// The sealed body.
    pub body: &'a [u8],
}

/// Parses a snapshot object.
///
/// # Errors
/// [`FormatError`].
pub fn read_snapshot(bytes: &[u8]) -> Result<SnapshotParts<'_>, FormatError> {
    let Some((front, rest)) = bytes.split_first_chunk::<FRONT_LEN>().filter(|(f, _)| f[..6] == MAGIC[..6])
    else {
        return Err(FormatError::NotOurs(FORMAT));
    };
    if front[..8] != MAGIC[..] || front[8] != VERSION {
        return Err(FormatError::NewerVersion(FORMAT));
    }
    let len = u32::from_be_bytes([front[9], front[10], front[11], front[12]]) as usize;
    if bytes.len() > MAX_OBJECT_LEN || len > MAX_ENVELOPE_LEN {
        return Err(FORMAT.damaged("it states an impossible length"));
    }
    let cut_off = || FORMAT.damaged("it is cut off");
    let (envelope, rest) = rest.split_at_checked(len).ok_or_else(cut_off)?;
    let (signature, body) = rest.split_at_checked(SIGNATURE_LEN).ok_or_else(cut_off)?;
    let head = SignedEnvelope { envelope: Base64::from(envelope), signature: Base64::from(signature) };
    Ok(SnapshotParts { head, body })
}
