//! Content-defined chunking of a byte stream.

use std::{
    io::{self, ErrorKind, Read},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::{ChunkerParams, GearTable};

/// Buffer size, in chunks of maximum size.
const BUFFER: usize = 2;
/// Number of buffers kept for reuse.
const POOL: usize = 2;

/// Cuts a reader's data into chunks. Chunks are slices of the read buffers; a buffer is reused once all its chunks are
/// dropped.
pub struct Cutter<'g, R> {
    reader: R,
    gear: &'g GearTable,
    params: ChunkerParams,
    /// Read but not yet cut.
    window: Bytes,
    /// A partly filled buffer, left by a failing reader.
    filling: Option<(Vec<u8>, usize)>,
    ended: bool,
    pool: Pool,
}

impl<'g, R: Read> Cutter<'g, R> {
    /// Cuts `reader` from its first byte.
    #[must_use]
    pub fn new(reader: R, gear: &'g GearTable, params: ChunkerParams) -> Self {
        Self {
            reader,
            gear,
            params,
            window: Bytes::new(),
            filling: None,
            ended: false,
            pool: Pool::default(),
        }
    }

    /// The next chunk; `None` once the reader has ended. The same bytes give the same chunks, however the reader
    /// portions them.
    ///
    /// # Errors
    /// The reader's errors; nothing read before is lost, and the call may be repeated.
    pub fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.filling.is_none() && !self.window.is_empty() {
                let len = self.gear.cut(&self.window, self.params);
                if self.ended || self.is_settled(len) {
                    return Ok(Some(self.window.split_to(len)));
                }
            } else if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Whether more bytes would not move the cut. The cut depends on the byte after it and, below the expected size,
    /// on the amount of data.
    fn is_settled(&self, len: usize) -> bool {
        let there = self.window.len();
        there >= self.params.max() as usize || (there > self.params.avg() as usize && len + 2 <= there)
    }

    /// Fills a buffer, after what is left of the last one.
    fn fill(&mut self) -> io::Result<()> {
        let (mut buffer, mut len) = self.filling.take().unwrap_or_else(|| {
            let mut buffer = self.pool.take(BUFFER * self.params.max() as usize);
            buffer[..self.window.len()].copy_from_slice(&self.window);
            (buffer, self.window.len())
        });
        while !self.ended && len < buffer.len() {
            match self.reader.read(&mut buffer[len..]) {
                Ok(0) => self.ended = true,
                Ok(read) => len += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.filling = Some((buffer, len));
                    return Err(error);
                }
            }
        }
        self.window = Bytes::from_owner(Pooled { buffer, pool: self.pool.clone() });
        self.window.truncate(len);
        Ok(())
    }
}

impl<R: Read> Iterator for Cutter<'_, R> {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_chunk().transpose()
    }
}

#[derive(Clone, Default)]
struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    fn take(&self, len: usize) -> Vec<u8> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| vec![0; len])
    }
}

/// Returns to its pool on drop.
struct Pooled {
    buffer: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut free = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < POOL {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}
