//! Encoded → plain, completely or in part.

use super::{EncodeError, Encoded, Encoding, MAX_ENCODED_LEN, Op, compress::decompress, recipe::Parts};
use crate::{chunk::MAX_PLAIN_LEN, id::ChunkId};

/// Maximum number of recipes in a chain. Writers stop far below.
pub const MAX_HOPS: usize = 128;

/// A part of a chunk's plaintext, and how many recipes led there.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// Its offset.
    pub offset: u32,
    /// Its length in bytes.
    pub len: u32,
    /// 0 for a chunk that is read directly.
    pub hops: usize,
}

/// Provides parts of the chunks that a recipe copies from.
pub trait Plaintexts {
    /// Appends a part of a chunk's plaintext to `out`.
    ///
    /// # Errors
    /// [`EncodeError::MissingReference`] if the chunk is unavailable; otherwise same as [`Opened::stretch`].
    fn copy(&mut self, id: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// The plaintext of chunk `id`, of exactly the stated length. Whether it *is* that chunk is for the caller to check:
/// [`crate::chunk::ChunkIdKey::chunk_id`].
///
/// # Errors
/// [`EncodeError`]; never allocates more than the stated length.
pub fn decode(id: &ChunkId, encoded: &Encoded, others: &mut dyn Plaintexts) -> Result<Vec<u8>, EncodeError> {
    match Opened::read(id, encoded)? {
        Opened::Plain(plain) => Ok(plain),
        Opened::Built(built) => {
            let mut plain = Vec::with_capacity(encoded.plain_len as usize);
            let whole = Stretch { offset: 0, len: encoded.plain_len, hops: 0 };
            built.stretch(whole, others, &mut plain, &mut 0)?;
            Ok(plain)
        }
    }
}

/// A parsed encoding that can produce any part of its plaintext.
pub enum Opened {
    /// Encodings 1 and 2.
    Plain(Vec<u8>),
    /// Encoding 3.
    Built(Built),
}

/// A recipe and its literals.
pub struct Built {
    refs: Vec<ChunkId>,
    steps: Vec<Step>,
    literals: Vec<u8>,
}

/// An operation and its position in the plaintext.
struct Step {
    start: u32,
    len: u32,
    /// Offset in the literals, or in the referenced chunk.
    offset: u32,
    reference: Option<u16>,
}

impl Opened {
    /// Parses an encoding, checking every limit that does not depend on other chunks.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn read(id: &ChunkId, encoded: &Encoded) -> Result<Self, EncodeError> {
        check_len(encoded)?;
        match encoded.encoding {
            Encoding::Raw if encoded.bytes.len() == encoded.plain_len as usize => {
                Ok(Self::Plain(encoded.bytes.clone()))
            }
            Encoding::Raw => Err(EncodeError::Damaged("it has another length than it says")),
            Encoding::Zstd => Ok(Self::Plain(decompress(&encoded.bytes, encoded.plain_len as usize)?)),
            Encoding::Recipe => {
                let parts = Parts::read(encoded)?;
                let recipe = parts.recipe(encoded.plain_len)?;
                if recipe.refs.contains(id) {
                    return Err(EncodeError::Damaged("it copies from itself"));
                }
                let (mut start, mut own) = (0, 0);
                let steps = recipe
                    .ops
                    .iter()
                    .map(|op| {
                        let (len, offset, reference) = match *op {
                            Op::Literal { len } => (len, own, None),
                            Op::Copy { reference, offset, len } => (len, offset, Some(reference)),
                        };
                        own += if reference.is_none() { len } else { 0 };
                        let step = Step { start, len, offset, reference };
                        start += len;
                        step
                    })
                    .collect();
                Ok(Self::Built(Built { refs: recipe.refs, steps, literals: parts.literals()? }))
            }
        }
    }

    /// The chunks that it copies from.
    #[must_use]
    pub fn refs(&self) -> &[ChunkId] {
        match self {
            Self::Plain(_) => &[],
            Self::Built(built) => &built.refs,
        }
    }

    /// Approximate memory use.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Plain(plain) => plain.len(),
            Self::Built(built) => {
                built.literals.len() + built.steps.len() * size_of::<Step>() + built.refs.len() * 32
            }
        }
    }

    /// Appends a part of the plaintext to `out`. `hint` is where the last part ended, for speed.
    ///
    /// # Errors
    /// [`EncodeError::Damaged`] if it exceeds the chunk; errors of `others`.
    pub fn stretch(
        &self,
        stretch: Stretch,
        others: &mut dyn Plaintexts,
        out: &mut Vec<u8>,
        hint: &mut usize,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Plain(plain) => {
                out.extend_from_slice(part(plain, stretch.offset, stretch.len).ok_or(BEYOND)?);
                Ok(())
            }
            Self::Built(built) => built.stretch(stretch, others, out, hint),
        }
    }
}

const BEYOND: EncodeError = EncodeError::Damaged("a copy goes beyond its chunk");

impl Built {
    fn stretch(
        &self,
        stretch: Stretch,
        others: &mut dyn Plaintexts,
        out: &mut Vec<u8>,
        hint: &mut usize,
    ) -> Result<(), EncodeError> {
        let Stretch { mut offset, mut len, hops } = stretch;
        let holds =
            |at: usize| self.steps.get(at).is_some_and(|s| s.start <= offset && offset - s.start < s.len);
        let mut at = match *hint {
            at if holds(at) => at,
            at if holds(at + 1) => at + 1,
            _ => self.steps.partition_point(|step| step.start <= offset).saturating_sub(1),
        };
        while len > 0 {
            let step = self.steps.get(at).ok_or(BEYOND)?;
            let skip = offset.checked_sub(step.start).filter(|skip| *skip < step.len).ok_or(BEYOND)?;
            let take = len.min(step.len - skip);
            let from = step.offset.checked_add(skip).ok_or(BEYOND)?;
            match step.reference {
                None => out.extend_from_slice(part(&self.literals, from, take).ok_or(BEYOND)?),
                Some(reference) => {
                    let id = self.refs.get(usize::from(reference)).ok_or(BEYOND)?;
                    if hops == MAX_HOPS {
                        return Err(EncodeError::Damaged("its copies lead in a circle"));
                    }
                    others.copy(id, Stretch { offset: from, len: take, hops: hops + 1 }, out)?;
                }
            }
            *hint = at;
            (offset, len, at) = (offset + take, len - take, at + 1);
        }
        Ok(())
    }
}

fn part(bytes: &[u8], offset: u32, len: u32) -> Option<&[u8]> {
    bytes.get(offset as usize..(offset as usize).checked_add(len as usize)?)
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
