//! Produces deflate streams exactly as zlib and GNU gzip do, bit for bit.
//!
//! Any library's compressor may change its decisions with a release, but what a snapshot stores must be reproducible
//! in ten years. So the decisions of these two, unchanged since 1995, are implemented here. Sources: RFC 1951 for the
//! format; the algorithm as documented by zlib 1.3 (`deflate.c`, `trees.c`).

mod blocks;
mod matches;
mod trees;

use self::{blocks::Blocks, matches::Matches};

/// Which compressor to imitate, at which level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Params {
    /// The compressor.
    pub maker: Maker,
    /// 1 (fastest) to 9 (smallest).
    pub level: u8,
}

/// The compressor of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Maker {
    /// zlib with its default memory level 8: `pg_dump`, Python, Java, BSD gzip.
    Zlib = 0,
    /// GNU gzip.
    GnuGzip = 1,
    /// zlib with memory level 9.
    ZlibLarge = 2,
}

impl Maker {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Zlib, Self::GnuGzip, Self::ZlibLarge];

    /// Bits of the hash of three bytes.
    const fn hash_bits(self) -> u32 {
        match self {
            Self::Zlib | Self::GnuGzip => 15,
            Self::ZlibLarge => 16,
        }
    }

    /// Maximum number of literals and matches in a block.
    const fn symbols(self) -> usize {
        match self {
            Self::Zlib => (1 << 14) - 1,
            Self::GnuGzip | Self::ZlibLarge => (1 << 15) - 1,
        }
    }
}

/// Levels and search limits (`configuration_table`).
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// A previous match this long shortens the search to a quarter.
    good: usize,
    /// A match this long is not improved upon; at the fast levels, its bytes are not indexed.
    lazy: usize,
    /// A match this long ends the search.
    nice: usize,
    /// Maximum number of candidates.
    chain: u32,
}

const EFFORTS: [Effort; 9] = [
    Effort { good: 4, lazy: 4, nice: 8, chain: 4 },
    Effort { good: 4, lazy: 5, nice: 16, chain: 8 },
    Effort { good: 4, lazy: 6, nice: 32, chain: 32 },
    Effort { good: 4, lazy: 4, nice: 16, chain: 16 },
    Effort { good: 8, lazy: 16, nice: 32, chain: 32 },
    Effort { good: 8, lazy: 16, nice: 128, chain: 128 },
    Effort { good: 8, lazy: 32, nice: 128, chain: 256 },
    Effort { good: 32, lazy: 128, nice: 258, chain: 1024 },
    Effort { good: 32, lazy: 258, nice: 258, chain: 4096 },
];

/// Compresses one stream. Uses about 400 KiB.
pub struct Deflater {
    params: Params,
    matches: Matches,
    blocks: Blocks,
}

impl Deflater {
    /// Starts a stream. A level out of range counts as the nearest one.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self { params, matches: Matches::new(params), blocks: Blocks::new(params) }
    }

    /// Its parameters.
    #[must_use]
    pub const fn params(&self) -> Params {
        self.params
    }

    /// Compresses the next bytes; appends finished output to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.matches.push(bytes, &mut self.blocks, out);
    }

    /// Appends the rest of the stream, and starts the next one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.matches.finish(&mut self.blocks, out);
        self.matches.reset();
        self.blocks.reset();
    }

    /// Discards the stream so far.
    pub fn reset(&mut self) {
        self.matches.reset();
        self.blocks.reset();
    }
}
