//! Puts the new rows of neighboring chunks into one chunk that their recipes copy from: a few changed rows compress a
//! tenth better next to those of their neighbors than alone. Recipes and the chunk of their rows always go into one
//! pack, so that a reader who has one has the other.

use super::stage::{Related, Sources, Store};
use crate::{
    encode::{MAX_REFS, Op, Recipe},
    id::ChunkId,
};

/// Maximum number of recipes in a group.
const MAX_MEMBERS: usize = 32;
/// Maximum distance from first to last, in chunks: restoring one part of a dump should read little else.
const MAX_SPAN: u64 = 64;
/// Approximate size of a group's rows, bytes (256 KiB).
const ENOUGH: usize = 256 * 1024;
/// A chunk with more new bytes (64 KiB) keeps them to itself: they compress as well alone.
const MAX_LITERALS: usize = 64 * 1024;
/// Limits how far one group can make a pack exceed its size.
const MAX_OPS: usize = 4096;

/// Chunks that go into one pack.
pub(super) enum Work {
    /// A single chunk.
    One(Related),
    /// Recipes, and the rows that are new in them.
    Group(Group),
}

/// Recipes whose new rows are stored together.
#[derive(Default)]
pub(super) struct Group {
    /// The new rows.
    pub(super) rows: Vec<u8>,
    /// The recipes that copy from them.
    pub(super) members: Vec<Member>,
}

/// A recipe, and the offset of its rows.
pub(super) struct Member {
    pub(super) number: u64,
    pub(super) id: ChunkId,
    pub(super) len: u32,
    pub(super) sources: Sources,
    pub(super) recipe: Recipe,
    pub(super) literals: u32,
    at: u32,
}

impl Group {
    /// The rows of one member.
    pub(super) fn literals(&self, member: &Member) -> &[u8] {
        let rows = self.rows.get(member.at as usize..).unwrap_or_default();
        rows.get(..member.literals as usize).unwrap_or_default()
    }
}

impl Member {
    /// The recipe, with its literals copied from the chunk of all rows.
    pub(super) fn copying_from(&self, rows: ChunkId) -> Recipe {
        let mut recipe = self.recipe.clone();
        let reference = recipe.reference(rows);
        let mut at = self.at;
        for op in &mut recipe.ops {
            if let Op::Literal { len } = *op {
                *op = Op::Copy { reference, offset: at, len };
                at += len;
            }
        }
        recipe
    }
}

/// Collects recipes until there are enough rows.
#[derive(Default)]
pub(super) struct Gathering(Group);

impl Gathering {
    /// Adds a chunk and returns what is ready.
    pub(super) fn push(&mut self, chunk: Related) -> Vec<Work> {
        let first = self.0.members.first().map_or(chunk.number, |member| member.number);
        let mut ready = Vec::new();
        if chunk.number - first >= MAX_SPAN {
            ready.extend(self.take());
        }
        match chunk.store {
            Store::Rest(plan, sources)
                if (1..=MAX_LITERALS).contains(&plan.literals.len())
                    && plan.recipe.refs.len() < MAX_REFS
                    && plan.recipe.ops.len() <= MAX_OPS =>
            {
                self.0.members.push(Member {
                    number: chunk.number,
                    id: chunk.id,
                    len: chunk.len,
                    sources,
                    literals: plan.literals.len() as u32,
                    recipe: plan.recipe,
                    at: self.0.rows.len() as u32,
                });
                self.0.rows.extend_from_slice(&plan.literals);
                if self.0.members.len() == MAX_MEMBERS || self.0.rows.len() >= ENOUGH {
                    ready.extend(self.take());
                }
            }
            store => ready.push(Work::One(Related { store, ..chunk })),
        }
        ready
    }

    /// Returns the last group.
    pub(super) fn take(&mut self) -> Option<Work> {
        let group = std::mem::take(&mut self.0);
        (!group.members.is_empty()).then_some(Work::Group(group))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::records::{Plan, Stored};

    fn related(number: u64, literals: usize) -> Related {
        let id = ChunkId::new([number as u8; 32]);
        let old = ChunkId::new([255; 32]);
        let mut ops = vec![Op::Copy { reference: 0, offset: 7, len: 1000 }];
        let mut left = literals as u32;
        while left > 0 {
            let len = left.min(90);
            ops.extend([Op::Literal { len }, Op::Copy { reference: 0, offset: 2000, len: 50 }]);
            left -= len;
        }
        let plan = Plan {
            recipe: Recipe { refs: vec![old], ops },
            literals: (0..literals).map(|n| (n as u64 * 31 + number) as u8).collect(),
            stored: Stored::WHOLE,
        };
        Related { number, id, len: 1, store: Store::Rest(plan, Sources::new()) }
    }

    #[test]
    fn every_recipe_finds_its_own_rows_among_those_of_its_group() {
        let sizes = (0..200_u64).map(|n| match n % 23 {
            0 => 0,
            5 => MAX_LITERALS + 1,
            9 => MAX_LITERALS,
            n => n as usize * 130,
        });
        let sizes: Vec<usize> = sizes.collect();
        let mut gathering = Gathering::default();
        let mut works = Vec::new();
        for (number, literals) in (0..).zip(&sizes) {
            // Occasionally chunks that are already stored lie between them.
            works.extend(gathering.push(related(number + number / 50 * 100, *literals)));
        }
        works.extend(gathering.take());
        let (mut seen, mut groups) = (0, 0);
        for work in works {
            let group = match work {
                Work::One(chunk) => {
                    let Store::Rest(plan, _) = chunk.store else { unreachable!() };
                    assert!(plan.literals.is_empty() || plan.literals.len() > MAX_LITERALS);
                    seen += 1;
                    continue;
                }
                Work::Group(group) => group,
            };
            groups += 1;
            let (first, last) = (group.members.first().unwrap().number, group.members.last().unwrap().number);
            assert!(group.members.len() <= MAX_MEMBERS && last - first < MAX_SPAN);
            assert!(group.rows.len() < ENOUGH + MAX_LITERALS);
            let rows = ChunkId::new([254; 32]);
            for member in &group.members {
                let Related { store: Store::Rest(plan, _), .. } =
                    related(member.number, member.literals as usize)
                else {
                    unreachable!()
                };
                assert_eq!(group.literals(member), plan.literals);
                let recipe = member.copying_from(rows);
                assert_eq!(recipe.refs, [ChunkId::new([255; 32]), rows]);
                let mut copied = Vec::new();
                for (op, before) in recipe.ops.iter().zip(&plan.recipe.ops) {
                    assert_eq!(op.bytes(), before.bytes());
                    match *op {
                        Op::Copy { reference: 1, offset, len } => {
                            copied.extend_from_slice(&group.rows[offset as usize..(offset + len) as usize]);
                        }
                        _ => assert_eq!(op, before),
                    }
                }
                assert_eq!(copied, plan.literals);
                seen += 1;
            }
        }
        assert_eq!(seen, sizes.len());
        assert!(groups > 5);
    }
}
