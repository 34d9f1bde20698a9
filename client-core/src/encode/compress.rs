//! Compression with zstd, if it helps.

use std::cell::RefCell;

use zstd::zstd_safe::CParameter::MinMatch;

use super::{EncodeError, Encoded, Encoding};
use crate::chunk::MAX_PLAIN_LEN;

/// zstd level of a run that is not limited by the network.
pub const DEFAULT_LEVEL: i32 = 3;

/// Presets that compress about as well as the default level, fastest first. Which of them compresses as well
/// depends on the data: long matches alone are better for rows full of numbers and ids, and worse for prose.
const PRESETS: [Preset; 4] = [
    Preset { level: 1, min_match: 0 },
    Preset { level: 2, min_match: 0 },
    Preset { level: DEFAULT_LEVEL, min_match: 7 },
    PLAIN,
];
const PLAIN: Preset = Preset::of(DEFAULT_LEVEL);
/// Bytes of a chunk on which the presets are tried.
const SAMPLE: usize = 128 << 10;
/// Chunks between two trials: doubled if the last one showed nothing new.
const FIRST_PAUSE: u32 = 4;
const MAX_PAUSE: u32 = 32;
/// Without short matches new rows are up to a tenth smaller, prose is larger. Tried on one of this many pieces.
const ROWS_MATCH: u32 = 6;
const ROWS_PAUSE: u32 = 8;

/// zstd parameters; 0: the level's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Preset {
    level: i32,
    min_match: u32,
}

impl Preset {
    const fn of(level: i32) -> Self {
        Self { level, min_match: 0 }
    }
}

/// A reusable compression context, one per thread.
pub struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
    preset: Preset,
    fitting: Fitting,
    /// For rows: the minimum match length, and how many pieces it applies to.
    rows: (u32, u32),
}

/// What was learned about the data.
struct Fitting {
    preset: Preset,
    /// Chunks until the next trial, and between the last one and it.
    left: u32,
    pause: u32,
    /// Each preset's output size in millionths of the default level's; newer samples weigh more. 0: not tried yet.
    sizes: [u64; PRESETS.len()],
}

impl Compressor {
    /// Uses zstd's `level` (negative levels are faster).
    ///
    /// # Errors
    /// [`EncodeError::Compressor`]: out of memory, or no such level.
    pub fn new(level: i32) -> Result<Self, EncodeError> {
        let zstd = zstd::bulk::Compressor::new(level).map_err(refused)?;
        Ok(Self {
            zstd,
            scratch: Vec::new(),
            preset: Preset::of(level),
            fitting: Fitting { preset: PLAIN, left: 0, pause: FIRST_PAUSE, sizes: [0; PRESETS.len()] },
            rows: (0, 0),
        })
    }

    /// Switches to another level.
    ///
    /// # Errors
    /// Same as [`Compressor::new`].
    pub fn set_level(&mut self, level: i32) -> Result<(), EncodeError> {
        self.set(Preset::of(level))
    }

    fn set(&mut self, preset: Preset) -> Result<(), EncodeError> {
        if preset != self.preset {
            self.zstd.set_compression_level(preset.level).map_err(refused)?;
            self.zstd.set_parameter(MinMatch(preset.min_match)).map_err(refused)?;
            self.preset = preset;
        }
        Ok(())
    }

    /// Compresses a chunk with the fastest preset that is no larger than the default level, judging by samples.
    ///
    /// # Errors
    /// Same as [`Compressor::compress`].
    pub fn compress_fitting(&mut self, plain: &[u8]) -> Result<Encoded, EncodeError> {
        let Some(sample) = plain.get(..SAMPLE) else {
            self.set(PLAIN)?;
            return self.compress(plain);
        };
        if self.fitting.left == 0 {
            self.try_presets(sample)?;
        }
        self.fitting.left -= 1;
        self.set(self.fitting.preset)?;
        self.compress(plain)
    }

