//! Checks that a SQLite database file is as long as its header says: page size times page count.

use super::Broken;
use crate::{text, text::Text};

/// Length of the header, bytes.
const HEADER: usize = 100;

/// Counts the bytes.
pub(super) struct Pages {
    header: Vec<u8>,
    len: u64,
}

impl Pages {
    pub(super) const fn new() -> Self {
        Self { header: Vec::new(), len: 0 }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let room = HEADER.saturating_sub(self.header.len()).min(bytes.len());
        self.header.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.len += bytes.len() as u64;
    }

    /// Whether the length could be checked. Very old versions write no page count.
    pub(super) fn finish(&self) -> Result<bool, Broken> {
        let broken = |what: Text| Err(Broken(text!("SQLite database: {what}", what)));
        if self.header.len() < HEADER {
            return broken(text!("it ends within its header"));
        }
        let page = match self.number(16) >> 16 {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => u64::from(size),
            size => return broken(text!("its header states a page size of {size} bytes", size)),
        };
        let (pages, changes, valid_for) = (u64::from(self.number(28)), self.number(24), self.number(92));
        if !self.len.is_multiple_of(page) {
            return broken(text!(
                "its {len} bytes are no whole number of pages of {page} bytes",
                len = self.len,
                page
            ));
        }
        if pages == 0 || changes != valid_for {
            return Ok(false);
        }
        if self.len < pages * page {
            return broken(text!(
                "it has {len} bytes, and its header states {stated}",
                len = self.len,
                stated = pages * page
            ));
        }
        Ok(true)
    }

    fn number(&self, at: usize) -> u32 {
        self.header
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }
}
