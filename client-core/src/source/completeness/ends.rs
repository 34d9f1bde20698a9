//! Formats that are closed by their last bytes: Redis dumps, zip and 7z.

use super::Broken;
use crate::{text, text::Text};

/// Bytes kept of the end: a zip's end record with the longest comment, and the two records of a large archive.
const KEPT: usize = (64 << 10) + 22 + 20 + 56;
/// A Redis dump ends with this byte and a checksum.
const REDIS_END: u8 = 0xff;
const REDIS_TAIL: usize = 1 + 8;
/// Redis dumps of earlier versions have no checksum.
const REDIS_CHECKED_SINCE: u32 = 5;
/// Used by zip and 7z.
static ZIP_CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
static REDIS_CRC: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_REDIS);

/// The format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Redis,
    Zip,
    SevenZip,
}

/// Keeps beginning and end.
pub(super) struct Ends {
    kind: Kind,
    front: Vec<u8>,
    kept: Vec<u8>,
    len: u64,
    crc: crc::Digest<'static, u64>,
}

/// Bytes kept of the beginning: the longest fixed header, that of 7z.
const FRONT: usize = 32;

impl Ends {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, front: Vec::new(), kept: Vec::new(), len: 0, crc: REDIS_CRC.digest() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let room = FRONT.saturating_sub(self.front.len()).min(bytes.len());
        self.front.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.len += bytes.len() as u64;
        self.kept.extend_from_slice(bytes);
        let keep = if self.kind == Kind::Redis { REDIS_TAIL } else { KEPT };
        let gone = self.kept.len().saturating_sub(keep);
        if self.kind == Kind::Redis {
            self.crc.update(self.kept.get(..gone).unwrap_or_default());
        }
        // Not byte by byte: what is kept moves to the front.
        if self.kind == Kind::Redis || gone > KEPT {
            self.kept.drain(..gone);
        }
    }

    pub(super) fn finish(self) -> Result<(), Broken> {
        match self.kind {
            Kind::Redis => self.redis(),
            Kind::Zip => self.zip(),
            Kind::SevenZip => self.seven_zip(),
        }
    }

    fn redis(mut self) -> Result<(), Broken> {
        let broken = |what: Text| Err(Broken(text!("Redis dump: {what}", what)));
        let version = match self.front.get(..9) {
            Some([b'V', b'A', b'L', b'K', b'E', b'Y', ..]) => Some(u32::MAX),
            Some(front) => front.get(5..).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()),
            None => None,
        };
        let Some(version) = version else { return broken(text!("it ends within its header")) };
        if version < REDIS_CHECKED_SINCE {
            return if self.kept.last() == Some(&REDIS_END) {
                Ok(())
            } else {
                broken(text!("its end mark is missing"))
            };
        }
        let Some((&[REDIS_END], stated)) = self.kept.split_first_chunk() else {
            return broken(text!("its end mark is missing"));
        };
        self.crc.update(&[REDIS_END]);
        match stated.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) {
            // Zero: the server was configured not to compute it.
            Some(stated) if stated == 0 || stated == self.crc.finalize() => Ok(()),
            _ => broken(text!("its checksum is not that of its content")),
        }
    }

    /// The end record has the position of the directory, which must end where the records begin.
    fn zip(&self) -> Result<(), Broken> {
        const RECORD: usize = 22;
        let missing = || Broken(text!("zip archive: the directory at its end is missing"));
        let u16_at = |at: usize| Some(u16::from_le_bytes(*self.kept.get(at..)?.first_chunk()?));
        let u32_at = |at: usize| Some(u32::from_le_bytes(*self.kept.get(at..)?.first_chunk()?));
        let record = self
            .kept
            .windows(4)
            .rposition(|four| four == b"PK\x05\x06")
            .filter(|at| {
                u16_at(at + 20).is_some_and(|comment| at + RECORD + usize::from(comment) == self.kept.len())
            })
            .ok_or_else(missing)?;
        let (size, offset) = (u32_at(record + 12), u32_at(record + 16));
        let (Some(size), Some(offset)) = (size, offset) else { return Err(missing()) };
        let at = self.len - (self.kept.len() - record) as u64;
        let large = [size, offset].contains(&u32::MAX);
        // Large archives have these values in other records before it, which must exist. Bytes may precede the
        // archive.
        let whole = if large {
            record >= 20 && self.kept.get(record - 20..).is_some_and(|rest| rest.starts_with(b"PK\x06\x07"))
        } else {
            u64::from(size) + u64::from(offset) <= at
        };
        if whole { Ok(()) } else { Err(missing()) }
    }

    /// The header has the position and length of the directory, and the checksums of both. An archive whose writing
    /// was interrupted has none.
    fn seven_zip(&self) -> Result<(), Broken> {
        let broken = |what: Text| Err(Broken(text!("7z archive: {what}", what)));
        let number = |at: usize| {
            let bytes = self.front.get(at..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let (Some(offset), Some(size)) = (number(12), number(20)) else {
            return broken(text!("it ends within its header"));
        };
        let checksum = |at: usize| Some(u32::from_le_bytes(*self.front.get(at..)?.first_chunk()?));
        if self.front.get(12..FRONT).map(|header| ZIP_CRC.checksum(header)) != checksum(8) {
            return broken(text!("its header is damaged, or was never completed"));
        }
        let end = (FRONT as u64).saturating_add(offset).saturating_add(size);
        if end > self.len {
            return broken(text!("the directory at its end is missing"));
        }
        // A directory longer than what is kept is not checked.
        let from = (self.kept.len() as u64).checked_sub(self.len - (end - size));
        let directory = from.and_then(|from| self.kept.get(from as usize..(from + size) as usize));
        match directory {
            Some(directory) if Some(ZIP_CRC.checksum(directory)) != checksum(28) => {
                broken(text!("its directory is damaged"))
            }
            _ => Ok(()),
        }
    }
}