    /// Compresses new rows of several chunks, with or without short matches, whichever is smaller.
    ///
    /// # Errors
    /// Same as [`Compressor::compress`].
    pub fn compress_rows(&mut self, level: i32, rows: &[u8]) -> Result<Encoded, EncodeError> {
        let (min_match, left) = self.rows;
        if left > 0 {
            self.rows.1 -= 1;
            self.set(Preset { level, min_match })?;
            return self.compress(rows);
        }
        self.set(Preset::of(level))?;
        let with = self.compress(rows)?;
        self.set(Preset { level, min_match: ROWS_MATCH })?;
        let without = self.compress(rows)?;
        let fewer = without.bytes.len() < with.bytes.len();
        self.rows = (if fewer { ROWS_MATCH } else { 0 }, ROWS_PAUSE);
        Ok(if fewer { without } else { with })
    }

    fn try_presets(&mut self, sample: &[u8]) -> Result<(), EncodeError> {
        let mut sizes = [0; PRESETS.len()];
        for (size, preset) in sizes.iter_mut().zip(PRESETS) {
            self.set(preset)?;
            *size = self.smaller(sample)?.map_or(sample.len(), |bytes| bytes.len()) as u64;
        }
        let plain = sizes[PRESETS.len() - 1];
        let sizes = sizes.map(|size| size * 1_000_000 / plain);
        let Fitting { preset, left, pause, sizes: known } = &mut self.fitting;
        for (known, size) in known.iter_mut().zip(sizes) {
            *known = if *known == 0 { size } else { u64::midpoint(*known, size) };
        }
        *preset = best(known);
        // A single sample to the contrary may be the beginning of another table.
        *pause = if *preset == best(&sizes) { (2 * *pause).min(MAX_PAUSE) } else { FIRST_PAUSE };
        *left = *pause;
        Ok(())
    }

    /// Compresses a chunk, or keeps it as it is if that is no longer.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] or [`EncodeError::Compressor`].
    pub fn compress(&mut self, plain: &[u8]) -> Result<Encoded, EncodeError> {
        let plain_len = u32::try_from(plain.len()).unwrap_or(u32::MAX);
        if plain_len > MAX_PLAIN_LEN {
            return Err(EncodeError::TooLong(plain.len() as u64));
        }
        Ok(match self.smaller(plain)? {
            Some(bytes) => Encoded { encoding: Encoding::Zstd, plain_len, bytes },
            None => Encoded { encoding: Encoding::Raw, plain_len, bytes: plain.to_vec() },
        })
    }

    /// One zstd frame; `None` if it is not shorter.
    pub(super) fn smaller(&mut self, plain: &[u8]) -> Result<Option<Vec<u8>>, EncodeError> {
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        let len = self.zstd.compress_to_buffer(plain, &mut self.scratch).map_err(refused)?;
        Ok((len < plain.len()).then(|| self.scratch[..len].to_vec()))
    }
}

/// The fastest preset that is smaller than the default level's output, by more than chance, and hardly larger than the
/// smallest.
fn best(sizes: &[u64; PRESETS.len()]) -> Preset {
    let least = sizes.iter().min().copied().unwrap_or(0);
    let most = (least + least / 100).min(997_000);
    sizes.iter().zip(PRESETS).find(|(size, _)| **size <= most).map_or(PLAIN, |(_, preset)| preset)
}

fn refused(error: std::io::Error) -> EncodeError {
    EncodeError::Compressor(error.to_string())
}

