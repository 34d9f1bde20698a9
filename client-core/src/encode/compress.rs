//! zstd, when it helps.

use super::{EncodeError, Encoded, Encoding};
use crate::chunk::MAX_PLAIN_LEN;

/// zstd level of a run that does not wait for the network.
pub const DEFAULT_LEVEL: i32 = 3;

/// A reusable compression context; one per thread.
pub struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
    level: i32,
}

impl Compressor {
    /// For zstd `level` (negative levels are faster).
    ///
    /// # Errors
    /// [`EncodeError::Compressor`]: no memory, or no such level.
    pub fn new(level: i32) -> Result<Self, EncodeError> {
        let zstd = zstd::bulk::Compressor::new(level).map_err(|e| EncodeError::Compressor(e.to_string()))?;
        Ok(Self { zstd, scratch: Vec::new(), level })
    }

    /// Goes on with another level.
    ///
    /// # Errors
    /// As [`Compressor::new`].
    pub fn set_level(&mut self, level: i32) -> Result<(), EncodeError> {
        if level != self.level {
            self.zstd.set_compression_level(level).map_err(|e| EncodeError::Compressor(e.to_string()))?;
            self.level = level;
        }
        Ok(())
    }

    /// Compresses a chunk, or keeps it as it is when that is no longer.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] or [`EncodeError::Compressor`].
    pub fn compress(&mut self, plain: Vec<u8>) -> Result<Encoded, EncodeError> {
        let plain_len = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        if plain_len > MAX_PLAIN_LEN {
            return Err(EncodeError::TooLong(plain.len() as u64));
        }
        Ok(match self.smaller(&plain)? {
            Some(bytes) => Encoded { encoding: Encoding::Zstd, plain_len, bytes },
            None => Encoded { encoding: Encoding::Raw, plain_len, bytes: plain },
        })
    }

    /// One zstd frame, `None` when it is not shorter.
    pub(super) fn smaller(&mut self, plain: &[u8]) -> Result<Option<Vec<u8>>, EncodeError> {
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        let len = self
            .zstd
            .compress_to_buffer(plain, &mut self.scratch)
            .map_err(|e| EncodeError::Compressor(e.to_string()))?;
        Ok((len < plain.len()).then(|| self.scratch[..len].to_vec()))
    }
}

/// Decompresses to exactly `plain_len` bytes; memory beyond that is never asked for.
pub(super) fn decompress(bytes: &[u8], plain_len: usize) -> Result<Vec<u8>, EncodeError> {
    let plain =
        zstd::bulk::decompress(bytes, plain_len).map_err(|_| EncodeError::Damaged("zstd refuses it"))?;
    if plain.len() == plain_len { Ok(plain) } else { Err(EncodeError::Damaged("it is shorter than it says")) }
}
