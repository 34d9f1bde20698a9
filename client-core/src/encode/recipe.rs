//! Encoding 3: literals, and a recipe for building the chunk from them and parts of other chunks.

use super::{Compressor, EncodeError, Encoded, Encoding, compress::decompress, varint};
use crate::{chunk::MAX_PLAIN_LEN, id::ChunkId};

/// Maximum number of other chunks that one chunk may copy from.
pub const MAX_REFS: usize = 256;
/// Maximum number of literal and copy operations in one chunk.
pub const MAX_OPS: usize = 65_536;
/// Maximum length of a recipe before compression: refs, counts, and at most 16 bytes per operation.
const MAX_RECIPE_LEN: usize = MAX_REFS * 32 + MAX_OPS * 16 + 16;

const RECIPE_ZSTD: u8 = 1;
const LITERALS_ZSTD: u8 = 2;

/// One step of building a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The next `len` bytes of the chunk's own literals.
    Literal {
        /// Number of bytes, not 0.
        len: u32,
    },
    /// `len` bytes of another chunk.
    Copy {
        /// Index of the recipe's reference.
        reference: u16,
        /// Offset in that chunk's plaintext.
        offset: u32,
        /// Number of bytes, not 0.
        len: u32,
    },
}

impl Op {
    /// Number of bytes that it adds.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        match *self {
            Self::Literal { len } | Self::Copy { len, .. } => len,
        }
    }
}

/// How a chunk is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipe {
    /// Chunks that are copied from; all are used, and none is listed twice.
    pub refs: Vec<ChunkId>,
    /// In plaintext order.
    pub ops: Vec<Op>,
}

impl Recipe {
    /// The index of a chunk among the references; adds it if it is new.
    pub(crate) fn reference(&mut self, id: ChunkId) -> u16 {
        let known = self.refs.iter().rposition(|other| *other == id);
        let number = known.unwrap_or_else(|| {
            self.refs.push(id);
            self.refs.len() - 1
        });
        number as u16
    }

    /// Encodes a chunk as this recipe and its literals.
    ///
    /// # Errors
    /// [`EncodeError::Damaged`] if the recipe exceeds a limit that readers enforce.
    pub fn encode(&self, literals: &[u8], compressor: &mut Compressor) -> Result<Encoded, EncodeError> {
        let plain_len = self.check(literals.len())?;
        let recipe = self.to_bytes();
        let (mut flags, recipe_len) = (0, recipe.len());
        let recipe = match compressor.smaller(&recipe)? {
            Some(shorter) => {
                flags |= RECIPE_ZSTD;
                shorter
            }
            None => recipe,
        };
        let mut bytes = vec![flags];
        varint::write(&mut bytes, recipe_len as u64);
        varint::write(&mut bytes, recipe.len() as u64);
        varint::write(&mut bytes, literals.len() as u64);
        bytes.extend_from_slice(&recipe);
        match compressor.smaller(literals)? {
            Some(shorter) => {
                flags |= LITERALS_ZSTD;
                bytes.extend_from_slice(&shorter);
            }
            None => bytes.extend_from_slice(literals),
        }
        if let Some(first) = bytes.first_mut() {
            *first = flags;
        }
        Ok(Encoded { encoding: Encoding::Recipe, plain_len, bytes })
    }

