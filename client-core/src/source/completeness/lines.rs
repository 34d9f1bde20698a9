//! Recognizes text dumps by their first lines, and text that is not a dump: a program's error messages, or a dump
//! garbled by a shell.

use super::Format;
use crate::{text, text::Text};

/// Number of lines in which a dump identifies itself.
const FIRST_LINES: usize = 4;
/// Shorter inputs could be the beginning of any text dump, bytes.
const MIN_BEGUN: usize = 3;
/// Maximum length of an error page or message, bytes.
pub(super) const MAX_MESSAGE: u64 = 64 << 10;

/// First lines as written by the programs.
const HEADS: &[(&str, Format)] = &[
    ("--\n-- PostgreSQL database dump\n", Format::PgPlain),
    ("--\n-- PostgreSQL database cluster dump\n", Format::PgCluster),
    ("-- MySQL dump ", Format::MySql),
    ("-- MariaDB dump ", Format::MySql),
    ("/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump ", Format::MySql),
    ("/*M!999999\\- enable the sandbox mode */ \n\n/*!40101 SET @OLD_CHARACTER_SET_CLIENT", Format::MySql),
    ("\n/*!40101 SET @OLD_CHARACTER_SET_CLIENT", Format::MySql),
    ("<?xml version=\"1.0\"?>\n<mysqldump ", Format::MySqlXml),
    ("-- Dump created by MySQL pump utility", Format::MySqlPump),
    ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", Format::SqliteSql),
];

/// The format, by the first lines.
pub(super) fn of(head: &[u8]) -> Format {
    let text = String::from_utf8_lossy(head);
    if let Some((_, format)) = HEADS.iter().find(|(begin, _)| text.starts_with(begin)) {
        return *format;
    }
    let text = text.trim_start_matches(['\r', '\n']);
    if !(text.starts_with("--") || text.starts_with("/*")) {
        return Format::Unknown;
    }
    let line = |with: &str| text.lines().take(FIRST_LINES).any(|line| line.starts_with(with));
    if line("-- PostgreSQL database dump") {
        Format::PgPlain
    } else if line("-- PostgreSQL database cluster dump") {
        Format::PgCluster
    } else if names_mysql(text) || MYSQL_SETTINGS.iter().any(|setting| line(setting)) {
        Format::MySql
    } else {
        Format::Unknown
    }
}

/// The settings that mysqldump saves first, depending on what it was told to leave out.
const MYSQL_SETTINGS: &[&str] = &[
    "/*!40101 SET @OLD_CHARACTER_SET_CLIENT",
    "/*!40103 SET @OLD_TIME_ZONE",
    "/*!40014 SET @OLD_UNIQUE_CHECKS",
];

/// Whether mysqldump wrote comments, one of which names it.
fn names_mysql(text: &str) -> bool {
    let mut lines = text.lines().take(FIRST_LINES);
    lines.any(|line| line.starts_with("-- MySQL dump ") || line.starts_with("-- MariaDB dump "))
}

/// The last line of mysqldump: a comment, or without comments the last setting that it restores.
pub(super) fn mysql_end(head: &[u8]) -> &'static [&'static str] {
    if names_mysql(&String::from_utf8_lossy(head)) {
        &["-- Dump completed"]
    } else {
        &[
            "/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;",
            "/*M!100616 SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY */;",
        ]
    }
}

/// The text dump of which a whole input is only the first bytes.
pub(super) fn begun(all: &[u8]) -> Option<Format> {
    let is_begin = |(head, _): &&(&str, Format)| head.len() > all.len() && head.as_bytes().starts_with(all);
    HEADS.iter().find(is_begin).filter(|_| all.len() >= MIN_BEGUN).map(|(_, format)| *format)
}

/// Programs whose messages get into files through `2>&1` or when they fail.
const PROGRAMS: &[&str] = &[
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pg_basebackup",
    "psql",
    "mysqldump",
    "mariadb-dump",
    "mysqlpump",
    "mydumper",
    "mysql",
    "mariadb",
    "mongodump",
    "mongoexport",
    "sqlite3",
    "redis-cli",
    "docker",
    "podman",
    "kubectl",
    "ssh",
    "sudo",
    "su",
    "env",
    "bash",
    "sh",
    "zsh",
    "dash",
    "ash",
    "ksh",
    "fish",
    "timeout",
    "nice",
    "gzip",
    "zstd",
    "xz",
    "bzip2",
    "lz4",
    "tar",
    "cat",
    "curl",
    "wget",
    "aws",
    "gpg",
    "age",
    "openssl",
];

