//! Walks through a tar archive: checksummed headers, contents of the given lengths, two zero blocks at the end.

use super::{Broken, directory::Directory};
use crate::{text, text::Text};

const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const SIZE: std::ops::Range<usize> = 124..136;
const TYPE: usize = 156;
const NAME: std::ops::Range<usize> = 0..100;
/// Folders before the name, in POSIX archives.
const PREFIX: std::ops::Range<usize> = 345..500;
const POSIX: (std::ops::Range<usize>, &[u8]) = (257..263, b"ustar\0");
/// In the header of a sparse file and the blocks that continue it: whether another one follows.
const SPARSE_MORE: usize = 482;
const SPARSE_MORE_STILL: usize = 504;
/// Extended headers are kept to read a size from them; longer ones are not real, bytes.
const MAX_EXTENDED: u64 = 1 << 20;

/// What the next block is.
enum At {
    Header,
    /// More of a sparse file's map.
    Map {
        size: u64,
    },
    /// Contents, padded to whole blocks. `extended`: of an extended header, which may have the next file's size or
    /// name.
    Content {
        left: u64,
        extended: Option<Extended>,
    },
    /// The last block was the first zero block.
    Ending,
    Ended,
    /// There is data after the end, which programs ignore.
    Behind,
}

/// The extended headers before a file's header.
struct Extended {
    kind: u8,
    so_far: Vec<u8>,
}

/// Position in an archive.
pub(super) struct Walker {
    at: At,
    block: Vec<u8>,
    position: u64,
    /// Size of the next file according to its extended header.
    size: Option<u64>,
    /// Its path, if the extended header has it.
    path: Option<String>,
    /// Remaining bytes of the current file, without the padding.
    unread: u64,
    dump: Directory,
}

/// Whether these bytes begin with a valid header.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..BLOCK) else { return false };
    let Some(stated) = block.get(CHECKSUM).and_then(octal) else { return false };
    let sum = |signed: bool| {
        block.iter().enumerate().fold(0_i64, |sum, (at, byte)| {
            let byte = if CHECKSUM.contains(&at) { b' ' } else { *byte };
            sum + if signed { i64::from(byte.cast_signed()) } else { i64::from(byte) }
        })
    };
    // Old programs summed signed bytes.
    block.first() != Some(&0) && [sum(false), sum(true)].contains(&stated.cast_signed())
}

impl Walker {
    pub(super) fn new() -> Self {
        Self {
            at: At::Header,
            block: Vec::new(),
            position: 0,
            size: None,
            path: None,
            unread: 0,
            dump: Directory::new(),
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            // Whole blocks of contents are skipped.
            if let At::Content { left, extended: None } = &mut self.at
                && self.block.is_empty()
                && *left >= BLOCK as u64
            {
                let whole = (*left).min(bytes.len() as u64) / BLOCK as u64 * BLOCK as u64;
                if let Some((contents, rest)) = bytes.split_at_checked(whole as usize).filter(|_| whole > 0) {
                    *left -= whole;
                    self.position += whole;
                    bytes = rest;
                    if *left == 0 {
                        self.at = At::Header;
                    }
                    self.contents(contents)?;
                    continue;
                }
            }
            let take = (BLOCK - self.block.len()).min(bytes.len());
            let (now, rest) = bytes.split_at(take);
            self.block.extend_from_slice(now);
            bytes = rest;
            if self.block.len() == BLOCK {
                let block = std::mem::take(&mut self.block);
                self.whole_block(&block)?;
                self.position += BLOCK as u64;
            }
        }
        Ok(())
    }

    /// Contents of a file, with their padding.
    fn contents(&mut self, padded: &[u8]) -> Result<(), Broken> {
        if self.unread == 0 {
            return Ok(());
        }
        let len = self.unread.min(padded.len() as u64);
        self.unread -= len;
        self.dump.content(padded.get(..len as usize).unwrap_or_default())?;
        if self.unread == 0 { self.dump.end() } else { Ok(()) }
    }

    fn whole_block(&mut self, block: &[u8]) -> Result<(), Broken> {
        let zeros = block.iter().all(|byte| *byte == 0);
        self.at = match std::mem::replace(&mut self.at, At::Header) {
            At::Header if zeros => At::Ending,
            At::Ending | At::Ended if zeros => At::Ended,
            At::Behind => At::Behind,
            At::Ended if !is_header(block) => At::Behind,
            // Concatenated archives.
            At::Header | At::Ending | At::Ended => self.header(block)?,
            At::Map { size } => map(block, SPARSE_MORE_STILL, size),
            At::Content { left, extended } => {
                let now = left.min(BLOCK as u64);
                let left = left - now;
                let extended = match extended {
                    None => {
                        self.contents(block)?;
                        None
                    }
                    Some(mut extended) => {
                        extended.so_far.extend_from_slice(block.get(..now as usize).unwrap_or_default());
                        Some(extended)
                    }
                };
                if left > 0 {
                    At::Content { left, extended }
                } else {
                    if let Some(extended) = extended {
                        self.extended(&extended);
                    }
                    At::Header
                }
            }
        };
        Ok(())
    }

