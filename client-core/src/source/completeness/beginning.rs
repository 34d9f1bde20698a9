//! Recognizes a dump's format by its beginning.

use super::{Format, lines, pgdmp, tar};

/// Number of bytes that suffice to recognize any format.
pub const ENOUGH: usize = 1024;

impl Format {
    /// Recognizes a dump by its first [`ENOUGH`] bytes, or all of them if there are fewer.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        if head.starts_with(b"PGDMP") {
            // Too short to contain a version: it is truncated.
            let known = pgdmp::archive_version(head).is_none_or(pgdmp::is_known);
            return if known { Self::PgCustom } else { Self::PgCustomNewer };
        }
        if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return *format;
        }
        if let [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] = head
        {
            return Self::Bzip2;
        }
        if let Some(behind) = skippable(head) {
            return Self::of(behind);
        }
        if tar::is_header(head) {
            return if head.starts_with(b"toc.dat\0") { Self::PgTar } else { Self::Tar };
        }
        if is_binary_pgp(head) {
            return Self::Unchecked(PGP);
        }
        if head.get(..16).is_some_and(|first| first.windows(8).any(|eight| eight == b"EXPORT:V")) {
            return Self::Unchecked("Oracle export");
        }
        lines::of(head)
    }
}

const AGE: &str = "age encryption";
const PGP: &str = "OpenPGP encryption";
const SQL_SERVER: &str = "SQL Server backup";

/// Beginnings that are the same in every file of a format.
const MAGIC: &[(&[u8], Format)] = &[
    (&[0x1f, 0x8b], Format::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Format::Zstd),
    (&[0x04, 0x22, 0x4d, 0x18], Format::Lz4),
    (&[0x02, 0x21, 0x4c, 0x18], Format::Lz4Legacy),
    (b"\xfd7zXZ\0", Format::Xz),
    (&[0x1f, 0x9d], Format::Unchecked("compress (.Z)")),
    (b"SQLite format 3\0", Format::Sqlite),
    (&[0x6d, 0xe2, 0x99, 0x81], Format::Mongo),
    (b"REDIS0", Format::Redis),
    (b"VALKEY", Format::Redis),
    (b"PK\x03\x04", Format::Zip),
    (b"PK\x05\x06", Format::Zip),
    (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
    (b"age-encryption.org/", Format::Unchecked(AGE)),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", Format::Unchecked(AGE)),
    (b"-----BEGIN PGP MESSAGE-----", Format::Unchecked(PGP)),
    (b"Salted__", Format::Unchecked("OpenSSL encryption")),
    // Each file in it has an end, the stream has none.
    (b"XBSTCK01", Format::Unchecked("XtraBackup stream")),
    (b"MSSQLBAK", Format::Unchecked(SQL_SERVER)),
    (b"TAPE\0\0", Format::Unchecked(SQL_SERVER)),
    (b"-- phpMyAdmin SQL Dump", Format::Unchecked("phpMyAdmin SQL")),
    // mysqldump --compact writes nothing after the last table.
    (b"/*!40101 SET @saved_cs_client", Format::Unchecked("mysqldump SQL")),
    (b"\x89LZO\0\r\n\x1a\n", Format::Unchecked("lzop")),
    (b"LZIP", Format::Unchecked("lzip")),
    (b"LRZI", Format::Unchecked("lrzip")),
    (b"\xff\x06\0\0sNaPpY", Format::Unchecked("Snappy")),
    (b"Rar!\x1a\x07", Format::Unchecked("RAR")),
    (b"070701", Format::Unchecked("cpio")),
    (b"070707", Format::Unchecked("cpio")),
];

/// The format of which `all`, a whole input, is only the first bytes.
pub(super) fn begun(all: &[u8]) -> Option<Format> {
    let magic =
        MAGIC.iter().find(|(magic, _)| all.len() >= 4 && all.len() < magic.len() && magic.starts_with(all));
    magic
        .map(|(_, format)| *format)
        .or_else(|| lines::begun(all))
        .or_else(|| (all.len() >= 4 && b"PGDMP".starts_with(all)).then_some(Format::PgCustom))
        .or_else(|| {
            // Shorter than the one header that every tar archive has.
            let is_tar = all.len() < 512 && all.get(257..262) == Some(b"ustar");
            is_tar.then_some(Format::Tar)
        })
}

/// What follows a frame that zstd and lz4 skip (pzstd writes one first).
fn skippable(head: &[u8]) -> Option<&[u8]> {
    let (front, rest) = head.split_first_chunk::<8>()?;
    let [0x50..=0x5f, 0x2a, 0x4d, 0x18, len @ ..] = *front else { return None };
    let behind = rest.get(usize::try_from(u32::from_le_bytes(len)).ok()?..)?;
    matches!(Format::of(behind), Format::Zstd | Format::Lz4).then_some(behind)
}

/// The first packet of a message encrypted to a key or with a passphrase (RFC 4880, sections 4.2, 5.1 and 5.3).
const fn is_binary_pgp(head: &[u8]) -> bool {
    matches!(head, [0x84 | 0xc1, _, 3, ..] | [0x85, _, _, 3, ..] | [0x8c | 0xc3, 13, 4, 1..=11, 3, ..])
}
