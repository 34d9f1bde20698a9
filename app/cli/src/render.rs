//! All output to the terminal: the command's result on standard output (text, or one JSON document with `--json`), and
//! anything else on standard error.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    sync::Arc,
};

use client_core::{error::Error, ops::list::Mark, size::decimal};
use indicatif::ProgressDrawTarget;
use jiff::{Timestamp, tz::TimeZone};
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    documents::{Failed, Failure},
    plain,
    plain::Plain,
    stdout::Stdout,
    table::{self, Column},
};

/// Sentences are not wrapped on a narrower terminal.
const NARROWEST: usize = 20;

/// Prints results.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    progress: Arc<dyn Reporter>,
}

/// Reports progress on standard error. Messages beside it have its form.
pub(crate) trait Reporter: Send + Sync {
    /// Ends the report before anything else is printed.
    fn end(&self);

    /// Prints a message besides the command's result.
    fn remark(&self, text: &Plain) -> Result<(), Error> {
        remark(text)
    }

    /// Prints an error.
    fn error(&self, error: &Error) -> Result<(), Error> {
        remark(&sentences(error))
    }
}

impl Output {
    pub(crate) fn new(json: bool, progress: Arc<dyn Reporter>) -> Self {
        Self { json, progress }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Removes the progress line before a question.
    pub(crate) fn clear_progress(&self) {
        self.progress.end();
    }

    /// Prints the result: one JSON document, or the text.
    pub(crate) fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> Plain) -> Result<(), Error> {
        self.progress.end();
        let line = if self.json {
            plain::json(
                &serde_json::to_string(value).map_err(|e| Error::internal("a result that is no JSON", &e))?,
            )
        } else {
            text().as_str().to_owned()
        };
        print(format!("{line}\n").as_bytes())
    }

    /// Prints a message on standard error: a remark, or the result if standard output is the dump itself.
    pub(crate) fn result_on_stderr(&self, text: &Plain) -> Result<(), Error> {
        self.progress.end();
        self.progress.remark(text)
    }

    /// Prints an error: as text on standard error, also if standard output fails; on standard output with `--json`.
    pub(crate) fn error(&self, error: &Error) {
        self.progress.end();
        if self.json {
            let printed = serde_json::to_string(&Failed { error: failure(error) });
            if printed.is_ok_and(|text| print(format!("{}\n", plain::json(&text)).as_bytes()).is_ok()) {
                return;
            }
        }
        // If that fails there is nobody left to tell.
        drop(self.progress.error(error));
    }
}

/// An error, for programs.
fn failure(error: &Error) -> Failure {
    Failure {
        kind: error.kind().as_str(),
        message: error.happened().to_owned(),
        meaning: error.meaning().to_owned(),
        next_step: error.next_step().to_owned(),
    }
}

/// An error, for people.
pub(crate) fn sentences(error: &Error) -> Plain {
    plain!(
        "sealkeep: {}\n  Your backups: {}.\n  Next: {}.",
        error.happened(),
        error.meaning(),
        error.next_step()
    )
}

