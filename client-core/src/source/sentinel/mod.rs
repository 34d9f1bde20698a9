//! Is the dump whole? Recognised by how it begins, proven by how it ends. Nothing is held in memory but a
//! few kilobytes.

mod pgdmp;
mod tail;

use std::fmt;

pub(super) use self::pgdmp::archive_version;
use self::{pgdmp::Walker, tail::Tail};

/// Bytes that are enough to recognise any format.
pub const ENOUGH: usize = 128;

/// What kind of dump bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `pg_dump -Fc`
    PgCustom,
    /// `pg_dump -Fc` of a newer version than this program knows.
    PgCustomNewer,
    /// `pg_dump`, plain SQL.
    PgPlain,
    /// `pg_dumpall`
    PgCluster,
    /// `mysqldump` or `mariadb-dump`
    MySql,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by zstd.
    Zstd,
    /// A SQLite database file.
    Sqlite,
    /// Anything else.
    Unknown,
}

impl Format {
    /// For people and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PgCustom | Self::PgCustomNewer => "pg_dump custom format",
            Self::PgPlain => "pg_dump SQL",
            Self::PgCluster => "pg_dumpall SQL",
            Self::MySql => "mysqldump SQL",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Sqlite => "SQLite",
            Self::Unknown => "unknown format",
        }
    }

    /// Recognises a dump by its first [`ENOUGH`] bytes, or all of them when there are fewer.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        let begins = |with: &[u8]| head.starts_with(with);
        let line = |with: &str| {
            let text = String::from_utf8_lossy(head);
            text.lines().take(4).any(|l| l.starts_with(with))
        };
        if begins(b"PGDMP") {
            return if pgdmp::archive_version(head).is_some_and(pgdmp::is_known) {
                Self::PgCustom
            } else {
                Self::PgCustomNewer
            };
        }
        if begins(b"--") || begins(b"/*") {
            return if line("-- PostgreSQL database dump") {
                Self::PgPlain
            } else if line("-- PostgreSQL database cluster dump") {
                Self::PgCluster
            } else if line("-- MySQL dump ") || line("-- MariaDB dump ") {
                Self::MySql
            } else {
                Self::Unknown
            };
        }
        if begins(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if begins(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else if begins(b"SQLite format 3\0") {
            Self::Sqlite
        } else {
            Self::Unknown
        }
    }
}

/// Why a dump is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub(crate) String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

/// What a whole stream turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its format.
    pub format: Format,
    /// Whether the format's own end was found.
    pub verified: bool,
}

enum State {
    Head(Vec<u8>),
    Walk(Box<Walker>),
    Ends(Format, Tail),
    Other(Format),
}

/// Watches a dump go by.
pub struct Sentinel(State);

impl Default for Sentinel {
    fn default() -> Self {
        Self::new()
    }
}

impl Sentinel {
    /// At the first byte.
    #[must_use]
    pub const fn new() -> Self {
        Self(State::Head(Vec::new()))
    }

    /// The next bytes.
    ///
    /// # Errors
    /// The bytes cannot be a dump of the format that they began as.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.0 {
            State::Head(head) => {
                head.extend_from_slice(bytes);
                if head.len() >= ENOUGH { self.recognise() } else { Ok(()) }
            }
            State::Walk(walker) => walker.feed(bytes),
            State::Ends(_, tail) => {
                tail.feed(bytes);
                Ok(())
            }
            State::Other(_) => Ok(()),
        }
    }

    fn recognise(&mut self) -> Result<(), Broken> {
        let State::Head(head) = &mut self.0 else { return Ok(()) };
        let head = std::mem::take(head);
        let format = Format::of(&head);
        self.0 = match format {
            Format::PgCustom => State::Walk(Box::new(Walker::new())),
            Format::PgPlain => State::Ends(format, Tail::restricting("-- PostgreSQL database dump complete")),
            Format::PgCluster => {
                State::Ends(format, Tail::new("-- PostgreSQL database cluster dump complete"))
            }
            Format::MySql => State::Ends(format, Tail::new("-- Dump completed")),
            _ => State::Other(format),
        };
        self.feed(&head)
    }

    /// After the last byte.
    ///
    /// # Errors
    /// The format's own end is missing.
    pub fn finish(&mut self) -> Result<Seen, Broken> {
        if let State::Head(head) = &self.0 {
            if head.is_empty() {
                return Err(Broken("it is empty, and no dump is".into()));
            }
            self.recognise()?;
        }
        match &self.0 {
            State::Head(_) => Ok(Seen { format: Format::Unknown, verified: false }),
            State::Walk(walker) => {
                walker.finish()?;
                Ok(Seen { format: Format::PgCustom, verified: true })
            }
            State::Ends(format, tail) => {
                tail.finish()?;
                Ok(Seen { format: *format, verified: true })
            }
            State::Other(format) => Ok(Seen { format: *format, verified: false }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn see(text: &[u8], step: usize) -> Result<Seen, Broken> {
        let mut sentinel = Sentinel::new();
        for piece in text.chunks(step) {
            sentinel.feed(piece)?;
        }
        sentinel.finish()
    }

    const PLAIN: &str = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE a();\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
    const RESTRICTED: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\nSELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n";
    const CLUSTER: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict a\n\n\\unrestrict a\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";
    const MYSQL: &str = "-- MySQL dump 10.13  Distrib 8.0\n--\n-- Host: x\nINSERT;\n-- Dump completed on 2026-11-20 22:00:00\n";
    const MARIA: &str = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n--\nINSERT;\n-- Dump completed on 2026\n";

    #[test]
    fn whole_sql_dumps_are_recognised_and_no_cut_one_is() {
        for (text, format) in [
            (PLAIN, Format::PgPlain),
            (RESTRICTED, Format::PgPlain),
            (CLUSTER, Format::PgCluster),
            (MYSQL, Format::MySql),
            (MARIA, Format::MySql),
        ] {
            for step in [1, 7, 4096] {
                assert_eq!(see(text.as_bytes(), step).unwrap(), Seen { format, verified: true }, "{text}");
            }
            // A dump that began restricted is whole with its very last line only.
            let end = text.find("nrestrict x\n\n").or_else(|| text.find("omplete")).unwrap();
            let recognised =
                text.find(if format == Format::MySql { "\n--\n" } else { "dump\n" }).unwrap() + 5;
            for cut in recognised..end {
                assert!(see(&text.as_bytes()[..cut], 4096).is_err(), "cut at {cut} of {text}");
            }
        }
    }

    #[test]
    fn an_end_in_the_middle_is_no_end() {
        let text = format!("{PLAIN}INSERT INTO a VALUES (1);\n");
        assert!(see(text.as_bytes(), 5).is_err());
        let long = format!("{PLAIN}{}", "x\n".repeat(10_000));
        assert!(see(long.as_bytes(), 4096).is_err());
    }

    #[test]
    fn other_bytes_are_taken_unverified() {
        for (bytes, format) in [
            (&b"hello"[..], Format::Unknown),
            (b"-- my own notes\n", Format::Unknown),
            (&[0x1f, 0x8b, 8, 0], Format::Gzip),
            (&[0x28, 0xb5, 0x2f, 0xfd, 0], Format::Zstd),
            (b"PGDMP\x01\x20\x00", Format::PgCustomNewer),
        ] {
            assert_eq!(see(bytes, 3).unwrap(), Seen { format, verified: false });
        }
        see(b"", 1).unwrap_err();
    }
}
