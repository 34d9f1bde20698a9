//! Pack → chunks, checked in this order: magic and version, vault, age file, commitment, the directory's tag and
//! layout; then per chunk: tag, decoded length ([`crate::encode::decode`]), chunk id (by the caller).

use std::{collections::HashMap, ops::Range};

use api_types::VaultId;

use super::{
    CHUNK_LABEL, DIRECTORY_LABEL, ENTRY_LEN, ENTRY_STEP, FOOTER_LEN, FOOTER_MAGIC, MAX_RECORDS, Nonce,
    PROFILE, PackEntry, PackError, chunk_aad,
};
use crate::{
    chunk::MAX_PLAIN_LEN,
    crypto::{Cipher, ReadIdentity, TAG_LEN},
    encode::{Encoded, Encoding, MAX_ENCODED_LEN},
    format::{Format, MAX_OBJECT_LEN, header::Header, padme},
    id::ChunkId,
};

const FORMAT: Format = Format::Pack;

/// An opened pack: its directory and its keys, but none of its bytes.
pub struct PackReader {
    header_hash: [u8; 32],
    chunks: Cipher,
    directory: Cipher,
    entries: Vec<PackEntry>,
    by_id: HashMap<ChunkId, usize>,
    padding: Range<u64>,
}

impl PackReader {
    /// Minimum number of bytes to fetch from a pack's front for [`PackReader::open_parts`].
    pub const HEADER_LEN: u64 = 4096;

    /// Opens a whole pack and verifies everything except its chunks.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn open(bytes: &[u8], vault: VaultId, identities: &[ReadIdentity]) -> Result<Self, PackError> {
        let reader = Self::open_parts(bytes, bytes, bytes.len() as u64, vault, identities)?;
        let padding = usize::try_from(reader.padding.start)
            .ok()
            .zip(usize::try_from(reader.padding.end).ok())
            .and_then(|(start, end)| bytes.get(start..end))
            .ok_or_else(|| FORMAT.damaged("its directory leaves a gap"))?;
        reader.check_padding(padding.to_vec())?;
        Ok(reader)
    }

    /// Number of bytes at a pack's end that [`PackReader::open_parts`] needs, from its last [`super::FOOTER_LEN`]
    /// bytes.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn tail_len(footer: &[u8]) -> Result<u64, PackError> {
        let (len, magic) = footer
            .last_chunk::<FOOTER_LEN>()
            .and_then(|footer| footer.split_first_chunk::<4>())
            .ok_or_else(|| FORMAT.damaged("it is cut off"))?;
        if magic != FOOTER_MAGIC {
            return Err(FORMAT.damaged("its end is not the end of a pack"));
        }
        let len = u32::from_be_bytes(*len) as usize;
        let entries = len.checked_sub(TAG_LEN).ok_or_else(|| FORMAT.damaged("its directory is cut off"))?;
        if !entries.is_multiple_of(ENTRY_LEN * ENTRY_STEP) || entries > ENTRY_LEN * MAX_RECORDS {
            return Err(FORMAT.damaged("its directory has an impossible length"));
        }
        Ok((len + FOOTER_LEN) as u64)
    }

    /// Opens a pack of `total` bytes from only its front ([`PackReader::HEADER_LEN`]) and its end
    /// ([`PackReader::tail_len`]). Records and padding are then read one by one.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn open_parts(
        front: &[u8],
        tail: &[u8],
        total: u64,
        vault: VaultId,
        identities: &[ReadIdentity],
    ) -> Result<Self, PackError> {
        let header = Header::read(&PROFILE, front, vault)?;
        if total > MAX_OBJECT_LEN as u64 {
            return Err(FORMAT.damaged("it is longer than any pack"));
        }
        if padme(total) != total {
            return Err(FORMAT.damaged("it does not have the length of a pack"));
        }
        let tail_len = Self::tail_len(tail)?;
        let start = usize::try_from(tail_len).ok().and_then(|len| tail.len().checked_sub(len));
        let sealed = start
            .and_then(|start| tail.get(start..tail.len() - FOOTER_LEN))
            .ok_or_else(|| FORMAT.damaged("its directory is cut off"))?;
        let directory_start = total
            .checked_sub(tail_len)
            .filter(|start| *start >= (header.len + TAG_LEN) as u64)
            .ok_or_else(|| FORMAT.damaged("it is cut off"))?;

        let secret = header.unlock(vault, identities)?;
        let directory = header.cipher(&secret, DIRECTORY_LABEL);
        let mut plain = sealed.to_vec();
        directory
            .open(Nonce::Directory.bytes(), &header.hash, &mut plain)
            .map_err(FORMAT.refused("its directory fails authentication"))?;
        let (entries, end) = read_directory(&plain, header.len as u64, directory_start - TAG_LEN as u64)?;
        let by_id: HashMap<_, _> = entries.iter().enumerate().map(|(n, e)| (e.chunk_id, n)).collect();
        if by_id.len() != entries.len() {
            return Err(FORMAT.damaged("its directory lists a chunk twice"));
        }
        let chunks = header.cipher(&secret, CHUNK_LABEL);
        Ok(Self {
            header_hash: header.hash,
            chunks,
            directory,
            entries,
            by_id,
            padding: end..directory_start,
        })
    }

    /// Range of the sealed padding.
    #[must_use]
    pub fn padding(&self) -> Range<u64> {
        self.padding.clone()
    }

    /// Verifies the bytes at [`PackReader::padding`].
    ///
    /// # Errors
    /// [`PackError::Damaged`] if they are not sealed zeros.
    pub fn check_padding(&self, mut sealed: Vec<u8>) -> Result<(), PackError> {
        self.directory
            .open(Nonce::Padding.bytes(), &self.header_hash, &mut sealed)
            .map_err(FORMAT.refused("its padding is invalid"))?;
        if sealed.iter().any(|b| *b != 0) {
            return Err(FORMAT.damaged("its padding is not empty"));
        }
        Ok(())
    }

    /// In the order of the records.
    #[must_use]
    pub fn entries(&self) -> &[PackEntry] {
        &self.entries
    }

    /// Finds a chunk.
    #[must_use]
    pub fn find(&self, id: &ChunkId) -> Option<&PackEntry> {
        self.by_id.get(id).and_then(|at| self.entries.get(*at))
    }

    /// Opens the record of `entry`, fetched from `offset` to [`PackEntry::end`].
    ///
    /// # Errors
    /// [`PackError::Damaged`] if these are not that record's bytes.
    pub fn open_record(&self, entry: &PackEntry, mut sealed: Vec<u8>) -> Result<Encoded, PackError> {
        let PackEntry { chunk_id, encoding, plain_len, sealed_len, record_no, offset: _ } = *entry;
        if sealed.len() != sealed_len as usize {
            return Err(FORMAT.damaged("a chunk's record is cut off"));
        }
        let aad = chunk_aad(&self.header_hash, record_no, encoding, plain_len, &chunk_id);
        self.chunks
            .open(Nonce::Chunk(record_no).bytes(), &aad, &mut sealed)
            .map_err(FORMAT.refused("a chunk's record fails authentication"))?;
        Ok(Encoded { encoding, plain_len, bytes: sealed })
    }

    /// Opens the record of `entry` from the whole pack's bytes.
    ///
    /// # Errors
    /// Same as [`PackReader::open_record`].
    pub fn open_record_in(&self, entry: &PackEntry, pack: &[u8]) -> Result<Encoded, PackError> {
        let sealed = usize::try_from(entry.offset)
            .ok()
            .and_then(|start| pack.get(start..start.checked_add(entry.sealed_len as usize)?))
            .ok_or_else(|| FORMAT.damaged("a chunk's record is cut off"))?;
        self.open_record(entry, sealed.to_vec())
    }
}

