//! Where each part of a chunk was first stored. This allows rewriting a recipe that depends on thirty others as one
//! that depends on literals alone, without reading anything and without storing the chunk again.

use super::ListError;
use crate::{
    encode::{MAX_OPS, Op, Recipe},
    id::ChunkId,
};

/// Maximum number of chunks that a flat recipe copies from: about as many generations of rows. They are in fewer packs
/// than one chunk may depend on.
const MAX_ORIGINS: usize = 192;
/// Minimum number of a chunk's bytes per operation of its flat recipe: with more operations the recipe is no longer
/// much shorter than the chunk.
const BYTES_PER_OP: usize = 64;

/// Rewrites a recipe to copy every byte from where it is stored. `origins` provides the flat recipe of a chunk that is
/// itself a recipe. `None` if one is unknown, or the flat recipe is too long.
///
/// # Errors
/// Same as `origins`.
pub(super) fn flatten(
    recipe: &Recipe,
    origins: impl Fn(&ChunkId) -> Result<Origins, ListError>,
) -> Result<Option<Recipe>, ListError> {
    let mut known = Vec::with_capacity(recipe.refs.len());
    for id in &recipe.refs {
        known.push(match origins(id)? {
            Origins::Itself => None,
            Origins::Flat(flat) => Some(Flat::new(*id, flat)),
            Origins::Unknown => return Ok(None),
        });
    }
    let mut out = Recipe::default();
    for op in &recipe.ops {
        match *op {
            Op::Literal { len } => push(&mut out, None, 0, len),
            Op::Copy { reference, offset, len } => {
                let (Some(id), Some(known)) =
                    (recipe.refs.get(usize::from(reference)), known.get(usize::from(reference)))
                else {
                    return Ok(None);
                };
                match known {
                    None => push(&mut out, Some(*id), offset, len),
                    Some(flat) => flat.stretch(offset, len, &mut out),
                }
            }
        }
        if out.refs.len() > MAX_ORIGINS {
            return Ok(None);
        }
    }
    let plain_len: usize = out.ops.iter().map(|op| op.bytes() as usize).sum();
    let short = out.ops.len() <= MAX_OPS.min(plain_len / BYTES_PER_OP);
    let whole = plain_len == recipe.ops.iter().map(|op| op.bytes() as usize).sum::<usize>();
    Ok((short && whole).then_some(out))
}

/// What is known about where a chunk's bytes are stored.
pub(super) enum Origins {
    /// The chunk itself: it is stored whole.
    Itself,
    /// In this recipe, all of whose copies are of literals, or of a chunk that is stored whole.
    Flat(Recipe),
    /// Nothing.
    Unknown,
}

/// A flat recipe with an index by position.
struct Flat {
    id: ChunkId,
    recipe: Recipe,
    /// Start position of each operation.
    starts: Vec<u32>,
}

impl Flat {
    fn new(id: ChunkId, recipe: Recipe) -> Self {
        let starts = recipe.ops.iter().scan(0_u32, |end, op| {
            let start = *end;
            *end = end.saturating_add(op.bytes());
            Some(start)
        });
        Self { id, starts: starts.collect(), recipe }
    }

    fn stretch(&self, mut offset: u32, mut len: u32, out: &mut Recipe) {
        let first = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        for (op, start) in self.recipe.ops.iter().zip(&self.starts).skip(first) {
            let skip = offset - start;
            let take = len.min(op.bytes().saturating_sub(skip));
            match *op {
                Op::Literal { .. } => push(out, Some(self.id), offset, take),
                Op::Copy { reference, offset: from, .. } => {
                    push(out, self.recipe.refs.get(usize::from(reference)).copied(), from + skip, take);
                }
            }
            (offset, len) = (offset + take, len - take);
            if len == 0 {
                return;
            }
        }
    }
}

/// Appends an operation, or extends the last one.
fn push(out: &mut Recipe, from: Option<ChunkId>, offset: u32, len: u32) {
    let next = match from {
        None => Op::Literal { len },
        Some(id) => Op::Copy { reference: out.reference(id), offset, len },
    };
    match (out.ops.last_mut(), next) {
        (_, Op::Literal { len: 0 } | Op::Copy { len: 0, .. }) => {}
        (Some(Op::Literal { len }), Op::Literal { len: more }) => *len += more,
        (
            Some(Op::Copy { reference, offset, len }),
            Op::Copy { reference: next_reference, offset: next_offset, len: more },
        ) if *reference == next_reference && *offset + *len == next_offset => *len += more,
        _ => out.ops.push(next),
    }
}