    /// Checks the limits that apply to writers and readers; returns the plaintext length.
    fn check(&self, literals_len: usize) -> Result<u32, EncodeError> {
        if self.refs.len() > MAX_REFS {
            return Err(EncodeError::Damaged("it copies from too many chunks"));
        }
        if self.ops.len() > MAX_OPS {
            return Err(EncodeError::Damaged("its recipe is too long"));
        }
        let mut sorted = self.refs.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(EncodeError::Damaged("its recipe names a chunk twice"));
        }
        let (mut total, mut own) = (0_u64, 0_u64);
        for op in &self.ops {
            let len = op.bytes();
            match *op {
                Op::Literal { .. } => own += u64::from(len),
                Op::Copy { reference, .. } if usize::from(reference) >= self.refs.len() => {
                    return Err(EncodeError::Damaged("a copy names no chunk"));
                }
                Op::Copy { .. } => {}
            }
            if len == 0 {
                return Err(EncodeError::Damaged("an operation of its recipe is empty"));
            }
            total += u64::from(len);
        }
        if own != literals_len as u64 {
            return Err(EncodeError::Damaged("its recipe does not use its literals exactly"));
        }
        u32::try_from(total).ok().filter(|t| *t <= MAX_PLAIN_LEN).ok_or(EncodeError::TooLong(total))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.refs.len() * 32 + self.ops.len() * 4 + 8);
        varint::write(&mut out, self.refs.len() as u64);
        for id in &self.refs {
            out.extend_from_slice(id.as_bytes());
        }
        varint::write(&mut out, self.ops.len() as u64);
        let mut ends = vec![0_i64; self.refs.len()];
        for op in &self.ops {
            match *op {
                Op::Literal { len } => varint::write(&mut out, u64::from(len) << 1),
                Op::Copy { reference, offset, len } => {
                    varint::write(&mut out, u64::from(len) << 1 | 1);
                    varint::write(&mut out, u64::from(reference));
                    if let Some(end) = ends.get_mut(usize::from(reference)) {
                        varint::write_signed(&mut out, i64::from(offset) - *end);
                        *end = i64::from(offset) + i64::from(len);
                    }
                }
            }
        }
        out
    }

    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, EncodeError> {
        let n_refs = varint::read_max(&mut bytes, MAX_REFS, "it copies from too many chunks")?;
        let (refs, rest) =
            bytes.split_at_checked(n_refs * 32).ok_or(EncodeError::Damaged("its recipe is cut off"))?;
        let refs = refs.as_chunks::<32>().0.iter().map(|id| ChunkId::new(*id)).collect();
        bytes = rest;
        let n_ops = varint::read_max(&mut bytes, MAX_OPS, "its recipe is too long")?;
        let mut ends = vec![0_i64; n_refs];
        let mut ops = Vec::with_capacity(n_ops.min(bytes.len()));
        for _ in 0..n_ops {
            let head = varint::read(&mut bytes)?;
            let len = u32::try_from(head >> 1).map_err(|_| EncodeError::TooLong(head >> 1))?;
            ops.push(if head & 1 == 0 {
                Op::Literal { len }
            } else {
                let reference = varint::read_max(&mut bytes, n_refs, "a copy names no chunk")?;
                let end = ends.get_mut(reference).ok_or(EncodeError::Damaged("a copy names no chunk"))?;
                let offset = end
                    .checked_add(varint::read_signed(&mut bytes)?)
                    .and_then(|offset| u32::try_from(offset).ok())
                    .ok_or(EncodeError::Damaged("a copy lies outside of every chunk"))?;
                *end = i64::from(offset) + i64::from(len);
                Op::Copy { reference: reference as u16, offset, len }
            });
        }
        if !bytes.is_empty() {
            return Err(EncodeError::Damaged("bytes follow its recipe"));
        }
        Ok(Self { refs, ops })
    }
}

/// A parsed encoding 3, with its literals still compressed.
pub(super) struct Parts<'a> {
    flags: u8,
    recipe: &'a [u8],
    recipe_len: usize,
    literals: &'a [u8],
    literals_len: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn read(encoded: &'a Encoded) -> Result<Self, EncodeError> {
        let cut_off = EncodeError::Damaged("its recipe is cut off");
        let (&flags, mut rest) = encoded.bytes.split_first().ok_or_else(|| cut_off.clone())?;
        if flags & !(RECIPE_ZSTD | LITERALS_ZSTD) != 0 {
            return Err(EncodeError::Damaged("its recipe has unknown flags"));
        }
        let recipe_len = varint::read_max(&mut rest, MAX_RECIPE_LEN, "its recipe is too long")?;
        let stored = varint::read_max(&mut rest, MAX_RECIPE_LEN, "its recipe is too long")?;
        let literals_len =
            varint::read_max(&mut rest, encoded.plain_len as usize, "it has more literals than bytes")?;
        let (recipe, literals) = rest.split_at_checked(stored).ok_or(cut_off)?;
        let parts = Self { flags, recipe, recipe_len, literals, literals_len };
        if flags & RECIPE_ZSTD == 0 && recipe.len() != recipe_len
            || flags & LITERALS_ZSTD == 0 && literals.len() != literals_len
        {
            return Err(EncodeError::Damaged("its lengths do not agree"));
        }
        Ok(parts)
    }

    /// The recipe, with every limit checked that does not depend on other chunks.
    pub(super) fn recipe(&self, plain_len: u32) -> Result<Recipe, EncodeError> {
        let recipe = if self.flags & RECIPE_ZSTD == 0 {
            Recipe::from_bytes(self.recipe)?
        } else {
            Recipe::from_bytes(&decompress(self.recipe, self.recipe_len)?)?
        };
        if recipe.check(self.literals_len)? == plain_len {
            Ok(recipe)
        } else {
            Err(EncodeError::Damaged("its recipe makes another length than it says"))
        }
    }

    pub(super) fn literals(&self) -> Result<Vec<u8>, EncodeError> {
        if self.flags & LITERALS_ZSTD == 0 {
            Ok(self.literals.to_vec())
        } else {
            decompress(self.literals, self.literals_len)
        }
    }
}
