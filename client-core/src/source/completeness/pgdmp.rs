//! Walks through a `pg_dump -Fc` archive as it streams past: header, table of contents, data blocks. It is complete if
//! every entry with data had its block and nothing follows except a repeated table of contents.
//!
//! Layout: `pg_backup_archiver.c` (ReadHead, ReadToc) and `pg_backup_custom.c` of PostgreSQL. Archive
//! versions 1.12 (PostgreSQL 9.0) to 1.16 (17 and 18).

use std::collections::BTreeSet;

use super::Broken;
use crate::{text, text::Text};

const BLOCK_DATA: u8 = 1;
const BLOCK_BLOBS: u8 = 3;
const FORMAT_CUSTOM: u8 = 1;
const FORMAT_TAR: u8 = 3;
const FORMAT_DIRECTORY: u8 = 5;
/// Data position of an entry without data.
const OFFSET_NO_DATA: u8 = 3;
/// Maximum size of integers and file offsets in real archives, bytes.
const MAX_INT: u8 = 8;
/// Maximum length of file names in an archive, bytes.
const MAX_NAME: i64 = 256;

/// `(major, minor)` of the archive format, if `head` begins an archive.
pub(in crate::source) fn archive_version(head: &[u8]) -> Option<(u8, u8)> {
    match head {
        [b'P', b'G', b'D', b'M', b'P', major, minor, ..] => Some((*major, *minor)),
        _ => None,
    }
}

/// Whether this walker supports the layout.
pub(super) const fn is_known((major, minor): (u8, u8)) -> bool {
    major == 1 && minor >= 12 && minor <= 16
}

/// One field of the header or of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Byte,
    Int,
    Text,
    /// Texts up to an absent one.
    Texts,
    /// Position of the entry's data.
    Position,
    /// File with the entry's data.
    File,
    /// Id of the entry.
    DumpId,
    /// Whether the entry has data.
    HasData,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Magic,
    /// Sizes of integers and offsets, and the archive's format.
    Sizes,
    Header(usize),
    Count,
    Entry(usize),
    FileName(usize),
    Block,
    BlockId,
    BlobId,
    PieceLen,
    End,
}

/// Position in an archive.
pub(super) struct Walker {
    at: At,
    position: u64,
    /// Bytes of the current value, and how many it takes.
    small: Vec<u8>,
    want: usize,
    /// Bytes to skip before the next value.
    skip: u64,
    int: usize,
    offset: usize,
    header: Vec<Field>,
    entry: Vec<Field>,
    entries: i64,
    dump_id: i64,
    has_data: bool,
    /// Entries whose data has not been seen.
    expected: BTreeSet<i64>,
    in_blobs: bool,
    /// Entries of the first table of contents, and those with data.
    counted: i64,
    with_data: BTreeSet<i64>,
    /// Whether the table of contents after the last block is being read.
    again: bool,
    /// For the toc.dat of a directory or tar archive: the files that it names.
    files: Option<Vec<String>>,
}

impl Walker {
    /// For a toc.dat, which has no data blocks: its data is in files.
    pub(super) fn of_directory() -> Self {
        Self { files: Some(Vec::new()), ..Self::new() }
    }

    pub(super) const fn new() -> Self {
        Self {
            at: At::Magic,
            position: 0,
            small: Vec::new(),
            want: 8,
            skip: 0,
            int: 0,
            offset: 0,
            header: Vec::new(),
            entry: Vec::new(),
            entries: 0,
            dump_id: 0,
            has_data: false,
            expected: BTreeSet::new(),
            in_blobs: false,
            counted: 0,
            with_data: BTreeSet::new(),
            again: false,
            files: None,
        }
    }

