//! Turns matching records into a recipe, if it is worth it.

use std::collections::HashMap;

use super::{
    Found, ListError, Matcher, Stored,
    list::UNKNOWN_DEPTH,
    origins::{Origins, flatten},
};
use crate::{
    encode::{MAX_OPS, Op, Recipe},
    id::ChunkId,
};

/// Maximum length of the chain of recipes that reading a chunk may involve.
pub const MAX_DEPTH: u16 = 64;
/// Recipes deeper than this are flattened, a few per run, or the chunk whole if that is impossible.
const FLATTEN_DEPTH: u16 = 32;
/// Maximum number of other chunks that one copies from: a quarter of what readers allow.
const MAX_SOURCES: usize = 64;
/// A source that provides fewer bytes costs more than it saves.
const MIN_SOURCE: u32 = 512;
/// A shorter copy costs more than it saves.
const MIN_COPY: u32 = 24;

/// How to store a chunk that shares records with the previous dump.
pub struct Plan {
    /// Its recipe.
    pub recipe: Recipe,
    /// Its new bytes, in order.
    pub literals: Vec<u8>,
    /// How the chunk will be stored then.
    pub stored: Stored,
}

/// A part of the new chunk.
#[derive(Clone, Copy)]
struct Stretch {
    len: u32,
    from: Found,
}

/// `None` if the chunk is better stored whole: too few matches, or reading it would take too long. `found` comes from
/// `matcher`; `usable` tells whether a chunk can be copied from.
///
/// # Errors
/// [`ListError`]: the list is no longer usable.
pub fn plan(
    id: &ChunkId,
    plain: &[u8],
    lens: &[u16],
    found: &[Found],
    matcher: &Matcher,
    mut usable: impl FnMut(&ChunkId) -> bool,
) -> Result<Option<Plan>, ListError> {
    let mut stretches =
        join(lens.iter().zip(found).map(|(len, from)| Stretch { len: u32::from(*len), from: *from }));
    let mut gives: HashMap<u32, u32> = HashMap::new();
    for Stretch { len, from } in &stretches {
        if let Some((source, _)) = from {
            *gives.entry(*source).or_default() += len;
        }
    }
    let mut sources: Vec<(u32, u32)> = gives.into_iter().filter(|(_, len)| *len >= MIN_SOURCE).collect();
    sources.sort_unstable_by_key(|(source, len)| (std::cmp::Reverse(*len), *source));
    sources.truncate(MAX_SOURCES);
    let mut rows: HashMap<ChunkId, u32> = HashMap::new();
    let mut refs: HashMap<u32, ChunkId> = HashMap::new();
    let mut depth = 0;
    for (source, _) in sources {
        let copied = matcher.row(source).filter(|row| row.id != *id && row.depth != UNKNOWN_DEPTH);
        if let Some(found) = copied.filter(|found| usable(&found.id)) {
            refs.insert(source, found.id);
            rows.insert(found.id, source);
            depth = depth.max(found.depth + 1);
        }
    }
    for stretch in &mut stretches {
        if stretch.from.is_some_and(|(source, _)| stretch.len < MIN_COPY || !refs.contains_key(&source)) {
            stretch.from = None;
        }
    }
    let stretches = join(stretches.into_iter());
    let copied: u64 = stretches.iter().filter(|s| s.from.is_some()).map(|s| u64::from(s.len)).sum();
    if copied < plain.len() as u64 / 8 || stretches.len() > MAX_OPS {
        return Ok(None);
    }
    let Some((recipe, literals)) = write(plain, &stretches, &refs) else { return Ok(None) };
    let flat = flatten(&recipe, |id| {
        let stored = rows.get(id).map_or(Ok(Stored::UNKNOWN), |row| matcher.list().stored(*row))?;
        Ok(match stored {
            Stored { depth: 0, .. } => Origins::Itself,
            Stored { origins: Some(flat), .. } => Origins::Flat(flat),
            Stored { origins: None, .. } => Origins::Unknown,
        })
    })?;
    // Staggered by the chunk's id, so that not all chunks reach the limit on one day.
    let limit = FLATTEN_DEPTH + u16::from(id.as_bytes()[0]) % (MAX_DEPTH - FLATTEN_DEPTH);
    if depth <= limit {
        return Ok(Some(Plan { recipe, literals, stored: Stored { depth, origins: flat } }));
    }
    Ok(flat.filter(|flat| flat.refs.iter().all(|origin| origin != id && usable(origin))).map(|flat| Plan {
        recipe: flat.clone(),
        literals,
        stored: Stored { depth: 1, origins: Some(flat) },
    }))
}

/// The recipe for these parts, and its literals.
fn write(plain: &[u8], stretches: &[Stretch], refs: &HashMap<u32, ChunkId>) -> Option<(Recipe, Vec<u8>)> {
    let mut recipe = Recipe::default();
    let mut literals = Vec::new();
    let mut position = 0;
    for Stretch { len, from } in stretches {
        let len = *len;
        let op = match from {
            None => {
                literals.extend_from_slice(plain.get(position..position + len as usize)?);
                Op::Literal { len }
            }
            Some((source, offset)) => {
                // Two rows may refer to the same chunk.
                let id = refs.get(source)?;
                Op::Copy { reference: recipe.reference(*id), offset: *offset, len }
            }
        };
        recipe.ops.push(op);
        position += len as usize;
    }
    (position == plain.len()).then_some((recipe, literals))
}

/// Joins adjacent literals, and copies of adjacent bytes.
fn join(stretches: impl Iterator<Item = Stretch>) -> Vec<Stretch> {
    let mut joined: Vec<Stretch> = Vec::new();
    for next in stretches {
        match joined.last_mut() {
            Some(last) if continues(last, &next) => last.len += next.len,
            _ => joined.push(next),
        }
    }
    joined
}

fn continues(last: &Stretch, next: &Stretch) -> bool {
    match (last.from, next.from) {
        (None, None) => true,
        (Some((row, offset)), Some((next_row, next_offset))) => {
            row == next_row && offset + last.len == next_offset
        }
        _ => false,
    }
}
