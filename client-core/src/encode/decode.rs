//! Encoded → plain, and what of a chunk others may copy.

use std::collections::HashMap;

use super::{
    EncodeError, Encoded, Encoding, MAX_ENCODED_LEN,
    compress::decompress,
    recipe::{Op, Parts},
};
use crate::{chunk::MAX_PLAIN_LEN, id::ChunkId};

/// Gives the literal sections of the chunks that a recipe copies from.
pub trait LiteralSource {
    /// What [`literal_section`] says of that chunk, `None` when it cannot be had.
    fn literals(&mut self, id: &ChunkId) -> Option<&[u8]>;
}

impl LiteralSource for HashMap<ChunkId, Vec<u8>> {
    fn literals(&mut self, id: &ChunkId) -> Option<&[u8]> {
        self.get(id).map(Vec::as_slice)
    }
}

/// The plaintext of chunk `id`, of exactly the stated length. Whether it *is* that chunk is for the caller
/// to say: [`crate::chunk::ChunkIdKey::chunk_id`].
///
/// # Errors
/// [`EncodeError`]; nothing beyond the stated length is ever allocated.
pub fn decode(
    id: &ChunkId,
    encoded: &Encoded,
    literals: &mut dyn LiteralSource,
) -> Result<Vec<u8>, EncodeError> {
    match encoded.encoding {
        Encoding::Raw | Encoding::Zstd => literal_section(encoded),
        Encoding::Recipe => {
            check_len(encoded)?;
            let parts = Parts::read(encoded)?;
            let recipe = parts.recipe(encoded.plain_len)?;
            if recipe.refs.contains(id) {
                return Err(EncodeError::Damaged("it copies from itself"));
            }
            build(&recipe.refs, &recipe.ops, &parts.literals()?, encoded.plain_len, literals)
        }
    }
}

fn build(
    refs: &[ChunkId],
    ops: &[Op],
    own: &[u8],
    plain_len: u32,
    source: &mut dyn LiteralSource,
) -> Result<Vec<u8>, EncodeError> {
    let mut plain = Vec::with_capacity(plain_len as usize);
    let mut own = own;
    for op in ops {
        match *op {
            Op::Literal { len } => {
                let (piece, rest) = own
                    .split_at_checked(len as usize)
                    .ok_or(EncodeError::Damaged("its recipe does not use its literals exactly"))?;
                plain.extend_from_slice(piece);
                own = rest;
            }
            Op::Copy { reference, offset, len } => {
                let id =
                    refs.get(usize::from(reference)).ok_or(EncodeError::Damaged("a copy names no chunk"))?;
                let section = source.literals(id).ok_or(EncodeError::MissingReference(*id))?;
                let piece = section
                    .get(offset as usize..offset as usize + len as usize)
                    .ok_or(EncodeError::Damaged("a copy goes beyond the literals of its chunk"))?;
                plain.extend_from_slice(piece);
            }
        }
    }
    Ok(plain)
}

/// What other chunks may copy from this one: the whole plaintext of encodings 1 and 2, the literals of
/// encoding 3. Never leads further.
///
/// # Errors
/// [`EncodeError`].
pub fn literal_section(encoded: &Encoded) -> Result<Vec<u8>, EncodeError> {
    check_len(encoded)?;
    match encoded.encoding {
        Encoding::Raw if encoded.bytes.len() == encoded.plain_len as usize => Ok(encoded.bytes.clone()),
        Encoding::Raw => Err(EncodeError::Damaged("it has another length than it says")),
        Encoding::Zstd => decompress(&encoded.bytes, encoded.plain_len as usize),
        Encoding::Recipe => {
            let parts = Parts::read(encoded)?;
            parts.recipe(encoded.plain_len)?;
            parts.literals()
        }
    }
}

/// The chunks whose literal sections [`decode`] will ask for; none unless it is a recipe.
///
/// # Errors
/// [`EncodeError`].
pub fn recipe_refs(encoded: &Encoded) -> Result<Vec<ChunkId>, EncodeError> {
    check_len(encoded)?;
    match encoded.encoding {
        Encoding::Raw | Encoding::Zstd => Ok(Vec::new()),
        Encoding::Recipe => Ok(Parts::read(encoded)?.recipe(encoded.plain_len)?.refs),
    }
}

fn check_len(encoded: &Encoded) -> Result<(), EncodeError> {
    if encoded.plain_len > MAX_PLAIN_LEN {
        return Err(EncodeError::TooLong(u64::from(encoded.plain_len)));
    }
    if encoded.bytes.len() > MAX_ENCODED_LEN as usize {
        return Err(EncodeError::TooLong(encoded.bytes.len() as u64));
    }
    Ok(())
}
