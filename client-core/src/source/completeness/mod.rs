//! Checks whether a dump is complete: recognizes it by its beginning and verifies its end. Keeps only a few kilobytes
//! in memory.

mod beginning;
mod compressed;
mod directory;
mod ends;
mod format;
mod lines;
mod members;
mod mongo;
mod pgdmp;
mod sqlite;
mod tail;
mod tar;

use std::fmt;

pub(super) use self::pgdmp::archive_version;
pub use self::{
    beginning::ENOUGH,
    format::{Format, UNKNOWN},
};
use self::{
    compressed::{Inside, MAX_DEPTH},
    ends::Ends,
    pgdmp::Walker,
    sqlite::Pages,
    tail::Tail,
};
use super::script::Survey;
use crate::{format::snapshot::ScriptNeeds, text, text::Text};

/// Why a dump is incomplete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub(crate) Text);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Broken {}

/// The findings about a complete stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its format.
    pub format: Format,
    /// For a compressed dump: the formats of its content, from the outermost layer inwards.
    pub within: Vec<Format>,
    /// Whether the end defined by the format was found, also that of its content.
    pub verified: bool,
    /// What the server needs for a restore, for SQL text of pg_dump.
    pub needs: Option<ScriptNeeds>,
}

impl Seen {
    const fn new(format: Format, verified: bool) -> Self {
        Self { format, within: Vec::new(), verified, needs: None }
    }

    fn within(mut self, outer: Format) -> Self {
        self.within.insert(0, self.format);
        self.format = outer;
        self
    }
}

/// `gzip, pg_dump SQL`
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.format.as_str())?;
        self.within.iter().try_for_each(|format| write!(f, ", {}", format.as_str()))
    }
}

enum State {
    Head,
    PgDump(Box<Walker>),
    Tar(Format, Box<tar::Walker>),
    Mongo(Box<mongo::Walker>),
    Sqlite(Box<Pages>),
    Last(Format, Box<Ends>),
    Lines(Format, Box<Tail>),
    PgPlain(Box<(Tail, Survey)>),
    Inside(Inside),
    /// A format without a recognizable end.
    Other(Format),
}

/// Bytes kept of data that is not a dump: an error page is recognized by its title.
const KEPT: usize = 8 << 10;

/// Watches a dump as it streams past.
pub struct CompletenessCheck {
    state: State,
    /// The first bytes, until the format is known; for an unknown format a little longer.
    head: Vec<u8>,
    len: u64,
    /// Only white space so far.
    blank: bool,
    /// Compressions around this.
    depth: u8,
}

impl Default for CompletenessCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl CompletenessCheck {
    /// Creates a check for a new dump.
    #[must_use]
    pub const fn new() -> Self {
        Self::inside(0)
    }

    const fn inside(depth: u8) -> Self {
        Self { state: State::Head, head: Vec::new(), len: 0, blank: true, depth }
    }

