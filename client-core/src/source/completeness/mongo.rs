//! Walks through a `mongodump --archive`: a prelude that lists the collections, then blocks of documents, each with an
//! end mark; one block per collection says that it is complete.
//!
//! Layout: `common/archive/spec.md` of mongo-tools.

use std::collections::BTreeMap;

use super::Broken;
use crate::{text, text::Text};

const MARK: u32 = 0xffff_ffff;
const MIN_DOCUMENT: u32 = 5;
/// 16 MiB plus the tools' tolerance, bytes.
const MAX_DOCUMENT: u32 = (16 << 20) + (16 << 10);
/// Maximum number of collections tracked in one archive.
const MAX_COLLECTIONS: usize = 1_000_000;

type Name = (String, String);

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Magic,
    PreludeHeader,
    Prelude,
    /// A block's header, or the end.
    BlockHeader,
    Documents,
}

/// State of a collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Announced,
    /// A time series: its rows are under another name.
    Elsewhere,
    Over,
}

/// Position in an archive.
pub(super) struct Walker {
    at: At,
    position: u64,
    /// A length, or a document being read.
    small: Vec<u8>,
    want: usize,
    in_document: bool,
    skip: u64,
    collections: BTreeMap<Name, Seen>,
}

impl Walker {
    pub(super) const fn new() -> Self {
        Self {
            at: At::Magic,
            position: 0,
            small: Vec::new(),
            want: 4,
            in_document: false,
            skip: 0,
            collections: BTreeMap::new(),
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let take = if self.skip > 0 {
                let take = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip -= take as u64;
                take
            } else {
                let take = (self.want - self.small.len()).min(bytes.len());
                self.small.extend_from_slice(bytes.get(..take).unwrap_or_default());
                take
            };
            self.position += take as u64;
            bytes = bytes.get(take..).unwrap_or_default();
            if self.skip == 0 && self.small.len() == self.want {
                let value = std::mem::take(&mut self.small);
                if self.in_document { self.document(&value)? } else { self.length(&value)? }
            }
        }
        Ok(())
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Broken> {
        let len = value.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        match (self.at, len) {
            (At::Magic, _) => self.at = At::PreludeHeader,
            (At::Prelude | At::Documents, MARK) => self.at = At::BlockHeader,
            (_, MARK) => return Err(self.broken(text!("a block without a header"))),
            (_, ..MIN_DOCUMENT) | (_, MAX_DOCUMENT..) => {
                return Err(self.broken(text!("a document of an impossible length")));
            }
            // Rows are skipped; what concerns collections is read.
            (At::Documents, len) => self.skip = u64::from(len) - 4,
            (_, len) => (self.in_document, self.want) = (true, len as usize - 4),
        }
        Ok(())
    }

    fn document(&mut self, document: &[u8]) -> Result<(), Broken> {
        (self.in_document, self.want) = (false, 4);
        let fields = fields(document).ok_or_else(|| self.broken(text!("a document that makes no sense")))?;
        let name = || Some((fields.db.clone()?, fields.collection.clone()?));
        match self.at {
            At::PreludeHeader => self.at = At::Prelude,
            At::Prelude => {
                let name = name().ok_or_else(|| self.broken(text!("a collection without a name")))?;
                let series = fields.kind.as_deref() == Some("timeseries");
                self.note(name, if series { Seen::Elsewhere } else { Seen::Announced })?;
            }
            At::BlockHeader => {
                let name = name().ok_or_else(|| self.broken(text!("a block without a name")))?;
                let seen = if fields.over { Seen::Over } else { Seen::Announced };
                if self.collections.get(&name) == Some(&Seen::Over) {
                    return Err(self.broken(text!("rows of a collection that was over")));
                }
                self.note(name, seen)?;
                self.at = At::Documents;
            }
            At::Magic | At::Documents => {}
        }
        Ok(())
    }

    fn note(&mut self, name: Name, seen: Seen) -> Result<(), Broken> {
        self.collections.insert(name, seen);
        if self.collections.len() > MAX_COLLECTIONS {
            return Err(self.broken(text!("more collections than there can be")));
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Broken> {
        if self.at != At::BlockHeader || self.in_document || !self.small.is_empty() || self.skip > 0 {
            return Err(self.broken(text!("it ends within a block")));
        }
        let open = self.collections.iter().filter(|((db, collection), seen)| match seen {
            Seen::Over => false,
            Seen::Announced => true,
            Seen::Elsewhere => {
                let buckets = (db.clone(), format!("system.buckets.{collection}"));
                self.collections.get(&buckets) != Some(&Seen::Over)
            }
        });
        match open.count() {
            0 => Ok(()),
            open => Err(self.broken(text!("it ends, but {number} of its collections do not", number = open))),
        }
    }

    fn broken(&self, what: Text) -> Broken {
        Broken(text!("mongodump archive, byte {position}: {what}", position = self.position, what))
    }
}

#[derive(Default)]
struct Fields {
    db: Option<String>,
    collection: Option<String>,
    kind: Option<String>,
    over: bool,
}

/// The needed fields of a document, after its length. The archive's own documents are flat.
fn fields(mut rest: &[u8]) -> Option<Fields> {
    let mut fields = Fields::default();
    loop {
        let (kind, after) = rest.split_first()?;
        if *kind == 0 {
            return after.is_empty().then_some(fields);
        }
        let end = memchr::memchr(0, after)?;
        let (name, value) = (after.get(..end)?, after.get(end + 1..)?);
        let len = match kind {
            // A string with its length.
            0x02 => 4 + usize::try_from(u32::from_le_bytes(*value.first_chunk()?)).ok()?,
            0x08 => 1,
            0x10 => 4,
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x0a => 0,
            // A document or array with its length.
            0x03 | 0x04 => usize::try_from(u32::from_le_bytes(*value.first_chunk()?)).ok()?,
            _ => return None,
        };
        let (value, behind) = value.split_at_checked(len)?;
        let text = || Some(String::from_utf8_lossy(value.get(4..len.checked_sub(1)?)?).into_owned());
        match (name, kind) {
            (b"db", 0x02) => fields.db = text(),
            (b"collection", 0x02) => fields.collection = text(),
            (b"type", 0x02) => fields.kind = text(),
            (b"EOF", 0x08) => fields.over = value == [1],
            _ => {}
        }
        rest = behind;
    }
}