/// Decompresses to exactly `plain_len` bytes; never allocates more than that.
pub(super) fn decompress(bytes: &[u8], plain_len: usize) -> Result<Vec<u8>, EncodeError> {
    thread_local! {
        /// Creating a context takes longer than decompressing a small frame.
        static CONTEXT: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let refused = |_| EncodeError::Damaged("invalid zstd data");
    let plain = CONTEXT.with_borrow_mut(|context| {
        let zstd = match context {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(refused)?),
        };
        zstd.decompress(bytes, plain_len).map_err(refused)
    })?;
    if plain.len() == plain_len { Ok(plain) } else { Err(EncodeError::Damaged("it is shorter than it says")) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

    use super::*;

    /// Chunks of rows full of ids, of prose, of noise, and of zeros.
    fn kinds() -> [(&'static str, Vec<Vec<u8>>); 4] {
        let mut random = StdRng::seed_from_u64(1);
        let words: Vec<String> = (0..3000)
            .map(|_| format!("{:x}", random.random::<u64>() >> random.random_range(28..52)))
            .collect();
        let mut row = |random: &mut StdRng| {
            format!(
                "{}\t{:032x}\tpage opened\t{:016x}\n",
                random.random::<u32>(),
                random.random::<u128>(),
                random.random::<u64>()
            )
        };
        let mut many = |mut make: Box<dyn FnMut(&mut StdRng) -> String + '_>| -> Vec<Vec<u8>> {
            let mut chunk = |_| {
                let mut text = String::new();
                while text.len() < 300_000 {
                    text += &make(&mut random);
                }
                text.into_bytes()
            };
            (0..12).map(&mut chunk).collect()
        };
        let rows = many(Box::new(&mut row));
        let prose = many(Box::new(|random| {
            format!("{} ", words[(random.random::<f64>().powi(3) * 3000.0) as usize])
        }));
        let mut noise = vec![vec![0; 300_000]; 12];
        noise.iter_mut().for_each(|chunk| StdRng::seed_from_u64(2).fill_bytes(chunk));
        [("rows", rows), ("prose", prose), ("noise", noise), ("nothing", vec![vec![0; 300_000]; 12])]
    }

    #[test]
    fn rows_are_compressed_in_the_smaller_of_two_ways() {
        for (name, chunks) in kinds() {
            let (mut one, mut plain) = (Compressor::new(3).unwrap(), Compressor::new(9).unwrap());
            let (mut fitted, mut usual) = (0, 0);
            for chunk in &chunks {
                let rows = &chunk[..200_000];
                let encoded = one.compress_rows(9, rows).unwrap();
                assert!(
                    encoded.encoding == Encoding::Raw
                        || decompress(&encoded.bytes, rows.len()).unwrap() == rows
                );
                fitted += encoded.bytes.len();
                usual += plain.compress(rows).unwrap().bytes.len();
            }
            assert!(fitted <= usual + usual / 1000, "{name}: {fitted} for {usual}");
            assert_eq!(one.rows.0 == ROWS_MATCH, fitted < usual, "{name}");
        }
    }

    #[test]
    fn adapted_parameters_are_no_larger_and_faster_where_possible() {
        for (name, chunks) in kinds() {
            let (mut fitting, mut plain) =
                (Compressor::new(9).unwrap(), Compressor::new(DEFAULT_LEVEL).unwrap());
            let (mut one, mut other) = (0, 0);
            for chunk in &chunks {
                let encoded = fitting.compress_fitting(chunk).unwrap();
                assert!(
                    encoded.encoding == Encoding::Raw
                        || decompress(&encoded.bytes, chunk.len()).unwrap() == *chunk
                );
                one += encoded.bytes.len();
                other += plain.compress(chunk).unwrap().bytes.len();
            }
            assert!(one <= other + other / 100, "{name}: {one} for {other}");
            let fast = fitting.fitting.preset != PLAIN;
            assert_eq!(fast, name == "rows", "{name}: {:?}", fitting.fitting.sizes);
            // After `set_level`, `compress` uses that level again.
            fitting.set_level(19).unwrap();
            assert!(
                fitting.compress(&chunks[0]).unwrap().bytes.len()
                    <= plain.compress(&chunks[0]).unwrap().bytes.len()
            );
        }
    }
}
