//! The plan for reproducing a dump from its content: items in the dump's order. `format.md` has the layout.

use super::{
    UnwrapError,
    deflate::{Maker, Params},
};
use crate::encode::varint;

/// Maximum length of a plan, bytes: streams beyond that stay as they are.
pub const MAX_PLAN_LEN: usize = 8 << 20;
/// Maximum size of the pieces of a stream, bytes.
pub(super) const MAX_PIECE: u32 = 1 << 20;
const VERSION: u8 = 1;
const RAW: u8 = 0;
const STREAM: u8 = 1;
const PIECES: u8 = 2;
const CUT: u8 = 4;
const DAMAGED: UnwrapError = UnwrapError("its plan for compressing again is damaged");

/// One part of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Bytes that are copied unchanged.
    Raw {
        /// Number of bytes.
        len: u64,
    },
    /// A compressed stream.
    Stream(Stream),
}

/// A compressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// How it is compressed.
    pub params: Params,
    /// In a `pg_dump` archive: length of the stream's pieces, bytes. Such a stream has a zlib header and trailer,
    /// which surround its content.
    pub pieces: Option<u32>,
    /// Bytes of its content.
    pub plain: u64,
    /// Number of bytes that are reproduced correctly; the rest of the stream follows raw. `None`: all of them.
    pub keep: Option<u64>,
}

/// Writes a plan down.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    raw: u64,
    streams: u64,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![VERSION], raw: 0, streams: 0 }
    }

    pub(super) fn raw(&mut self, len: usize) {
        self.raw += len as u64;
    }

    pub(super) fn stream(&mut self, stream: Stream) {
        self.end_raw();
        self.streams += 1;
        let Stream { params, pieces, plain, keep } = stream;
        let kind = if pieces.is_some() { PIECES } else { STREAM };
        self.bytes.push(kind | if keep.is_some() { CUT } else { 0 });
        self.bytes.push(((params.maker as u8) << 4) | params.level);
        for number in pieces.map(u64::from).into_iter().chain([plain]).chain(keep) {
            varint::write(&mut self.bytes, number);
        }
    }

    fn end_raw(&mut self) {
        if self.raw > 0 {
            self.bytes.push(RAW);
            varint::write(&mut self.bytes, std::mem::take(&mut self.raw));
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() + 128 > MAX_PLAN_LEN
    }

    /// `None`: there are only raw bytes.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        self.end_raw();
        (self.streams > 0).then_some(self.bytes)
    }
}

/// Parses a plan.
#[derive(Debug, Clone)]
pub struct Reader {
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    /// Starts at the first item.
    ///
    /// # Errors
    /// [`UnwrapError`]: too long, or from a newer version.
    pub fn new(bytes: Vec<u8>) -> Result<Self, UnwrapError> {
        match bytes.first() {
            Some(&VERSION) if bytes.len() <= MAX_PLAN_LEN => Ok(Self { bytes, at: 1 }),
            Some(version) if *version > VERSION => {
                Err(UnwrapError("its recompression plan was written by a newer version of Sealkeep"))
            }
            _ => Err(DAMAGED),
        }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// [`UnwrapError`]: damaged.
    pub fn next_item(&mut self) -> Result<Option<Item>, UnwrapError> {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((&kind, after)) = rest.split_first() else { return Ok(None) };
        rest = after;
        let item = if kind == RAW {
            Item::Raw { len: number(&mut rest)? }
        } else {
            let (&params, after) = rest.split_first().ok_or(DAMAGED)?;
            rest = after;
            let maker = *Maker::ALL.get(usize::from(params >> 4)).ok_or(DAMAGED)?;
            let level = params & 0xf;
            let pieces = match kind & !CUT {
                STREAM => None,
                PIECES => Some(u32::try_from(number(&mut rest)?).map_err(|_| DAMAGED)?),
                _ => return Err(DAMAGED),
            };
            if !(1..=9).contains(&level) || pieces.is_some_and(|len| len == 0 || len > MAX_PIECE) {
                return Err(DAMAGED);
            }
            let plain = number(&mut rest)?;
            let keep = if kind & CUT == 0 { None } else { Some(number(&mut rest)?) };
            Item::Stream(Stream { params: Params { maker, level }, pieces, plain, keep })
        };
        self.at = self.bytes.len() - rest.len();
        Ok(Some(item))
    }
}

fn number(bytes: &mut &[u8]) -> Result<u64, UnwrapError> {
    varint::read(bytes).map_err(|_| DAMAGED)
}
