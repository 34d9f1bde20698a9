//! Reads the list of the last snapshot, block by block.

use std::{collections::HashMap, fs::File, os::unix::fs::FileExt, path::Path, sync::Arc};

use api_types::SourceId;

use super::{
    ANCHOR_LEN, BLOCK, BLOCK_HEAD, ChunkRow, ENTRY_LEN, FOOTER_LEN, HEADER_LEN, ListError, MAGIC, NONCE,
    ORIGINS, PLACE_LEN, ROW_LEN, Stored, TAG_LEN, WHOLE,
};
use crate::{
    encode::{MAX_OPS, Recipe},
    id::{ChunkId, DomainId},
    records::{RecordHash, RecordKeys, Records},
};

const DAMAGED: ListError = ListError::Unusable("the record list is damaged");

/// An open list. Keeps its chunks and anchors in memory, about 90 bytes per MiB of the dump, but no blocks.
pub struct ListReader {
    file: File,
    keys: Arc<RecordKeys>,
    nonce: [u8; 16],
    records: u64,
    rows: Vec<ChunkRow>,
    /// Number of each row's first record.
    firsts: Vec<u64>,
    by_id: Arc<HashMap<ChunkId, u32>>,
    /// Position of each block.
    places: Vec<u64>,
    anchors: Vec<(u64, u64)>,
    mask: u64,
}

/// Records of the list, ready for comparison.
#[derive(Default)]
pub struct Block {
    /// Their hashes.
    pub hashes: Vec<RecordHash>,
    /// Row, and offset in its chunk.
    pub places: Vec<(u32, u32)>,
    /// Lengths in bytes.
    pub lens: Vec<u16>,
}