/// Parses an opened directory; also returns the end of its last record.
pub(in crate::format) fn read_directory(
    plain: &[u8],
    start: u64,
    limit: u64,
) -> Result<(Vec<PackEntry>, u64), PackError> {
    let entries = read_entries(plain)?;
    let end = check_layout(&entries, start, limit)?;
    Ok((entries, end))
}

/// Entries up to the first all-zero one; only zeros may follow.
fn read_entries(plain: &[u8]) -> Result<Vec<PackEntry>, PackError> {
    let (places, _) = plain.as_chunks::<ENTRY_LEN>();
    let used = places.iter().position(|place| place[32] == 0).unwrap_or(places.len());
    let (places, zeros) = places.split_at(used);
    if zeros.as_flattened().iter().any(|b| *b != 0) || zeros.len() >= ENTRY_STEP {
        return Err(FORMAT.damaged("its directory has a hole"));
    }
    places.iter().zip(0..).map(|(place, record_no)| read_entry(place, record_no)).collect()
}

fn read_entry(place: &[u8; ENTRY_LEN], record_no: u32) -> Result<PackEntry, PackError> {
    let (id, rest) =
        place.split_first_chunk::<32>().ok_or_else(|| FORMAT.damaged("its directory is cut off"))?;
    let [encoding, p0, p1, p2, p3, o0, o1, o2, o3, o4, o5, o6, o7, s0, s1, s2, s3] = *rest else {
        return Err(FORMAT.damaged("its directory is cut off"));
    };
    let entry = PackEntry {
        chunk_id: ChunkId::new(*id),
        encoding: Encoding::try_from(encoding).map_err(|_| PackError::NewerVersion(FORMAT))?,
        plain_len: u32::from_be_bytes([p0, p1, p2, p3]),
        offset: u64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]),
        sealed_len: u32::from_be_bytes([s0, s1, s2, s3]),
        record_no,
    };
    let encoded_len = entry.sealed_len.checked_sub(TAG_LEN as u32);
    if entry.plain_len > MAX_PLAIN_LEN || encoded_len.is_none_or(|len| len > MAX_ENCODED_LEN) {
        return Err(FORMAT.damaged("its directory lists an impossible length"));
    }
    Ok(entry)
}

/// Records must follow each other without gap or overlap, from the header's end to the padding's start.
fn check_layout(entries: &[PackEntry], start: u64, limit: u64) -> Result<u64, PackError> {
    let mut end = start;
    for entry in entries {
        if entry.offset != end {
            return Err(FORMAT.damaged("records of its directory overlap or leave a gap"));
        }
        end = entry.end();
        if end > limit {
            return Err(FORMAT.damaged("a record of its directory lies beyond its end"));
        }
    }
    Ok(end)
}
