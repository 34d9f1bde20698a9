//! A dump's ordered chunks, in pieces that are cut by content and stored as chunks themselves, so that an unchanged
//! part of a dump costs nothing.

use super::{Format, FormatError};
use crate::{chunk::MAX_PLAIN_LEN, id::ChunkId};

const FORMAT: Format = Format::Manifest;
const MAGIC: &[u8; 8] = b"SKMANI01";
const HEADER_LEN: usize = 12;
/// chunk id 32 ‖ BE32 plain length
const ENTRY_LEN: usize = 36;
/// Maximum number of entries in a piece (147 KiB).
pub const MAX_ENTRIES: usize = 4096;
/// Minimum number of entries, except in the last piece.
const MIN_ENTRIES: usize = 128;
/// A piece ends after a chunk whose id starts with a multiple of this: one in 1024, unpredictable without the chunk-id
/// key.
const CUT_EVERY: u32 = 1024;

/// One chunk of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Which chunk.
    pub chunk_id: ChunkId,
    /// Its length in bytes of the dump.
    pub plain_len: u32,
}

/// One piece of a manifest, itself a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestPiece {
    /// The chunk that contains it.
    pub chunk_id: ChunkId,
    /// Its length, bytes.
    pub plain_len: u32,
}

/// Collects entries into pieces.
#[derive(Debug, Default)]
pub struct ManifestCutter {
    entries: Vec<u8>,
}

impl ManifestCutter {
    /// Adds the dump's next chunk; returns a piece if it is now complete.
    pub fn push(&mut self, chunk_id: ChunkId, plain_len: u32) -> Option<Vec<u8>> {
        self.entries.extend_from_slice(chunk_id.as_bytes());
        self.entries.extend_from_slice(&plain_len.to_be_bytes());
        let count = self.entries.len() / ENTRY_LEN;
        let [a, b, c, d, ..] = *chunk_id.as_bytes();
        let cut = count >= MIN_ENTRIES && u32::from_be_bytes([a, b, c, d]).is_multiple_of(CUT_EVERY);
        (cut || count >= MAX_ENTRIES).then(|| self.take())
    }

    /// The last piece, if anything is left.
    #[must_use]
    pub fn finish(mut self) -> Option<Vec<u8>> {
        (!self.entries.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Vec<u8> {
        let count = u32::try_from(self.entries.len() / ENTRY_LEN).unwrap_or(u32::MAX);
        let piece = [MAGIC, count.to_be_bytes().as_slice(), &self.entries].concat();
        self.entries.clear();
        piece
    }
}

/// Parses the entries of one piece.
///
/// # Errors
/// [`FormatError`].
pub fn read_piece(bytes: &[u8]) -> Result<Vec<ManifestEntry>, FormatError> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(FormatError::NotOurs(FORMAT))?;
    let (magic, count) = header.split_at(8);
    if magic[..6] != MAGIC[..6] {
        return Err(FormatError::NotOurs(FORMAT));
    }
    if magic != MAGIC {
        return Err(FormatError::NewerVersion(FORMAT));
    }
    let (entries, extra) = rest.as_chunks::<ENTRY_LEN>();
    let stated = u32::from_be_bytes([count[0], count[1], count[2], count[3]]) as usize;
    if !extra.is_empty() || entries.len() != stated || !(1..=MAX_ENTRIES).contains(&stated) {
        return Err(FORMAT.damaged("its length is not what it says"));
    }
    entries.iter().map(read_entry).collect()
}

fn read_entry(entry: &[u8; ENTRY_LEN]) -> Result<ManifestEntry, FormatError> {
    let damaged = || FORMAT.damaged("it lists a chunk of an impossible length");
    let (id, len) = entry.split_first_chunk::<32>().ok_or_else(damaged)?;
    let plain_len = u32::from_be_bytes(len.try_into().map_err(|_| damaged())?);
    if plain_len == 0 || plain_len > MAX_PLAIN_LEN {
        return Err(damaged());
    }
    Ok(ManifestEntry { chunk_id: ChunkId::new(*id), plain_len })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn id(number: u32) -> ChunkId {
        ChunkId::new(*blake3::hash(&number.to_be_bytes()).as_bytes())
    }

    fn pieces(numbers: impl Iterator<Item = u32>) -> Vec<Vec<u8>> {
        let mut cutter = ManifestCutter::default();
        let mut pieces: Vec<Vec<u8>> = numbers.filter_map(|n| cutter.push(id(n), n + 1)).collect();
        pieces.extend(cutter.finish());
        pieces
    }

    #[test]
    fn pieces_hold_everything_in_order_and_resynchronize() {
        let before = pieces(0..20_000);
        let read: Vec<u32> =
            before.iter().flat_map(|p| read_piece(p).unwrap()).map(|e| e.plain_len - 1).collect();
        assert_eq!(read, (0..20_000).collect::<Vec<_>>());
        assert!(before.len() > 10 && before.iter().all(|p| p.len() <= HEADER_LEN + MAX_ENTRIES * ENTRY_LEN));
        // An additional chunk at the front changes only the first pieces.
        let after = pieces(std::iter::once(1_000_000).chain(0..20_000));
        let kept = after.iter().filter(|p| before.contains(p)).count();
        assert!(kept + 2 >= before.len(), "{kept} of {}", before.len());
        assert!(pieces(std::iter::empty()).is_empty());
    }

    #[test]
    fn a_run_without_cut_points_still_ends() {
        let mut cutter = ManifestCutter::default();
        let repeated = ChunkId::new([0xff; 32]);
        let cuts: Vec<_> = (0..10_000).filter_map(|_| cutter.push(repeated, 1)).collect();
        assert_eq!(cuts.len(), 2);
        assert_eq!(read_piece(&cuts[0]).unwrap().len(), MAX_ENTRIES);
    }

    #[test]
    fn what_is_no_piece_is_refused() {
        let piece = pieces(0..3).remove(0);
        assert_eq!(read_piece(&piece[..20]), Err(FORMAT.damaged("its length is not what it says")));
        assert_eq!(read_piece(b"something else"), Err(FormatError::NotOurs(FORMAT)));
        let mut newer = piece.clone();
        newer[7] = b'2';
        assert_eq!(read_piece(&newer), Err(FormatError::NewerVersion(FORMAT)));
        let mut empty_chunk = piece;
        empty_chunk[44..48].fill(0);
        assert!(read_piece(&empty_chunk).is_err());
    }
}
