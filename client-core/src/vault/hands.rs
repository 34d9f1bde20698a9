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
const AT_HAND: usize = 8;
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
pub(super) struct Lying {
    pub(super) pack: ObjectId,
    pub(super) opened: Opened,
}

/// A chunk, and where the last copy from it ended.
pub(super) struct Here {
    pub(super) id: ChunkId,
    pub(super) lying: Arc<Lying>,
    pub(super) hint: usize,
}

/// The chunks copied from most recently, and what has been spent.
#[derive(Default)]
pub(super) struct Hands {
    /// Recipes, by the number of recipes that led there.
    levels: Vec<Vec<Here>>,
    /// Other chunks.
    plain: Vec<Here>,
    held: usize,
    opened: u64,
    copies: u32,
}

impl Hands {
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
    pub(super) fn take(&mut self, id: &ChunkId, level: usize) -> Option<Here> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        [self.levels.get_mut(level)?, &mut self.plain].into_iter().find_map(|hand| {
            let at = hand.iter().position(|here| here.id == *id)?;
            Some(hand.remove(at))
        })
    }

    /// Adds a chunk that was opened for this one.
    pub(super) fn opened(&mut self, id: &ChunkId, lying: Arc<Lying>) -> Result<Here, EncodeError> {
        let size = lying.opened.size();
        self.opened += size as u64;
        self.held += size;
        while self.held > HELD && self.drop_one() {}
        if self.held > HELD || self.opened > OPENED {
            return Err(TOO_MUCH);
        }
        Ok(Here { id: *id, lying, hint: 0 })
    }

    /// Returns the chunk after the copy.
    pub(super) fn put_back(&mut self, here: Here, level: usize) {
        let hand = match (here.lying.opened.is_plain(), self.levels.get_mut(level)) {
            (false, Some(hand)) => hand,
            _ => &mut self.plain,
        };
        hand.push(here);
        if hand.len() > AT_HAND {
            self.held -= hand.remove(0).lying.opened.size();
        }
    }

    /// Makes room; nothing that is being read is dropped.
    fn drop_one(&mut self) -> bool {
        let hands = std::iter::once(&mut self.plain).chain(self.levels.iter_mut().rev());
        let Some(hand) = hands.into_iter().find(|hand| !hand.is_empty()) else { return false };
        self.held -= hand.remove(0).lying.opened.size();
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
        hands: Hands,
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
            self.hands.copies()?;
            let level = stretch.hops - 1;
            let mut here = match self.hands.take(id, level) {
                Some(here) => here,
                None => {
                    let opened = Opened::read(id, &self.chunks[id])?;
                    self.hands.opened(id, Arc::new(Lying { pack: ObjectId::new([0; 32]), opened }))?
                }
            };
            self.most_held = self.most_held.max(self.hands.held);
            let lying = Arc::clone(&here.lying);
            let done = lying.opened.stretch(stretch, self, out, &mut here.hint);
            self.hands.put_back(here, level);
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
        tower.hands = Hands::default();
        assert_eq!(tower.read(0), Err(TOO_MUCH));
    }
}
