//! All output to the terminal: the command's result on standard output (text, or one JSON document with `--json`), and
//! anything else on standard error.

use std::io::{self, IsTerminal, Write};

use client_core::{error::Error, ops::list::Mark};
use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::Timestamp;
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{plain, plain::Plain, stdout::Stdout};

/// Prints results.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    /// Removed before anything else is printed.
    progress: ProgressBar,
}

impl Output {
    pub(crate) const fn new(json: bool, progress: ProgressBar) -> Self {
        Self { json, progress }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result: one JSON document, or the text.
    pub(crate) fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> Plain) -> Result<(), Error> {
        self.progress.finish_and_clear();
        let line = if self.json {
            plain::json(
                &serde_json::to_string(value).map_err(|e| Error::internal("a result that is no JSON", &e))?,
            )
        } else {
            text().as_str().to_owned()
        };
        print(format!("{line}\n").as_bytes())
    }

    /// Prints the result on standard error, because standard output is the dump itself.
    pub(crate) fn result_on_stderr(&self, text: &Plain) -> Result<(), Error> {
        self.progress.finish_and_clear();
        remark(text)
    }

    /// Prints an error: as text on standard error, also if standard output fails; on standard output with `--json`.
    pub(crate) fn error(&self, error: &Error) {
        self.progress.finish_and_clear();
        if self.json {
            let document = json!({"error": {
                "kind": error.kind().as_str(),
                "message": error.happened(),
                "meaning": error.meaning(),
                "next_step": error.next_step(),
            }});
            if print(format!("{}\n", plain::json(&document.to_string())).as_bytes()).is_ok() {
                return;
            }
        }
        let printed = remark(&plain!(
            "sealkeep: {}\n  Your backups: {}.\n  Next: {}.",
            error.happened(),
            error.meaning(),
            error.next_step()
        ));
        // There is nobody left to tell.
        drop(printed);
    }
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
    match terminal_columns() {
        Some(columns) => note(&text.wrapped(columns)),
        None => note(text),
    }
}

/// Width of the terminal that standard error goes to.
fn terminal_columns() -> Option<usize> {
    let stderr = io::stderr();
    let size = if stderr.is_terminal() { tcgetwinsize(&stderr).ok() } else { None };
    // A terminal of unknown size reports 0.
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns >= 20)
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

/// The same, for JSON.
pub(crate) fn mark_codes(marks: &[Mark]) -> Vec<&'static str> {
    marks.iter().map(|mark| mark.as_str()).collect()
}

/// `1.4 GiB`.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

/// `2026-11-20T22:00:00Z` from seconds since 1970.
pub(crate) fn when(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

/// Pads columns to their widest cell; right-align numbers by padding them in the caller. Empty columns are left out.
pub(crate) fn table(header: &[&'static str], rows: &[Vec<String>]) -> Plain {
    let says = |at: &usize| rows.iter().any(|row| row.get(*at).is_some_and(|cell| !cell.is_empty()));
    let kept: Vec<usize> = (0..header.len()).filter(|at| rows.is_empty() || says(at)).collect();
    let header = kept.iter().filter_map(|at| header.get(*at)).map(Plain::name).collect();
    let of = |row: &Vec<String>| kept.iter().filter_map(|at| row.get(*at)).map(Plain::name).collect();
    let lines: Vec<Vec<Plain>> = std::iter::once(header).chain(rows.iter().map(of)).collect();
    let mut widths = Vec::new();
    for line in &lines {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(columns(cell));
        }
    }
    let line = |cells: Vec<Plain>| {
        let mut text = String::new();
        let last = cells.len().saturating_sub(1);
        for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            text.push_str(cell.as_str());
            if at < last {
                text.push_str(&" ".repeat(width.saturating_sub(columns(cell)) + 2));
            }
        }
        plain!("{}", text)
    };
    Plain::join_lines(lines.into_iter().map(line))
}

/// Fits the table to the width of standard output's terminal, leaving out as many `spare` columns, in this order, as
/// necessary.
pub(crate) fn fitting(header: &[&'static str], rows: &[Vec<String>], spare: &[&str]) -> Plain {
    let stdout = io::stdout();
    let size = if stdout.is_terminal() { rustix::termios::tcgetwinsize(&stdout).ok() } else { None };
    // A terminal of unknown size reports 0.
    let width = size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    within(width.unwrap_or(usize::MAX), header, rows, spare)
}

fn within(width: usize, header: &[&'static str], rows: &[Vec<String>], spare: &[&str]) -> Plain {
    let (mut header, mut rows) = (header.to_vec(), rows.to_vec());
    let mut shown = table(&header, &rows);
    for name in spare {
        let widest = shown.as_str().lines().map(unicode_width::UnicodeWidthStr::width).max();
        if widest.unwrap_or_default() <= width {
            break;
        }
        let Some(at) = header.iter().position(|column| column == name) else { continue };
        header.remove(at);
        for row in rows.iter_mut().filter(|row| row.len() > at) {
            row.remove(at);
        }
        shown = table(&header, &rows);
    }
    shown
}

/// Number of terminal columns.
fn columns(cell: &Plain) -> usize {
    unicode_width::UnicodeWidthStr::width(cell.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_the_second_and_one_beyond_the_calendar_as_its_number() {
        assert_eq!(when(0), "1970-01-01T00:00:00Z");
        assert_eq!(when(1_795_212_000), "2026-11-20T22:00:00Z");
        assert_eq!(when(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns() {
        let rows = [vec!["1234567890".to_owned(), "postgres://far/away".to_owned(), "x".to_owned()]];
        let shown = |width| within(width, &["ID", "FROM", "NOTE"], &rows, &["FROM"]).as_str().to_owned();
        assert!(shown(37).contains("far"));
        assert_eq!(shown(20), "ID          NOTE\n1234567890  x");
        let silent = vec![vec!["1".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "NOTE"], &silent).as_str(), "ID\n1");
        assert_eq!(shown(5), shown(20));
    }

    #[test]
    fn a_hostile_cell_stays_in_its_row_and_its_column() {
        let rows =
            [vec!["esc\x1b[2J\nname".to_owned(), "1".to_owned()], vec!["データ".to_owned(), "2".to_owned()]];
        let table = table(&["NAME", "N"], &rows);
        assert_eq!(table.as_str(), "NAME                N\nesc\\u{1b}[2J\\nname  1\nデータ              2");
    }
}
