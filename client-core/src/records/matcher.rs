//! Compares the new dump with the old list: where was each record? Dumps keep their order, so the next record is
//! usually the next one in the list; a window around that position finds what moved a little, anchors find what moved
//! far.

use super::{
    RecordHash,
    list::{BLOCK, Block, ChunkRow, ListError, ListReader},
};

/// Where a record of the new dump was in the old one: a row of the list, and the offset in its chunk.
pub type Found = Option<(u32, u32)>;

/// Blocks of the list kept in memory.
const WINDOW: u64 = 5;
/// Maximum number of records examined before and after the position.
const NEAR: usize = 4096;
/// A record this close is taken for the next one; a farther one only if another follows it.
const CLOSE: usize = 64;
/// After this many records without a match, only one in [`SPARSE`] is searched for nearby.
const MAX_MISSES: u32 = 32;
const SPARSE: u32 = 16;
/// Records after a distant match, one of which must follow it here, too.
const WITNESSES: usize = 4;

/// Walks along a list.
pub struct Matcher {
    list: ListReader,
    window: Block,
    /// First block in the window.
    from: u64,
    /// The expected position of the next record, within the window.
    at: usize,
    misses: u32,
}

impl Matcher {
    /// Starts at the beginning of the list.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn new(list: ListReader) -> Result<Self, ListError> {
        let mut matcher = Self { list, window: Block::default(), from: 0, at: 0, misses: 0 };
        matcher.load(0)?;
        Ok(matcher)
    }

    /// The list being matched.
    #[must_use]
    pub const fn list(&self) -> &ListReader {
        &self.list
    }

    /// The row of a match.
    #[must_use]
    pub fn row(&self, row: u32) -> Option<&ChunkRow> {
        self.list.rows().get(row as usize)
    }

    /// Call when the whole chunk `row` occurred again: continues after it.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn skip_past(&mut self, row: u32) -> Result<(), ListError> {
        self.misses = 0;
        self.go_to(self.list.first(row.saturating_add(1)))
    }

    /// Finds the records of the new dump's next chunk.
    ///
    /// # Errors
    /// [`ListError`]: the list is no longer usable.
    pub fn find(&mut self, hashes: &[RecordHash]) -> Result<Vec<Found>, ListError> {
        let mut found: Vec<Found> = Vec::with_capacity(hashes.len());
        for (i, hash) in hashes.iter().enumerate() {
            self.slide()?;
            if self.window.hashes.get(self.at) == Some(hash) {
                found.push(self.window.places.get(self.at).copied());
                self.at += 1;
                self.misses = 0;
                continue;
            }
            let rest = hashes.get(i + 1..).unwrap_or_default();
            let patient = self.misses < MAX_MISSES || self.misses.is_multiple_of(SPARSE);
            let (place, moved) = match patient.then(|| self.near(*hash, rest)).flatten() {
                Some(near) => near,
                None => match self.far(*hash, rest)? {
                    Some(at) => (at, true),
                    None => {
                        self.misses = self.misses.saturating_add(1);
                        found.push(None);
                        continue;
                    }
                },
            };
            if moved {
                self.extend_back(place, hashes, &mut found);
                self.at = place + 1;
                self.misses = 0;
            }
            found.push(self.window.places.get(place).copied());
        }
        Ok(found)
    }

    /// Searches nearby; the second value tells whether to continue from there.
    fn near(&self, hash: RecordHash, rest: &[RecordHash]) -> Option<(usize, bool)> {
        let all = &self.window.hashes;
        let ahead = all.get(self.at..all.len().min(self.at + NEAR)).unwrap_or_default();
        let behind = &all[self.at.saturating_sub(NEAR).min(all.len())..self.at.min(all.len())];
        let mut single = None;
        for at in ahead.iter().enumerate().filter(|(_, other)| **other == hash).map(|(n, _)| self.at + n) {
            if at - self.at < CLOSE || self.followed(at, rest) {
                return Some((at, true));
            }
            single.get_or_insert(at);
        }
        for at in
            behind.iter().rev().enumerate().filter(|(_, other)| **other == hash).map(|(n, _)| self.at - 1 - n)
        {
            if self.followed(at, rest) {
                return Some((at, true));
            }
            single.get_or_insert(at);
        }
        single.map(|at| (at, false))
    }

    fn followed(&self, at: usize, rest: &[RecordHash]) -> bool {
        let next = self.window.hashes.get(at + 1..).unwrap_or_default();
        next.iter().take(WITNESSES).any(|hash| rest.iter().take(WITNESSES).any(|other| other == hash))
    }

    /// Jumps to the position of an anchor. The window moves only if there is one.
    fn far(&mut self, hash: RecordHash, rest: &[RecordHash]) -> Result<Option<usize>, ListError> {
        let Some(record) = self.list.anchor(hash) else { return Ok(None) };
        let before = self.from * BLOCK as u64 + self.at as u64;
        self.go_to(record)?;
        if self.window.hashes.get(self.at) == Some(&hash) && self.followed(self.at, rest) {
            return Ok(Some(self.at));
        }
        self.go_to(before)?;
        Ok(None)
    }

    /// Records before `place` may have come just before here, too.
    fn extend_back(&self, place: usize, hashes: &[RecordHash], found: &mut [Found]) {
        let mut at = place;
        for (slot, hash) in found.iter_mut().zip(hashes).rev() {
            let Some(before) = at.checked_sub(1) else { return };
            if slot.is_some() || self.window.hashes.get(before) != Some(hash) {
                return;
            }
            *slot = self.window.places.get(before).copied();
            at = before;
        }
    }

    /// Keeps the position in the middle of the window, as far as the list allows.
    fn slide(&mut self) -> Result<(), ListError> {
        while self.at >= 3 * BLOCK && self.window.hashes.len() == WINDOW as usize * BLOCK {
            self.window.hashes.drain(..BLOCK);
            self.window.places.drain(..BLOCK);
            self.window.lens.drain(..BLOCK);
            self.from += 1;
            self.at -= BLOCK;
            self.list.block(self.from + WINDOW - 1, &mut self.window)?;
        }
        Ok(())
    }

    fn go_to(&mut self, record: u64) -> Result<(), ListError> {
        let (start, len) = (self.from * BLOCK as u64, self.window.hashes.len() as u64);
        match record.checked_sub(start).filter(|at| *at < len) {
            Some(at) => {
                self.at = at as usize;
                self.slide()
            }
            None => {
                self.load((record / BLOCK as u64).saturating_sub(2))?;
                self.at = (record - self.from * BLOCK as u64) as usize;
                Ok(())
            }
        }
    }

    fn load(&mut self, from: u64) -> Result<(), ListError> {
        self.window = Block::default();
        self.from = from;
        for number in from..from + WINDOW {
            self.list.block(number, &mut self.window)?;
        }
        self.at = 0;
        Ok(())
    }
}