    /// Feeds the next bytes of the archive.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            self.pass_pieces(&mut bytes);
            let take = if self.skip > 0 {
                let take = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip -= take as u64;
                take
            } else if self.at == At::End && (self.again || self.files.is_some()) {
                return Err(self.broken(text!("bytes follow its last block")));
            } else if self.at == At::End {
                // pg_dump goes back to complete its table of contents. If standard output was opened for appending,
                // which it does itself since version 17, the table lands here; pg_restore ignores it.
                self.again = true;
                self.read_int(At::Count);
                continue;
            } else {
                let take = (self.want - self.small.len()).min(bytes.len());
                self.small.extend_from_slice(bytes.get(..take).unwrap_or_default());
                take
            };
            self.position += take as u64;
            bytes = bytes.get(take..).unwrap_or_default();
            if self.skip == 0 && self.small.len() == self.want && self.at != At::End {
                let value = std::mem::take(&mut self.small);
                self.value(&value)?;
            }
        }
        Ok(())
    }

    /// The path of nearly all bytes: pieces that are here completely. Without compression each row is one.
    fn pass_pieces(&mut self, bytes: &mut &[u8]) {
        while self.at == At::PieceLen && self.skip == 0 && self.small.is_empty() && self.int == 4 {
            let Some(&[0, a, b, c, d]) = bytes.first_chunk() else { return };
            let piece = 5 + u32::from_le_bytes([a, b, c, d]) as usize;
            match bytes.get(piece..) {
                Some(rest) if piece > 5 => *bytes = rest,
                _ => return,
            }
            self.position += piece as u64;
        }
    }

    /// Call after the last byte.
    pub(super) fn finish(&self) -> Result<(), Broken> {
        match self.at {
            At::End => Ok(()),
            At::Count | At::Entry(_) if self.again => {
                Err(self.broken(text!("it ends within the table of contents behind its last block")))
            }
            At::Block if self.expected.is_empty() && self.small.is_empty() && self.skip == 0 => Ok(()),
            At::Block if self.small.is_empty() => Err(self.broken(text!(
                "it ends, but the data of {number} of its tables has not come",
                number = self.expected.len()
            ))),
            At::Magic | At::Sizes | At::Header(_) => Err(self.broken(text!("it ends within its header"))),
            At::Count | At::Entry(_) | At::FileName(_) => {
                Err(self.broken(text!("it ends within its table of contents")))
            }
            _ => Err(self.broken(text!("it ends within a data block"))),
        }
    }

    /// Call after the last byte of a toc.dat.
    pub(super) fn files(&self) -> Result<&[String], Broken> {
        match &self.files {
            Some(files) if self.at == At::End => Ok(files),
            _ => Err(Broken(text!("pg_dump archive: its toc.dat is cut off"))),
        }
    }

    fn broken(&self, what: Text) -> Broken {
        Broken(text!("pg_dump archive, byte {position}: {what}", position = self.position, what))
    }

    /// Handles a complete value and determines what comes next.
    fn value(&mut self, value: &[u8]) -> Result<(), Broken> {
        match self.at {
            At::Magic => {
                let known = archive_version(value).filter(|v| is_known(*v));
                let Some((_, minor)) = known else { return Err(self.broken(text!("its header is damaged"))) };
                self.layout(minor);
                self.read(At::Sizes, 3);
            }
            At::Sizes => self.sizes(value)?,
            At::Header(index) => {
                let field = self.header.get(index).copied().unwrap_or(Field::Byte);
                self.pass(field, value)?;
                self.next_header(index + 1);
            }
            At::Count => {
                self.entries = self.number(value)?;
                if self.entries < 0 {
                    return Err(self.broken(text!("its table of contents has a negative length")));
                }
                if self.again && self.entries != self.counted {
                    return Err(self.broken(text!("bytes follow its last block")));
                }
                self.counted = self.entries;
                self.next_entry()?;
            }
            At::Entry(index) => self.entry_field(index, value)?,
            At::FileName(index) => {
                let name = String::from_utf8_lossy(value).into_owned();
                self.files.get_or_insert_default().push(name);
                self.next_field(index)?;
            }
            At::Block => match value {
                [BLOCK_DATA] => self.begin_block(false),
                [BLOCK_BLOBS] => self.begin_block(true),
                _ => return Err(self.broken(text!("something else than a data block"))),
            },
            At::BlockId => {
                let id = self.number(value)?;
                if !self.expected.remove(&id) {
                    return Err(
                        self.broken(text!("data of an entry that its table of contents does not announce"))
                    );
                }
                self.read_int(if self.in_blobs { At::BlobId } else { At::PieceLen });
            }
            At::BlobId => match self.number(value)? {
                0 => self.end_block(),
                _ => self.read_int(At::PieceLen),
            },
            At::PieceLen => match self.number(value)? {
                0 if self.in_blobs => self.read_int(At::BlobId),
                0 => self.end_block(),
                len => {
                    self.skip =
                        u64::try_from(len).map_err(|_| self.broken(text!("a piece of negative length")))?;
                    self.read_int(At::PieceLen);
                }
            },
            At::End => {}
        }
        Ok(())
    }

    /// Field lists of an archive version.
    fn layout(&mut self, minor: u8) {
        use Field::{Byte, DumpId, File, HasData, Int, Position, Text, Texts};
        // Compression: an algorithm since 1.15, a level before.
        self.header = vec![if minor >= 15 { Byte } else { Int }];
        // Seconds, minutes, hours, day, month, year, daylight saving; then database and two versions.
        self.header.extend([Int; 7]);
        self.header.extend([Text; 3]);
        // Table oid, oid, tag, description; section; definition, drop, copy; namespace, tablespace.
        self.entry = vec![DumpId, HasData, Text, Text, Text, Text, Int, Text, Text, Text, Text, Text];
        if minor >= 14 {
            self.entry.push(Text); // access method
        }
        if minor >= 16 {
            self.entry.push(Int); // relkind
        }
        // Owner, with oids, dependencies.
        self.entry.extend([Text, Text, Texts]);
        self.entry.push(if self.files.is_some() { File } else { Position });
    }

    fn sizes(&mut self, value: &[u8]) -> Result<(), Broken> {
        let &[int, offset, format] = value else { return Err(self.broken(text!("its header is damaged"))) };
        if !(1..=MAX_INT).contains(&int) || !(1..=MAX_INT).contains(&offset) {
            return Err(self.broken(text!("its header is damaged")));
        }
        let of_files = matches!(format, FORMAT_TAR | FORMAT_DIRECTORY);
        if of_files && self.files.is_none() {
            return Err(Broken(text!(
                "this is only the toc.dat of a dump in tar or directory format; back up the whole dump, for example \
                 with `tar -c DIRECTORY | sealkeep backup --stdin --name NAME`"
            )));
        }
        if format != FORMAT_CUSTOM && !of_files {
            return Err(self.broken(text!("its header is damaged")));
        }
        (self.int, self.offset) = (usize::from(int), usize::from(offset));
        self.next_header(0);
        Ok(())
    }

    fn next_header(&mut self, index: usize) {
        match self.header.get(index) {
            Some(field) => self.read(At::Header(index), self.size(*field)),
            None => self.read_int(At::Count),
        }
    }

    fn next_entry(&mut self) -> Result<(), Broken> {
        if self.entries == 0 && self.files.is_some() {
            self.at = At::End;
            return Ok(());
        }
        if self.entries == 0 {
            if self.again && !self.with_data.is_empty() {
                return Err(self.broken(text!("its two tables of contents differ")));
            }
            self.end_block();
            return Ok(());
        }
        self.entries -= 1;
        self.has_data = false;
        self.read_int(At::Entry(0));
        Ok(())
    }

    fn entry_field(&mut self, index: usize, value: &[u8]) -> Result<(), Broken> {
        let field = self.entry.get(index).copied().unwrap_or(Field::Byte);
        match field {
            Field::DumpId => self.dump_id = self.number(value)?,
            Field::HasData => self.has_data = self.number(value)? != 0,
            Field::Texts => {
                if self.pass(Field::Text, value)? {
                    // The same field again, until a text is absent.
                    self.read_int(At::Entry(index));
                    return Ok(());
                }
            }
            Field::Position => {
                let announced = value.first().is_some_and(|flag| *flag != OFFSET_NO_DATA);
                if announced != self.has_data {
                    return Err(self.broken(text!("an entry that contradicts itself")));
                }
                if self.has_data && self.again && !self.with_data.remove(&self.dump_id) {
                    return Err(self.broken(text!("its two tables of contents differ")));
                }
                if self.has_data && !self.again {
                    self.with_data.insert(self.dump_id);
                    if !self.expected.insert(self.dump_id) {
                        return Err(self.broken(text!("two entries of one number")));
                    }
                }
            }
            Field::File => match self.number(value)? {
                len if len > MAX_NAME => return Err(self.broken(text!("a file name that is too long"))),
                len if len > 0 && self.has_data => {
                    self.read(At::FileName(index), len as usize);
                    return Ok(());
                }
                len => self.skip = u64::try_from(len).unwrap_or(0),
            },
            Field::Byte | Field::Int | Field::Text => {
                self.pass(field, value)?;
            }
        }
        self.next_field(index)
    }

    fn next_field(&mut self, index: usize) -> Result<(), Broken> {
        match self.entry.get(index + 1) {
            Some(next) => self.read(At::Entry(index + 1), self.size(*next)),
            None => self.next_entry()?,
        }
        Ok(())
    }

    /// Skips a text after its length; `false` if the text is absent.
    fn pass(&mut self, field: Field, value: &[u8]) -> Result<bool, Broken> {
        if field == Field::Byte {
            return Ok(true);
        }
        let number = self.number(value)?;
        if field == Field::Text {
            self.skip = u64::try_from(number).unwrap_or(0);
        }
        Ok(number >= 0)
    }

    const fn size(&self, field: Field) -> usize {
        match field {
            Field::Byte => 1,
            Field::Position => 1 + self.offset,
            _ => 1 + self.int,
        }
    }

    fn read(&mut self, at: At, want: usize) {
        (self.at, self.want) = (at, want);
    }

    fn read_int(&mut self, at: At) {
        self.read(at, 1 + self.int);
    }

    fn begin_block(&mut self, blobs: bool) {
        self.in_blobs = blobs;
        self.read_int(At::BlockId);
    }

    fn end_block(&mut self) {
        self.read(if self.expected.is_empty() { At::End } else { At::Block }, 1);
    }

    /// A sign byte, then the magnitude, lowest byte first.
    fn number(&self, value: &[u8]) -> Result<i64, Broken> {
        let (sign, magnitude) = value.split_first().ok_or_else(|| self.broken(text!("an empty number")))?;
        let mut number = 0_u64;
        for (index, byte) in magnitude.iter().enumerate() {
            number |= u64::from(*byte) << (8 * index);
        }
        let number = i64::try_from(number).map_err(|_| self.broken(text!("a number out of range")))?;
        match sign {
            0 => Ok(number),
            1 => Ok(-number),
            _ => Err(self.broken(text!("a number without a sign"))),
        }
    }
}
