//! Content-defined cut points over a byte stream.

use std::io::{self, ErrorKind, Read};

use super::{ChunkerParams, GearTable};

/// Window of this many largest chunks: unread bytes are moved to its front once per three chunks at most.
const WINDOW: usize = 4;

/// Cuts what a reader delivers. Holds one buffer of four times the largest chunk.
pub struct Cutter<'g, R> {
    reader: R,
    gear: &'g GearTable,
    params: ChunkerParams,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

impl<'g, R: Read> Cutter<'g, R> {
    /// Cuts `reader` from its first byte.
    #[must_use]
    pub fn new(reader: R, gear: &'g GearTable, params: ChunkerParams) -> Self {
        let buffer = vec![0; WINDOW * params.max() as usize];
        Self { reader, gear, params, buffer, start: 0, end: 0, ended: false }
    }

    /// The next chunk, `None` once the reader has ended. The same bytes give the same chunks, however the
    /// reader portions them.
    ///
    /// # Errors
    /// As the reader; nothing read before is lost, the call may be repeated.
    pub fn next_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.fill()?;
        let window = &self.buffer[self.start..self.end];
        if window.is_empty() {
            return Ok(None);
        }
        let len = self.gear.cut(window, self.params);
        let chunk = window[..len].to_vec();
        self.start += len;
        Ok(Some(chunk))
    }

    /// Reads until the window holds the largest possible chunk or the reader has ended.
    fn fill(&mut self) -> io::Result<()> {
        let max = self.params.max() as usize;
        if self.buffer.len() - self.start < max {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while !self.ended && self.end - self.start < max {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Cutter<'_, R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_chunk().transpose()
    }
}