/// How messages of failing programs and services begin.
const COMPLAINTS: &[&str] = &[
    "error:",
    "fatal:",
    "error response from daemon",
    "error from server",
    "could not connect",
    "connection refused",
    "connection to server",
    "access denied",
    "permission denied",
    "traceback (most recent call last)",
    "usage:",
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<error>",
    "<error>",
    "{\"error\"",
    "{\"message\"",
    "{\"errors\"",
];

/// How a shell's error messages end.
const SHELL: &[&str] = &["command not found", "not found", "no such file or directory", "permission denied"];

/// Words in the title of an error page.
const PAGE: &[&str] = &[
    "error",
    "not found",
    "forbidden",
    "denied",
    "unauthorized",
    "unavailable",
    "bad gateway",
    "bad request",
    "timeout",
    "time-out",
    "timed out",
    "moved",
    "sign in",
    "log in",
    "login",
    "400",
    "401",
    "403",
    "404",
    "407",
    "429",
    "500",
    "502",
    "503",
    "504",
];

/// A program's message where a dump should begin. `len`: of the whole input, once it is known.
pub(super) fn complaint(head: &[u8], len: Option<u64>) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default().trim();
    let said = || Some(first.chars().take(200).collect());
    // A message before a dump is no better than one instead of it: no program can read such a dump.
    let program =
        first.split_once(": ").map(|(program, _)| program.rsplit(['/', '\\']).next().unwrap_or(program));
    let program = program.map(|name| name.strip_suffix(".exe").unwrap_or(name));
    if program.is_some_and(|name| PROGRAMS.contains(&name)) {
        return said();
    }
    if len.is_none_or(|len| len > MAX_MESSAGE) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let line = lower.lines().next().unwrap_or_default().trim_end();
    if COMPLAINTS.iter().any(|with| lower.starts_with(with))
        || line.contains(": ") && SHELL.iter().any(|end| line.ends_with(end))
    {
        return said();
    }
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        let title = lower.split_once("<title").and_then(|(_, rest)| rest.split_once('>'));
        let title = title.and_then(|(_, rest)| rest.split_once("</title")).map(|(title, _)| title.trim());
        if let Some(title) = title.filter(|title| PAGE.iter().any(|word| title.contains(word))) {
            return Some(format!("a web page titled \"{}\"", title.chars().take(100).collect::<String>()));
        }
    }
    None
}

/// Why a text is not the dump that was written: a shell or an editor converted its encoding.
pub(super) fn changed_encoding(head: &[u8]) -> Option<Text> {
    if let Some(rest) = head.strip_prefix(b"\xef\xbb\xbf") {
        let inside = Format::of(rest);
        return (inside != Format::Unknown || begun(rest).is_some())
            .then(|| {
                text!(
                    "a byte order mark precedes the {format}: the dump was changed on its way; let the dump program write the file itself (pg_dump -f FILE, mysqldump -r FILE)",
                    format = inside.as_str()
                )
            });
    }
    type Unit = fn([u8; 2]) -> u16;
    let (wide, unit): (&[u8], Unit) = match head {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => (head, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => (head, u16::from_be_bytes),
        _ => return None,
    };
    let marked = wide.len() < head.len();
    let units = wide.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let narrow = text.replace("\r\n", "\n");
    let begins = Format::of(narrow.as_bytes()) != Format::Unknown
        || begun(narrow.as_bytes()).is_some()
        || complaint(narrow.as_bytes(), Some(0)).is_some();
    // Binary data converted to text starts with a control character; real texts do not.
    let mangled = marked && text.chars().next().is_some_and(|c| c < '\t' || ('\x0e'..' ').contains(&c));
    (begins || mangled).then(|| {
        text!(
            "its text is UTF-16, as PowerShell's `>` writes it: the dump was changed on its way; let the dump program write the file itself (pg_dump -f FILE, mysqldump -r FILE)"
        )
    })
}