impl ListReader {
    /// Opens a list; `None` if there is none.
    ///
    /// # Errors
    /// [`ListError`]: it is unusable.
    pub fn open(
        path: &Path,
        keys: Arc<RecordKeys>,
        domain: DomainId,
        source: SourceId,
    ) -> Result<Option<Self>, ListError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let len = file.metadata()?.len();
        let mut header = [0; HEADER_LEN];
        let mut footer = [0; FOOTER_LEN];
        let footer_at = len.checked_sub((HEADER_LEN + FOOTER_LEN) as u64).ok_or(DAMAGED)? + HEADER_LEN as u64;
        file.read_exact_at(&mut header, 0)?;
        file.read_exact_at(&mut footer, footer_at)?;
        if header[..8] != MAGIC[..]
            || header[8..24] != domain.as_bytes()[..]
            || header[24..40] != source.0.as_bytes()[..]
        {
            return Err(ListError::Unusable("the record list is of another source, vault or version"));
        }
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&header[NONCE]);
        let [records, n_rows, n_anchors, mask] =
            [0, 8, 16, 24].map(|at| footer[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        // Lengths are checked before anything is allocated.
        if [records, n_rows, n_anchors].into_iter().any(|count| count > 1 << 40) {
            return Err(DAMAGED);
        }
        let n_blocks = records.div_ceil(BLOCK as u64);
        let tables = n_rows * ROW_LEN as u64 + n_blocks * PLACE_LEN as u64 + n_anchors * ANCHOR_LEN as u64;
        let start = footer_at.checked_sub(tables).filter(|at| *at >= HEADER_LEN as u64).ok_or(DAMAGED)?;
        let mut signed = header.to_vec();
        signed.resize(HEADER_LEN + usize::try_from(tables).map_err(|_| DAMAGED)?, 0);
        file.read_exact_at(&mut signed[HEADER_LEN..], start)?;
        signed.extend_from_slice(&footer[..FOOTER_LEN - TAG_LEN]);
        if keys.tag(&nonce, WHOLE, &signed) != footer[FOOTER_LEN - TAG_LEN..] {
            return Err(DAMAGED);
        }
        let tables = &signed[HEADER_LEN..signed.len() - (FOOTER_LEN - TAG_LEN)];
        let (rows, tables) = tables.split_at_checked(n_rows as usize * ROW_LEN).ok_or(DAMAGED)?;
        let (places, anchors) = tables.split_at_checked(n_blocks as usize * PLACE_LEN).ok_or(DAMAGED)?;
        let places = places.as_chunks().0.iter().map(|at| u64::from_le_bytes(*at)).collect();
        let rows: Vec<ChunkRow> = rows.as_chunks::<ROW_LEN>().0.iter().map(row).collect();
        let anchors = anchors
            .as_chunks::<8>()
            .0
            .chunks_exact(2)
            .map(|pair| (u64::from_le_bytes(pair[0]), u64::from_le_bytes(pair[1])))
            .collect();
        let mut firsts = Vec::with_capacity(rows.len());
        let mut total = 0;
        for row in &rows {
            firsts.push(total);
            total += u64::from(row.records);
        }
        if total != records {
            return Err(DAMAGED);
        }
        let by_id = Arc::new(rows.iter().zip(0..).map(|(row, number)| (row.id, number)).collect());
        Ok(Some(Self { file, keys, nonce, records, rows, firsts, by_id, places, anchors, mask }))
    }

    /// Number of records in the list.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The dump's chunks, in order.
    #[must_use]
    pub fn rows(&self) -> &[ChunkRow] {
        &self.rows
    }

    /// Maps chunks to rows.
    #[must_use]
    pub fn ids(&self) -> Arc<HashMap<ChunkId, u32>> {
        Arc::clone(&self.by_id)
    }

    /// Number of the first record of a row.
    #[must_use]
    pub fn first(&self, row: u32) -> u64 {
        self.firsts.get(row as usize).copied().unwrap_or(self.records)
    }

    /// The position of an equal record, if it is an anchor.
    #[must_use]
    pub fn anchor(&self, hash: RecordHash) -> Option<u64> {
        let low = hash as u64;
        if low & self.mask != 0 {
            return None;
        }
        let at = self.anchors.partition_point(|(other, _)| *other < low);
        self.anchors.get(at).filter(|(other, _)| *other == low).map(|(_, number)| *number)
    }

    /// Appends a block's records to `out`.
    ///
    /// # Errors
    /// [`ListError`]: nothing was appended.
    pub fn block(&self, number: u64, out: &mut Block) -> Result<(), ListError> {
        let left = self.records.saturating_sub(number * BLOCK as u64);
        let count = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        if count == 0 {
            return Ok(());
        }
        let at = usize::try_from(number).ok().and_then(|n| self.places.get(n)).ok_or(DAMAGED)?;
        let bytes = self.read(*at, BLOCK_HEAD + count * ENTRY_LEN, number)?;
        let (head, entries) = bytes.split_first_chunk::<BLOCK_HEAD>().ok_or(DAMAGED)?;
        let (hashes, lens) = entries.split_at_checked(count * 16).ok_or(DAMAGED)?;
        let mut row = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let mut offset = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        out.hashes.extend(hashes.as_chunks::<16>().0.iter().map(|hash| RecordHash::from_le_bytes(*hash)));
        let mut next_row = self.first(row.saturating_add(1));
        for (record, len) in (number * BLOCK as u64..).zip(lens.as_chunks::<2>().0) {
            while record >= next_row {
                row += 1;
                offset = 0;
                next_row = self.first(row.saturating_add(1));
            }
            let len = u16::from_le_bytes(*len);
            out.places.push((row, offset));
            out.lens.push(len);
            offset += u32::from(len);
        }
        Ok(())
    }

    /// How the chunk of a row is stored.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn stored(&self, row: u32) -> Result<Stored, ListError> {
        let Some(ChunkRow { depth, origins: (at, len), .. }) = self.rows.get(row as usize).copied() else {
            return Ok(Stored::UNKNOWN);
        };
        if len == 0 {
            return Ok(Stored { depth, origins: None });
        }
        if len as usize > MAX_OPS * 16 {
            return Err(DAMAGED);
        }
        let bytes = self.read(at, len as usize, ORIGINS | u64::from(row))?;
        Ok(Stored { depth, origins: Some(Recipe::from_bytes(&bytes).map_err(|_| DAMAGED)?) })
    }

    /// A part of the file with its own tag.
    fn read(&self, at: u64, len: usize, number: u64) -> Result<Vec<u8>, ListError> {
        let mut bytes = vec![0; len + TAG_LEN];
        self.file.read_exact_at(&mut bytes, at)?;
        let (bytes_read, tag) = bytes.split_last_chunk::<TAG_LEN>().ok_or(DAMAGED)?;
        if self.keys.tag(&self.nonce, number, bytes_read) != *tag {
            return Err(DAMAGED);
        }
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The records of one chunk.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn records_of(&self, row: u32) -> Result<Records, ListError> {
        let (first, end) = (self.first(row), self.first(row.saturating_add(1)));
        let mut block = Block::default();
        let start = first / BLOCK as u64;
        for number in start..end.div_ceil(BLOCK as u64) {
            self.block(number, &mut block)?;
        }
        let skip = (first - start * BLOCK as u64) as usize;
        let range = skip..skip + (end - first) as usize;
        Ok(Records {
            hashes: block.hashes.get(range.clone()).ok_or(DAMAGED)?.to_vec(),
            lens: block.lens.get(range).ok_or(DAMAGED)?.to_vec(),
        })
    }
}

fn row(bytes: &[u8; ROW_LEN]) -> ChunkRow {
    let mut id = [0; 32];
    id.copy_from_slice(&bytes[..32]);
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let at = u64::from(word(46)) << 32 | u64::from(word(42));
    ChunkRow {
        id: ChunkId::new(id),
        plain_len: word(32),
        records: word(36),
        depth: u16::from_le_bytes([bytes[40], bytes[41]]),
        origins: (at, word(50)),
    }
}
