//! Writes a run's records as the list for the next run.

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use api_types::SourceId;
use tempfile::NamedTempFile;

use super::{BLOCK, HEADER_LEN, ListError, MAGIC, NONCE, ORIGINS, Stored, WHOLE};
use crate::{
    id::{ChunkId, DomainId},
    records::{RecordHash, RecordKeys, Records},
    secret::fill_random,
};

/// Maximum number of anchors: 16 MiB.
const MAX_ANCHORS: usize = 1 << 20;
/// One record in sixteen is an anchor, until there are too many.
const FIRST_MASK: u64 = 15;

/// Writes a list next to the old one; [`ListWriter::install`] replaces it.
pub struct ListWriter {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    header: [u8; HEADER_LEN],
    nonce: [u8; 16],
    /// Bytes written.
    at: u64,
    /// Positions of the blocks.
    places: Vec<u8>,
    first: (u32, u32),
    hashes: Vec<u8>,
    lens: Vec<u8>,
    count: u64,
    rows: Vec<u8>,
    n_rows: u32,
    anchors: Vec<(u64, u64)>,
    mask: u64,
}

/// Prefix of the names of lists being written.
const UNFINISHED: &str = "unfinished-";

/// Removes lists of killed runs. Only one run at a time holds the device's lock, so none is still being written.
fn remove_left_over(folder: &Path) -> Result<(), ListError> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

impl ListWriter {
    /// Starts a list to be installed at `path`.
    ///
    /// # Errors
    /// [`ListError::Io`].
    pub fn create(path: &Path, domain: DomainId, source: SourceId) -> Result<Self, ListError> {
        let folder = path.parent().ok_or(ListError::Unusable("a list needs a folder"))?;
        fs::create_dir_all(folder)?;
        remove_left_over(folder)?;
        let mut header = [0; HEADER_LEN];
        let mut nonce = [0; 16];
        fill_random(&mut nonce);
        header[..8].copy_from_slice(MAGIC);
        header[8..24].copy_from_slice(domain.as_bytes());
        header[24..40].copy_from_slice(source.0.as_bytes());
        header[NONCE].copy_from_slice(&nonce);
        let mut file = BufWriter::with_capacity(
            256 * 1024,
            tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?,
        );
        file.write_all(&header)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            header,
            nonce,
            at: HEADER_LEN as u64,
            places: Vec::new(),
            first: (0, 0),
            hashes: Vec::with_capacity(BLOCK * 16),
            lens: Vec::with_capacity(BLOCK * 2),
            count: 0,
            rows: Vec::new(),
            n_rows: 0,
            anchors: Vec::new(),
            mask: FIRST_MASK,
        })
    }

    /// Adds the dump's next chunk.
    ///
    /// # Errors
    /// [`ListError::Io`].
    pub fn push(
        &mut self,
        keys: &RecordKeys,
        id: ChunkId,
        plain_len: u32,
        stored: &Stored,
        records: &Records,
    ) -> Result<(), ListError> {
        let mut offset = 0;
        for (hash, len) in records.hashes.iter().zip(&records.lens) {
            if self.lens.is_empty() {
                self.first = (self.n_rows, offset);
            }
            self.anchor(*hash);
            self.hashes.extend_from_slice(&hash.to_le_bytes());
            self.lens.extend_from_slice(&len.to_le_bytes());
            self.count += 1;
            offset += u32::from(*len);
            if self.lens.len() == BLOCK * 2 {
                self.flush(keys)?;
            }
        }
        self.rows.extend_from_slice(id.as_bytes());
        self.rows.extend_from_slice(&plain_len.to_le_bytes());
        self.rows.extend_from_slice(&u32::try_from(records.lens.len()).unwrap_or(0).to_le_bytes());
        self.rows.extend_from_slice(&stored.depth.to_le_bytes());
        let (at, mut len) = (self.at, 0);
        if let Some(origins) = &stored.origins {
            let bytes = origins.to_bytes();
            len = u32::try_from(bytes.len()).unwrap_or(0);
            self.write(keys, ORIGINS | u64::from(self.n_rows), bytes)?;
        }
        self.rows.extend_from_slice(&at.to_le_bytes());
        self.rows.extend_from_slice(&len.to_le_bytes());
        self.n_rows += 1;
        Ok(())
    }

    fn write(&mut self, keys: &RecordKeys, number: u64, mut bytes: Vec<u8>) -> Result<(), ListError> {
        let tag = keys.tag(&self.nonce, number, &bytes);
        bytes.extend_from_slice(&tag);
        self.at += bytes.len() as u64;
        Ok(self.file.write_all(&bytes)?)
    }

    fn anchor(&mut self, hash: RecordHash) {
        let low = hash as u64;
        if low & self.mask != 0 {
            return;
        }
        if self.anchors.len() == MAX_ANCHORS {
            self.mask = self.mask << 1 | 1;
            let mask = self.mask;
            self.anchors.retain(|(low, _)| low & mask == 0);
        }
        if low & self.mask == 0 {
            self.anchors.push((low, self.count));
        }
    }

    fn flush(&mut self, keys: &RecordKeys) -> Result<(), ListError> {
        let mut block = Vec::with_capacity(BLOCK * super::ENTRY_LEN + 32);
        block.extend_from_slice(&self.first.0.to_le_bytes());
        block.extend_from_slice(&self.first.1.to_le_bytes());
        block.append(&mut self.hashes);
        block.append(&mut self.lens);
        let number = self.places.len() as u64 / 8;
        self.places.extend_from_slice(&self.at.to_le_bytes());
        self.write(keys, number, block)
    }

    /// Replaces the old list, and returns the new one's size. Call it once the snapshot is committed.
    ///
    /// # Errors
    /// [`ListError::Io`]; the old list stays.
    pub fn install(mut self, keys: &RecordKeys) -> Result<u64, ListError> {
        if !self.lens.is_empty() {
            self.flush(keys)?;
        }
        self.anchors.sort_unstable();
        let mut end = self.rows;
        end.append(&mut self.places);
        for (low, number) in &self.anchors {
            end.extend_from_slice(&low.to_le_bytes());
            end.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.count, u64::from(self.n_rows), self.anchors.len() as u64, self.mask] {
            end.extend_from_slice(&number.to_le_bytes());
        }
        let tag = keys.tag(&self.nonce, WHOLE, &[&self.header[..], &end].concat());
        end.extend_from_slice(&tag);
        self.file.write_all(&end)?;
        let file = self.file.into_inner().map_err(|e| e.into_error())?;
        file.as_file().sync_all()?;
        let size = file.as_file().metadata()?.len();
        file.persist(&self.path).map_err(|e| e.error)?;
        Ok(size)
    }
}