    /// Feeds the next bytes.
    ///
    /// # Errors
    /// The bytes cannot be a dump of the recognized format.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.len += bytes.len() as u64;
        self.blank = self.blank && bytes.iter().all(u8::is_ascii_whitespace);
        match &mut self.state {
            State::Head => {
                self.head.extend_from_slice(bytes);
                if self.head.len() >= ENOUGH { self.recognize() } else { Ok(()) }
            }
            State::Other(Format::Unknown) if self.head.len() < KEPT => {
                let room = (KEPT - self.head.len()).min(bytes.len());
                self.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
                Ok(())
            }
            _ => self.pass_on(bytes),
        }
    }

    fn pass_on(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.state {
            State::PgDump(walker) => walker.feed(bytes),
            State::Tar(_, walker) => walker.feed(bytes),
            State::Mongo(walker) => walker.feed(bytes),
            State::Inside(inside) => inside.feed(bytes),
            State::Sqlite(pages) => {
                pages.feed(bytes);
                Ok(())
            }
            State::Last(_, ends) => {
                ends.feed(bytes);
                Ok(())
            }
            State::Lines(_, tail) => {
                tail.feed(bytes);
                Ok(())
            }
            State::PgPlain(read) => {
                read.0.feed(bytes);
                read.1.feed(bytes);
                Ok(())
            }
            State::Head | State::Other(_) => Ok(()),
        }
    }

    fn recognize(&mut self) -> Result<(), Broken> {
        // The same bytes decide, in whatever pieces they arrive.
        let front = self.head.get(..ENOUGH).unwrap_or(&self.head);
        if let Some(how) = lines::changed_encoding(front) {
            return Err(Broken(how));
        }
        if let Some(said) = lines::complaint(front, None) {
            return Err(complaint(&said));
        }
        let format = Format::of(front);
        let lines = |markers| State::Lines(format, Box::new(Tail::new(markers)));
        self.state = match format {
            Format::PgCustom => State::PgDump(Box::new(Walker::new())),
            Format::PgPlain => {
                let tail = Tail::restricting(&["-- PostgreSQL database dump complete"]);
                State::PgPlain(Box::new((tail, Survey::default())))
            }
            Format::PgCluster => lines(&["-- PostgreSQL database cluster dump complete"]),
            Format::MySql => lines(lines::mysql_end(front)),
            Format::MySqlXml => lines(&["</mysqldump>"]),
            Format::MySqlPump => lines(&["-- Dump end time:"]),
            Format::SqliteSql => lines(&["COMMIT;"]),
            Format::Tar | Format::PgTar => State::Tar(format, Box::new(tar::Walker::new())),
            Format::Mongo => State::Mongo(Box::new(mongo::Walker::new())),
            Format::Sqlite => State::Sqlite(Box::new(Pages::new())),
            Format::Redis => State::Last(format, Box::new(Ends::new(ends::Kind::Redis))),
            Format::Zip => State::Last(format, Box::new(Ends::new(ends::Kind::Zip))),
            Format::SevenZip => State::Last(format, Box::new(Ends::new(ends::Kind::SevenZip))),
            Format::Gzip | Format::Zstd | Format::Lz4 | Format::Xz | Format::Bzip2
                if self.depth < MAX_DEPTH =>
            {
                State::Inside(Inside::new(format, self.depth))
            }
            _ => State::Other(format),
        };
        if matches!(self.state, State::Other(Format::Unknown)) {
            self.head.truncate(KEPT);
            return Ok(());
        }
        let head = std::mem::take(&mut self.head);
        self.pass_on(&head)
    }

    /// Call after the last byte.
    ///
    /// # Errors
    /// The format's end is missing, or this is not a dump but a program's error message.
    pub fn finish(&mut self) -> Result<Seen, Broken> {
        if self.len == 0 {
            return Err(Broken(text!("it is empty, and no dump is")));
        }
        if self.blank || (self.len == 3 && self.head == b"\xef\xbb\xbf") {
            return Err(Broken(text!("it contains only white space")));
        }
        if matches!(self.state, State::Head) {
            if let Some(format) = beginning::begun(&self.head) {
                return Err(Broken(text!(
                    "it is only the first bytes of a {format}",
                    format = format.as_str()
                )));
            }
            self.recognize()?;
        }
        match std::mem::replace(&mut self.state, State::Other(Format::Unknown)) {
            State::PgDump(walker) => walker.finish().map(|()| Seen::new(Format::PgCustom, true)),
            State::Tar(format, walker) => walker.finish().map(|verified| Seen::new(format, verified)),
            State::Mongo(walker) => walker.finish().map(|()| Seen::new(Format::Mongo, true)),
            State::Sqlite(pages) => pages.finish().map(|verified| Seen::new(Format::Sqlite, verified)),
            State::Last(format, ends) => ends.finish().map(|()| Seen::new(format, true)),
            State::Lines(format, tail) => tail.finish().map(|()| Seen::new(format, true)),
            State::PgPlain(read) => {
                let (tail, survey) = *read;
                tail.finish()?;
                Ok(Seen { needs: survey.finish(), ..Seen::new(Format::PgPlain, true) })
            }
            State::Inside(mut inside) => inside.finish(),
            State::Head | State::Other(Format::Unknown) => match lines::complaint(&self.head, Some(self.len))
            {
                Some(said) => Err(complaint(&said)),
                None => Ok(Seen::new(Format::Unknown, false)),
            },
            State::Other(format) => Ok(Seen::new(format, false)),
        }
    }
}

