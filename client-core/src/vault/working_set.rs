//! The working set of reading one chunk, and its limits: anyone who can write to the vault can create recipes that
//! lead through others, and a reader must not pay more for them than for an honest chunk.

use std::sync::Arc;

use api_types::ObjectId;

use crate::{
    encode::{EncodeError, Opened},
    id::ChunkId,
};

/// Recipes kept per level of copies without asking the cache; and chunks that are not recipes, in all. The latter are
/// large.
const KEPT: usize = 8;
/// Bytes of opened chunks held at once, including those being read (128 MiB). An honest recipe's literals are the rows
/// of one day: a chain of 64 of them takes a few MiB.
const HELD: usize = 128 * 1024 * 1024;
/// Bytes opened for one chunk in total (2 GiB): more than 256 chunks of the largest size that writers cut.
const OPENED: u64 = 2 * 1024 * 1024 * 1024;
/// Copies made for one chunk, on all levels (8 M): 65,536 operations through 64 levels are half of that.
const COPIES: u32 = 8 * 1024 * 1024;

/// Refuses the chunk because of what reading it would cost.
pub(super) const TOO_MUCH: EncodeError =
    EncodeError::Damaged("reading it would take more than any honest chunk does");

/// An opened chunk, and the pack that it is in.
pub(super) struct OpenedChunk {
    pub(super) pack: ObjectId,
    pub(super) opened: Opened,
}

/// A chunk, and where the last copy from it ended.
pub(super) struct HeldChunk {
    pub(super) id: ChunkId,
    pub(super) content: Arc<OpenedChunk>,
    pub(super) hint: usize,
}

/// The chunks copied from most recently, and what has been spent.
#[derive(Default)]
pub(super) struct WorkingSet {
    /// Recipes, by the number of recipes that led there.
    levels: Vec<Vec<HeldChunk>>,
    /// Other chunks.
    plain: Vec<HeldChunk>,
    held: usize,
    opened: u64,
    copies: u32,
}

impl WorkingSet {
    /// Accounts for one more copy.
    pub(super) fn copies(&mut self) -> Result<(), EncodeError> {
        self.copies += 1;
        if self.copies > COPIES { Err(TOO_MUCH) } else { Ok(()) }
    }

    /// Number of levels that copies led through.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Takes the chunk out of the working set, if it is there.
    pub(super) fn take(&mut self, id: &ChunkId, level: usize) -> Option<HeldChunk> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        [self.levels.get_mut(level)?, &mut self.plain].into_iter().find_map(|chunks| {
            let at = chunks.iter().position(|chunk| chunk.id == *id)?;
            Some(chunks.remove(at))
        })
    }

    /// Adds a chunk that was opened for this one.
    pub(super) fn opened(
        &mut self,
        id: &ChunkId,
        content: Arc<OpenedChunk>,
    ) -> Result<HeldChunk, EncodeError> {
        let size = content.opened.size();
        self.opened += size as u64;
        self.held += size;
        while self.held > HELD && self.drop_one() {}
        if self.held > HELD || self.opened > OPENED {
            return Err(TOO_MUCH);
        }
        Ok(HeldChunk { id: *id, content, hint: 0 })
    }

    /// Returns the chunk after the copy.
    pub(super) fn put_back(&mut self, chunk: HeldChunk, level: usize) {
        let chunks = match (chunk.content.opened.is_plain(), self.levels.get_mut(level)) {
            (false, Some(chunks)) => chunks,
            _ => &mut self.plain,
        };
        chunks.push(chunk);
        if chunks.len() > KEPT {
            self.held -= chunks.remove(0).content.opened.size();
        }
    }

    /// Makes room; nothing that is being read is dropped.
    fn drop_one(&mut self) -> bool {
        let all = std::iter::once(&mut self.plain).chain(self.levels.iter_mut().rev());
        let Some(chunks) = all.into_iter().find(|chunks| !chunks.is_empty()) else { return false };
        self.held -= chunks.remove(0).content.opened.size();
        true
    }
}

impl Opened {
    const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashMap;

    use api_types::ObjectId;

    use super::*;
    use crate::encode::{Compressor, Encoded, Op, Plaintexts, Recipe, Stretch, decode};

    const MIB: usize = 1024 * 1024;

