//! Determines the kind of a dump's compression, and where its compressed streams begin.

use memchr::memchr_iter;

use super::{UnwrapError, framing::piece_len};

/// Number of bytes that determine the kind.
pub(super) const ENOUGH: usize = 16;
/// Maximum length of a gzip header, bytes.
const MAX_GZIP_HEAD: usize = 64 << 10;
/// Length of a gzip trailer: checksum and length.
pub(super) const GZIP_TAIL: usize = 8;
/// Header of a piece, then the two bytes of a zlib header.
const PIECE_START: usize = 7;

/// How a dump is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One gzip stream after another.
    Gzip,
    /// A `pg_dump -Fc` archive whose data is compressed with zlib.
    Archive,
    /// Compressed in a way that cannot be unwrapped.
    Other(&'static str),
    /// Not compressed, as far as can be seen.
    Plain,
}

impl Kind {
    /// By the first [`ENOUGH`] bytes, or all of them if there are fewer.
    pub(super) fn of(head: &[u8]) -> Self {
        match *head {
            [0x1f, 0x8b, 8, flags, ..] if flags < 0x20 => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Other("zstd"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Other("lz4"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Other("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Self::Other("bzip2"),
            // Version 1.x, integers of four bytes, custom format; an algorithm since 1.15, a level before.
            [b'P', b'G', b'D', b'M', b'P', 1, 15..=255, _, 4, _, 1, algorithm, ..] => match algorithm {
                1 => Self::Archive,
                2 => Self::Other("lz4"),
                3 => Self::Other("zstd"),
                _ => Self::Plain,
            },
            [b'P', b'G', b'D', b'M', b'P', 1, 12..15, _, 4, _, 1, _, a, b, c, d, ..]
                if [a, b, c, d] != [0; 4] =>
            {
                Self::Archive
            }
            _ => Self::Plain,
        }
    }
}

/// Length of the gzip header (RFC 1952) that begins here; `None`: needs more bytes.
pub(super) fn gzip_head(bytes: &[u8]) -> Option<Result<usize, UnwrapError>> {
    const NO_HEAD: UnwrapError = UnwrapError("this is no gzip header");
    let fixed = bytes.first_chunk::<10>()?;
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] || flags >= 0x20 {
        return Some(Err(NO_HEAD));
    }
    let mut at = fixed.len();
    if flags & 4 != 0 {
        let len = bytes.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_le_bytes([len[0], len[1]]));
    }
    // Name and comment, each up to a zero byte.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let text = bytes.get(at..)?;
            match memchr::memchr(0, text) {
                Some(end) => at += end + 1,
                None if text.len() > MAX_GZIP_HEAD => return Some(Err(NO_HEAD)),
                None => return None,
            }
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (bytes.len() >= at).then_some(Ok(at))
}

/// The first position where a piece with a zlib header begins, and the piece's length; otherwise how many bytes
/// certainly belong to none.
pub(super) fn find_piece(bytes: &[u8]) -> Result<(usize, u32), usize> {
    let after_head = PIECE_START - 2;
    for at in memchr_iter(0x78, bytes).skip_while(|at| *at < after_head) {
        let start = at - after_head;
        let Some([head @ .., method, flags]) = bytes.get(start..start + PIECE_START) else { break };
        let zlib = (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0 && flags & 0x20 == 0;
        if let Some(len) = piece_len(head).filter(|len| zlib && *len > 2) {
            return Ok((start, len));
        }
    }
    Err(bytes.len().saturating_sub(PIECE_START - 1))
}