/// Where progress is drawn.
pub(crate) fn draw_target(shown: bool) -> ProgressDrawTarget {
    if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

/// Prints text on standard output.
pub(crate) fn print(text: &[u8]) -> Result<(), Error> {
    let mut stdout = Stdout::open()?;
    stdout.write_all(text).and_then(|()| stdout.flush()).map_err(|e| Error::io("standard output", &e))
}

/// Prints a message besides the command's result.
pub(crate) fn note(text: &Plain) -> Result<(), Error> {
    say(text, "\n")
}

/// Prints our own sentences, wrapped at the terminal's width.
pub(crate) fn remark(text: &Plain) -> Result<(), Error> {
    match columns_of(&io::stderr()).filter(|columns| *columns >= NARROWEST) {
        Some(columns) => note(&text.wrapped(columns)),
        None => note(text),
    }
}

/// Width of the terminal that a stream goes to.
fn columns_of(stream: &(impl AsFd + IsTerminal)) -> Option<usize> {
    let size = if stream.is_terminal() { tcgetwinsize(stream).ok() } else { None };
    // A terminal of unknown size reports 0.
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Asks a question; the answer is typed on the same line.
pub(crate) fn question(text: &Plain) -> Result<(), Error> {
    say(text, "")
}

fn say(text: &Plain, end: &str) -> Result<(), Error> {
    let mut stderr = io::stderr().lock();
    match write!(stderr, "{}{end}", text.as_str()).and_then(|()| stderr.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said.map_err(|e| Error::io("the terminal", &e)),
    }
}

/// Whether standard error is a terminal.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes the log line by line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log;

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(Plain::lines(String::from_utf8_lossy(line)).as_str().as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The warnings shown with a snapshot.
pub(crate) fn marks(marks: &[Mark]) -> String {
    marks.iter().map(|mark| mark.words()).collect::<Vec<_>>().join(", ")
}

/// `1.40 GB`.
pub(crate) fn bytes(n: u64) -> String {
    decimal(n)
}

/// `2026-11-20T22:00:00Z` from seconds since 1970.
pub(crate) fn when(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

/// A time in a result: for a person, how long ago; in a pipe, ISO 8601.
pub(crate) fn time(seconds: i64) -> String {
    if is_for_a_person() { ago(seconds) } else { when(seconds) }
}

/// How long ago a time was.
pub(crate) fn ago(seconds: i64) -> String {
    relative(seconds, Timestamp::now().as_second())
}

/// An id in a result: for a person, the beginning, which any command accepts; in a pipe, all of it.
pub(crate) fn id(id: impl Display) -> String {
    let id = id.to_string();
    if is_for_a_person() { id.chars().take(8).collect() } else { id }
}

/// Whether standard output is a terminal.
fn is_for_a_person() -> bool {
    io::stdout().is_terminal()
}

/// `3 h ago`; a time long ago or in the future is its date.
fn relative(seconds: i64, now: i64) -> String {
    let ago = |n: i64, unit: &str| format!("{n} {unit} ago");
    match now.saturating_sub(seconds) {
        -60..60 => "just now".to_owned(),
        age @ 60..3_600 => ago(age / 60, "min"),
        age @ 3_600..86_400 => ago(age / 3_600, "h"),
        86_400..172_800 => "1 day ago".to_owned(),
        age @ 172_800..2_592_000 => ago(age / 86_400, "days"),
        _ => Timestamp::from_second(seconds)
            .map_or_else(|_| seconds.to_string(), |at| at.to_zoned(TimeZone::system()).date().to_string()),
    }
}

/// Fits the table to the width of standard output's terminal, leaving out as many `spare` columns, in this order, as
/// necessary.
pub(crate) fn fitting<C: Copy + Into<Column>>(header: &[C], rows: &[Vec<String>], spare: &[&str]) -> Plain {
    let header: Vec<Column> = header.iter().map(|column| (*column).into()).collect();
    table::within(columns_of(&io::stdout()).unwrap_or(usize::MAX), &header, rows, spare)
}

/// The same for a list that belongs to a question.
pub(crate) fn choices(header: &[Column], rows: &[Vec<String>]) -> Plain {
    table::within(columns_of(&io::stderr()).unwrap_or(usize::MAX), header, rows, &[])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use client_core::{error::ErrorKind, text::Text};

    use super::*;

    #[test]
    fn an_error_of_any_origin_is_three_lines_or_one_document() {
        let hostile = "a\x1b[2J\nb\u{202e}";
        let error = Error::new(ErrorKind::SourceAuth, Text::verbatim(hostile.to_owned()), hostile, hostile);
        assert_eq!(
            sentences(&error).as_str(),
            "sealkeep: a\\u{1b}[2J\\nb\\u{202e}\n  Your backups: a\\u{1b}[2J\\nb\\u{202e}.\n  \
             Next: a\\u{1b}[2J\\nb\\u{202e}."
        );
        let printed = plain::json(&serde_json::to_string(&Failed { error: failure(&error) }).unwrap());
        assert!(!printed.contains(['\n', '\x1b', '\u{202e}']), "{printed}");
        let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(value["error"]["kind"], "source_auth");
        assert_eq!(value["error"]["next_step"], hostile);
    }

    #[test]
    fn marks_are_told_in_words_and_in_codes() {
        let all = [Mark::Smaller, Mark::UnknownFormat];
        assert_eq!(marks(&all), "smaller than usual, unknown format");
        let codes = serde_json::to_string(&crate::documents::marks(&all)).unwrap();
        assert_eq!(codes, r#"["smaller_than_usual","unknown_format"]"#);
        assert_eq!(marks(&[]), "");
    }

    #[test]
    fn a_time_is_told_to_the_second_and_one_beyond_the_calendar_as_its_number() {
        assert_eq!(when(0), "1970-01-01T00:00:00Z");
        assert_eq!(when(1_795_212_000), "2026-11-20T22:00:00Z");
        assert_eq!(when(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_person_reads_how_long_ago_it_was() {
        let now = 1_795_212_000;
        for (age, words) in [
            (-30, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (86_400, "1 day ago"),
            (172_800, "2 days ago"),
            (2_591_999, "29 days ago"),
        ] {
            assert_eq!(relative(now - age, now), words);
        }
        assert!(relative(now - 30_000_000, now).starts_with("2025-12-"));
        assert!(relative(now + 30_000_000, now).starts_with("2027-11-"));
    }
}