    /// Reads as [`super::super::ChunkReader`] does, from memory.
    #[derive(Default)]
    struct Tower {
        working_set: WorkingSet,
        chunks: HashMap<ChunkId, Encoded>,
        most_held: usize,
    }

    impl Tower {
        fn id(number: usize) -> ChunkId {
            ChunkId::new([u8::try_from(number).unwrap(); 32])
        }

        fn add(&mut self, number: usize, recipe: &Recipe, literals: &[u8]) {
            let mut compressor = Compressor::new(1).unwrap();
            let encoded = if recipe.ops.is_empty() {
                compressor.compress(literals).unwrap()
            } else {
                recipe.encode(literals, &mut compressor).unwrap()
            };
            self.chunks.insert(Self::id(number), encoded);
        }

        fn read(&mut self, number: usize) -> Result<Vec<u8>, EncodeError> {
            let encoded = self.chunks[&Self::id(number)].clone();
            decode(&Self::id(number), &encoded, self)
        }
    }

    impl Plaintexts for Tower {
        fn copy(&mut self, id: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
            self.working_set.copies()?;
            let level = stretch.hops - 1;
            let mut chunk = match self.working_set.take(id, level) {
                Some(chunk) => chunk,
                None => {
                    let opened = Opened::read(id, &self.chunks[id])?;
                    self.working_set
                        .opened(id, Arc::new(OpenedChunk { pack: ObjectId::new([0; 32]), opened }))?
                }
            };
            self.most_held = self.most_held.max(self.working_set.held);
            let content = Arc::clone(&chunk.content);
            let done = content.opened.stretch(stretch, self, out, &mut chunk.hint);
            self.working_set.put_back(chunk, level);
            done
        }
    }

    /// Each chunk copies a byte of the next one and has literals of its own.
    fn tower(levels: usize, literals: usize) -> Tower {
        let mut tower = Tower::default();
        for number in 0..levels {
            let ops = vec![
                Op::Copy { reference: 0, offset: 0, len: 1 },
                Op::Literal { len: u32::try_from(literals).unwrap() },
            ];
            tower.add(number, &Recipe { refs: vec![Tower::id(number + 1)], ops }, &vec![0; literals]);
        }
        tower.add(levels, &Recipe::default(), b"x");
        tower
    }

    #[test]
    fn a_tower_of_recipes_costs_no_more_than_an_honest_chunk() {
        // 128 small objects that would take 2 GiB to hold.
        let mut high = tower(120, 15 * MIB);
        assert_eq!(high.read(0), Err(TOO_MUCH));
        assert!(high.most_held <= HELD, "{} bytes were held", high.most_held);
        // As deep as writers go, with a typical day's changes.
        let mut honest = tower(64, 100_000);
        assert_eq!(honest.read(0).unwrap().len(), 100_001);
        assert!(honest.most_held < 10 * MIB);
    }

    #[test]
    fn many_large_chunks_are_held_a_few_at_a_time() {
        let mut wide = Tower::default();
        let refs: Vec<ChunkId> = (1..=20).map(Tower::id).collect();
        let ops = (0..20).map(|reference| Op::Copy { reference, offset: 0, len: 1000 }).collect();
        for number in 1..=20 {
            wide.add(number, &Recipe::default(), &vec![7; 15 * MIB]);
        }
        wide.add(0, &Recipe { refs, ops }, &[]);
        assert_eq!(wide.read(0).unwrap(), vec![7; 20_000]);
        assert!(wide.most_held <= HELD, "{} bytes were held", wide.most_held);
    }

    #[test]
    fn copies_of_copies_are_counted() {
        let mut tower = Tower::default();
        tower.add(3, &Recipe::default(), b"x");
        let bytes = vec![Op::Copy { reference: 0, offset: 0, len: 1 }; 65_536];
        tower.add(2, &Recipe { refs: vec![Tower::id(3)], ops: bytes }, &[]);
        let all = Op::Copy { reference: 0, offset: 0, len: 65_536 };
        tower.add(1, &Recipe { refs: vec![Tower::id(2)], ops: vec![all; 100] }, &[]);
        tower.add(0, &Recipe { refs: vec![Tower::id(2)], ops: vec![all; 200] }, &[]);
        assert_eq!(tower.read(1).unwrap().len(), 6_553_600);
        tower.working_set = WorkingSet::default();
        assert_eq!(tower.read(0), Err(TOO_MUCH));
    }
}