fn complaint(said: &str) -> Broken {
    Broken(text!("it is no dump but what a program said: \"{said}\"", said))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn see(text: &[u8], step: usize) -> Result<Seen, Broken> {
        let mut check = CompletenessCheck::new();
        for piece in text.chunks(step) {
            check.feed(piece)?;
        }
        check.finish()
    }

    const PLAIN: &str = "--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n--\n\n";
    const RESTRICTED: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\nSELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n";
    const CLUSTER: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict a\n\n\\unrestrict a\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";
    const MYSQL: &str = "-- MySQL dump 10.13  Distrib 8.0\n--\n-- Host: x\nINSERT;\n-- Dump completed on 2026-11-20 22:00:00\n";
    const MARIA: &str = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n--\nINSERT;\n-- Dump completed on 2026\n";

    #[test]
    fn complete_sql_dumps_are_recognized_and_truncated_ones_are_not() {
        for (text, format) in [
            (PLAIN, Format::PgPlain),
            (RESTRICTED, Format::PgPlain),
            (CLUSTER, Format::PgCluster),
            (MYSQL, Format::MySql),
            (MARIA, Format::MySql),
        ] {
            for step in [1, 7, 4096] {
                let needs = (format == Format::PgPlain).then(ScriptNeeds::default);
                let seen = Seen { needs, ..Seen::new(format, true) };
                assert_eq!(see(text.as_bytes(), step).unwrap(), seen, "{text}");
            }
            // A dump that began restricted is complete only with its very last line.
            let end = text.find("nrestrict x\n\n").or_else(|| text.find("omplete")).unwrap();
            let recognized =
                text.find(if format == Format::MySql { "\n--\n" } else { "dump\n" }).unwrap() + 5;
            for cut in recognized..end {
                assert!(see(&text.as_bytes()[..cut], 4096).is_err(), "cut at {cut} of {text}");
            }
        }
    }

    const SETTINGS: &str = "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\nINSERT INTO `a` VALUES (1);\n/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n";
    const SANDBOX: &str = "/*M!999999\\- enable the sandbox mode */ \n";

    #[test]
    fn mysqldump_without_comments_ends_with_the_settings_that_it_restores() {
        let comments = "-- MariaDB dump 10.19-11.4.2-MariaDB, for debian-linux-gnu (x86_64)\n--\n";
        let (notes, verbosity, completed) = (
            "/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n\n",
            "/*M!100616 SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY */;\n\n",
            "-- Dump completed on 2026-11-25 18:00:00\n",
        );
        for (front, end, extra) in [
            ("\n", notes, ""),
            ("\r\n", notes, ""),
            ("", notes, ""),
            (&format!("{SANDBOX}\n"), verbosity, ""),
            (&format!("{SANDBOX}{comments}\n"), verbosity, completed),
            (SANDBOX, notes, ""),
        ] {
            let text = format!("{front}{SETTINGS}{end}{extra}");
            for step in [1, 7, 4096] {
                assert_eq!(see(text.as_bytes(), step).unwrap(), Seen::new(Format::MySql, true), "{text}");
            }
            let recognized = front.len() + "/*!40101 SET @OLD_CHARACTER_SET_CLIENT".len();
            let whole = if extra.is_empty() { text.len() - 2 } else { text.find("completed").unwrap() + 9 };
            for cut in recognized..whole {
                assert!(see(&text.as_bytes()[..cut], 4096).is_err(), "cut at {cut} of {text}");
            }
        }
        let xml = b"<?xml version=\"1.0\"?>\n<mysqldump xmlns:xsi=\"x\">\n<row/>\n</mysqldump>\n";
        assert_eq!(see(xml, 7).unwrap(), Seen::new(Format::MySqlXml, true));
        assert!(see(&xml[..xml.len() - 4], 7).is_err());
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
            (&[0; 4096], Format::Unknown),
            (b"PGDMP\x01\x20\x00", Format::PgCustomNewer),
            (&[0x1f, 0x9d, 0x90], Format::Unchecked("compress (.Z)")),
            (b"age-encryption.org/v1\n", Format::Unchecked("age encryption")),
            (b"\x85\x01\x0c\x03\x11\x22", Format::Unchecked("OpenPGP encryption")),
            (b"\x8c\x0d\x04\x09\x03\x08", Format::Unchecked("OpenPGP encryption")),
            (b"XBSTCK01\0P", Format::Unchecked("XtraBackup stream")),
            (b"TAPE\0\0\x03\0", Format::Unchecked("SQL Server backup")),
            (b"\x03\0\x01EXPORT:V11.02.00\n", Format::Unchecked("Oracle export")),
            (b"/*!40101 SET @saved_cs_client     = @@", Format::Unchecked("mysqldump SQL")),
        ] {
            assert_eq!(see(bytes, 3).unwrap(), Seen::new(format, false));
            assert!(!format.has_end());
        }
    }
}
