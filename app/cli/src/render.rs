//! The command's result on standard output: text for people, one JSON document with `--json`.

use std::io::{self, Write};

use client_core::error::Error;
use serde::Serialize;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::stdout::Stdout;

/// Prints results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    /// The result is all that the command is for.
    only_tells: bool,
}

impl Output {
    pub(crate) const fn new(json: bool, only_tells: bool) -> Self {
        Self { json, only_tells }
    }

    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// One JSON document, or the text.
    pub(crate) fn result<T: Serialize>(self, value: &T, text: impl FnOnce() -> String) -> Result<(), Error> {
        let line = if self.json {
            serde_json::to_string(value).map_err(|e| Error::internal("a result that is no JSON", &e))?
        } else {
            text()
        };
        self.print(&line)
    }

    /// What went wrong: on standard error for people, on standard output with `--json`.
    pub(crate) fn error(self, error: &Error) {
        let printed = if self.json {
            self.print(
                &json!({"error": {
                    "kind": error.kind().as_str(),
                    "message": error.happened(),
                    "meaning": error.meaning(),
                    "next_step": error.next_step(),
                }})
                .to_string(),
            )
        } else {
            writeln!(
                io::stderr(),
                "sealkeep: {}\n  Your backups: {}.\n  Next: {}.",
                error.happened(),
                error.meaning(),
                error.next_step()
            )
            .map_err(|e| Error::io("the terminal", &e))
        };
        // Nobody is left to tell.
        drop(printed);
    }

    fn print(self, text: &str) -> Result<(), Error> {
        let mut stdout = if self.only_tells { Stdout::open_for_reader()? } else { Stdout::open()? };
        let line = format!("{text}\n");
        stdout
            .write_all(line.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|e| Error::io("standard output", &e))
    }
}

/// `1.4 GiB`.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

/// `2026-11-20T22:00:00Z` from seconds since 1970.
pub(crate) fn when(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_else(|| seconds.to_string())
}

/// Columns padded to their widest cell; numbers read best when the caller pads them.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}