    fn extended(&mut self, Extended { kind, so_far }: &Extended) {
        if *kind == b'L' {
            self.path = Some(text(so_far));
        } else {
            self.size = stated(so_far, b"size=").and_then(|size| size.parse().ok()).or(self.size);
            self.path = stated(so_far, b"path=").map(str::to_owned).or_else(|| self.path.take());
        }
    }

    fn header(&mut self, block: &[u8]) -> Result<At, Broken> {
        if !is_header(block) {
            return Err(self.broken(text!("no valid header where one must be")));
        }
        let stated = block.get(SIZE).and_then(number);
        let stated = stated.ok_or_else(|| self.broken(text!("a header states no size")))?;
        let kind = block.get(TYPE).copied().unwrap_or(0);
        if !matches!(kind, b'x' | b'g' | b'L' | b'K') {
            let path = self.path.take().unwrap_or_else(|| path(block));
            let contents = !matches!(kind, b'1'..=b'6');
            self.dump.begin(&path, contents);
        }
        match kind {
            // Links, devices, directories and pipes have no contents, whatever their size field says.
            b'1'..=b'6' => {
                self.size = None;
                Ok(At::Header)
            }
            b'x' | b'g' | b'L' if stated > MAX_EXTENDED => {
                Err(self.broken(text!("an extended header is too long")))
            }
            b'x' | b'L' => Ok(content(stated, Some(Extended { kind, so_far: Vec::new() }))),
            // A link's long name belongs to the file after it and keeps its size.
            b'g' | b'K' => Ok(content(stated, None)),
            b'S' => {
                let size = self.size.take().unwrap_or(stated);
                Ok(map(block, SPARSE_MORE, size))
            }
            _ => {
                let size = self.size.take().unwrap_or(stated);
                self.unread = size;
                if size == 0 {
                    self.dump.end()?;
                }
                Ok(content(size, None))
            }
        }
    }

    /// Whether everything could be checked.
    pub(super) fn finish(&self) -> Result<bool, Broken> {
        match self.at {
            At::Ended => {
                let garbage = self.block.iter().any(|byte| *byte != 0);
                self.dump.finish().map(|compared| compared && !garbage)
            }
            At::Behind => self.dump.finish().map(|_| false),
            At::Content { .. } | At::Map { .. } => Err(self.broken(text!("it ends within a file"))),
            At::Header | At::Ending => {
                Err(self.broken(text!("it ends without the two blocks of zeros that close it")))
            }
        }
    }

    fn broken(&self, what: Text) -> Broken {
        Broken(text!("tar archive, byte {position}: {what}", position = self.position, what))
    }
}

fn content(size: u64, extended: Option<Extended>) -> At {
    if size == 0 { At::Header } else { At::Content { left: padded(size, extended.is_some()), extended } }
}

/// Contents fill whole blocks; an extended header's own length is needed to the byte.
fn padded(size: u64, exact: bool) -> u64 {
    if exact { size } else { size.saturating_add(BLOCK as u64 - 1) / BLOCK as u64 * BLOCK as u64 }
}

fn map(block: &[u8], more: usize, size: u64) -> At {
    if block.get(more).is_some_and(|flag| !matches!(flag, 0 | b'0')) {
        At::Map { size }
    } else {
        content(size, None)
    }
}

/// Octal digits up to a space or zero, or a number in base 256.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => {
            let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
            let low = low.try_into().ok().map(u64::from_be_bytes)?;
            high.iter().all(|byte| *byte == 0).then_some(low)
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.split([' ', '\0']).next()?;
    u64::from_str_radix(digits, 8).ok()
}

/// A value from the records `LENGTH KEY=VALUE\n` of an extended header.
fn stated<'a>(mut header: &'a [u8], key: &[u8]) -> Option<&'a str> {
    let mut found = None;
    while !header.is_empty() {
        let space = header.iter().position(|byte| *byte == b' ')?;
        let len: usize = std::str::from_utf8(header.get(..space)?).ok()?.parse().ok()?;
        let record = header.get(space + 1..len.checked_sub(1)?)?;
        if let Some(value) = record.strip_prefix(key) {
            found = std::str::from_utf8(value).ok();
        }
        header = header.get(len..)?;
    }
    found
}

/// Up to the first zero byte.
fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

fn path(header: &[u8]) -> String {
    let name = text(header.get(NAME).unwrap_or_default());
    let prefix = match header.get(POSIX.0) {
        Some(magic) if magic == POSIX.1 => text(header.get(PREFIX).unwrap_or_default()),
        _ => String::new(),
    };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}
