//! Walks through a tar archive: checksummed headers, contents of the stated lengths, two blocks of zeros at the end.

use super::Broken;

const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const SIZE: std::ops::Range<usize> = 124..136;
const TYPE: usize = 156;
/// Of the header of a sparse file, and of the blocks that continue it: whether another one follows.
const SPARSE_MORE: usize = 482;
const SPARSE_MORE_STILL: usize = 504;
/// Extended headers are kept to read a size from; longer ones are not real, bytes.
const MAX_EXTENDED: u64 = 1 << 20;

/// What the next block is.
enum At {
    Header,
    /// More of a sparse file's map.
    Map {
        size: u64,
    },
    /// Contents, padded to whole blocks. `extended`: of an extended header, which may state the next file's size.
    Content {
        left: u64,
        extended: Option<Vec<u8>>,
    },
    /// The last block was the first one of zeros.
    Ending,
    Ended,
}

/// Position in an archive.
pub(super) struct Walker {
    at: At,
    block: Vec<u8>,
    position: u64,
    /// Size of the next file by the extended header in front of it.
    size: Option<u64>,
}

/// Whether a valid header stands here.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..BLOCK) else { return false };
    let Some(stated) = block.get(CHECKSUM).and_then(octal) else { return false };
    let sum = |signed: bool| {
        block.iter().enumerate().fold(0_i64, |sum, (at, byte)| {
            let byte = if CHECKSUM.contains(&at) { b' ' } else { *byte };
            sum + if signed { i64::from(byte.cast_signed()) } else { i64::from(byte) }
        })
    };
    // Old programs added signed bytes.
    block.first() != Some(&0) && [sum(false), sum(true)].contains(&stated.cast_signed())
}

impl Walker {
    pub(super) const fn new() -> Self {
        Self { at: At::Header, block: Vec::new(), position: 0, size: None }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            // Whole blocks of contents go by without being looked at.
            if let At::Content { left, extended: None } = &mut self.at
                && self.block.is_empty()
                && *left >= BLOCK as u64
            {
                let whole = (*left).min(bytes.len() as u64) / BLOCK as u64 * BLOCK as u64;
                if let Some(rest) = bytes.get(whole as usize..).filter(|_| whole > 0) {
                    *left -= whole;
                    self.position += whole;
                    bytes = rest;
                    if *left == 0 {
                        self.at = At::Header;
                    }
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

    fn whole_block(&mut self, block: &[u8]) -> Result<(), Broken> {
        let zeros = block.iter().all(|byte| *byte == 0);
        self.at = match std::mem::replace(&mut self.at, At::Header) {
            At::Header if zeros => At::Ending,
            At::Ending | At::Ended if zeros => At::Ended,
            // Archives that were put behind each other.
            At::Header | At::Ending | At::Ended => self.header(block)?,
            At::Map { size } => map(block, SPARSE_MORE_STILL, size),
            At::Content { left, extended } => {
                let now = left.min(BLOCK as u64);
                let left = left - now;
                let extended = extended.map(|mut so_far| {
                    so_far.extend_from_slice(block.get(..now as usize).unwrap_or_default());
                    so_far
                });
                if left > 0 {
                    At::Content { left, extended }
                } else {
                    if let Some(header) = extended {
                        self.size = stated_size(&header).or(self.size);
                    }
                    At::Header
                }
            }
        };
        Ok(())
    }

    fn header(&mut self, block: &[u8]) -> Result<At, Broken> {
        if !is_header(block) {
            return Err(self.broken("no valid header where one must be"));
        }
        let stated = block.get(SIZE).and_then(number);
        let stated = stated.ok_or_else(|| self.broken("a header states no size"))?;
        let kind = block.get(TYPE).copied().unwrap_or(0);
        match kind {
            // Links, devices, directories and pipes have no contents, whatever size they state.
            b'1'..=b'6' => {
                self.size = None;
                Ok(At::Header)
            }
            b'x' | b'g' if stated > MAX_EXTENDED => Err(self.broken("an extended header is too long")),
            b'x' => Ok(content(stated, Some(Vec::new()))),
            // Long names belong to the file behind them and keep its size.
            b'g' | b'L' | b'K' => Ok(content(stated, None)),
            b'S' => {
                let size = self.size.take().unwrap_or(stated);
                Ok(map(block, SPARSE_MORE, size))
            }
            _ => Ok(content(self.size.take().unwrap_or(stated), None)),
        }
    }

    pub(super) fn finish(&self) -> Result<(), Broken> {
        match self.at {
            At::Ended => Ok(()),
            At::Content { .. } | At::Map { .. } => Err(self.broken("it ends within a file")),
            At::Header | At::Ending => {
                Err(self.broken("it ends without the two blocks of zeros that close it"))
            }
        }
    }

    fn broken(&self, what: &str) -> Broken {
        Broken(format!("tar archive, byte {}: {what}", self.position))
    }
}

fn content(size: u64, extended: Option<Vec<u8>>) -> At {
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

/// `size` among the records `LENGTH KEY=VALUE\n` of an extended header.
fn stated_size(mut header: &[u8]) -> Option<u64> {
    let mut size = None;
    while !header.is_empty() {
        let space = header.iter().position(|byte| *byte == b' ')?;
        let len: usize = std::str::from_utf8(header.get(..space)?).ok()?.parse().ok()?;
        let record = header.get(space + 1..len.checked_sub(1)?)?;
        if let Some(value) = record.strip_prefix(b"size=") {
            size = std::str::from_utf8(value).ok()?.parse().ok();
        }
        header = header.get(len..)?;
    }
    size
}
