//! Chunk sizes, valid by construction.

use serde::{Deserialize, Serialize};

use super::MAX_PLAIN_LEN;

/// Invalid chunk sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chunk sizes {min}/{avg}/{max} are not usable: {why}")]
pub struct InvalidParams {
    min: u32,
    avg: u32,
    max: u32,
    why: &'static str,
}

/// Minimum, expected and maximum chunk size in bytes. Fixed when a deduplication domain is created: other sizes cut
/// elsewhere and find no duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32, u32)", into = "(u32, u32, u32)")]
pub struct ChunkerParams {
    min: u32,
    avg: u32,
    max: u32,
}

impl Default for ChunkerParams {
    /// 256 KiB, 1 MiB, 4 MiB.
    fn default() -> Self {
        Self { min: 256 * 1024, avg: 1024 * 1024, max: 4 * 1024 * 1024 }
    }
}

impl ChunkerParams {
    /// Records of data without lines: 128 B, 512 B, 4 KiB.
    pub(crate) const RECORDS: Self = Self { min: 128, avg: 512, max: 4096 };

    /// Checks what the `fastcdc` crate checks only in debug builds.
    ///
    /// # Errors
    /// [`InvalidParams`] says what is wrong.
    pub const fn new(min: u32, avg: u32, max: u32) -> Result<Self, InvalidParams> {
        let why = if min < 64 || min > 1024 * 1024 {
            "the smallest must lie between 64 B and 1 MiB"
        } else if avg < 256 || avg > 4 * 1024 * 1024 || !avg.is_power_of_two() {
            "the expected size must be a power of two between 256 B and 4 MiB"
        } else if max < 1024 || max > MAX_PLAIN_LEN {
            "the largest must lie between 1 KiB and 16 MiB"
        } else if !min.is_multiple_of(2) || !max.is_multiple_of(2) {
            "they must be even"
        } else if min >= avg || avg >= max {
            "they must ascend"
        } else {
            return Ok(Self { min, avg, max });
        };
        Err(InvalidParams { min, avg, max, why })
    }

    /// Minimum chunk size in bytes, except for the last chunk.
    #[must_use]
    pub const fn min(self) -> u32 {
        self.min
    }

    /// The size around which cuts are searched, bytes.
    #[must_use]
    pub const fn avg(self) -> u32 {
        self.avg
    }

    /// Maximum chunk size in bytes.
    #[must_use]
    pub const fn max(self) -> u32 {
        self.max
    }
}

impl TryFrom<(u32, u32, u32)> for ChunkerParams {
    type Error = InvalidParams;
    fn try_from((min, avg, max): (u32, u32, u32)) -> Result<Self, InvalidParams> {
        Self::new(min, avg, max)
    }
}

impl From<ChunkerParams> for (u32, u32, u32) {
    fn from(ChunkerParams { min, avg, max }: ChunkerParams) -> Self {
        (min, avg, max)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_would_misbehave_are_refused() {
        ChunkerParams::new(64, 256, 1024).unwrap();
        for (min, avg, max) in [
            (63, 256, 1024),
            (65, 256, 1024),
            (64, 300, 1024),
            (64, 256, 1023),
            (256, 256, 1024),
            (64, 2048, 1024),
            (64, 256, 32 * 1024 * 1024),
            (2 * 1024 * 1024, 4 * 1024 * 1024, 8 * 1024 * 1024),
        ] {
            assert!(ChunkerParams::new(min, avg, max).is_err(), "{min}/{avg}/{max}");
        }
    }
}
