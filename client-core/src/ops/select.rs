//! Which snapshot a person means.

use std::collections::BTreeSet;

use api_types::SnapshotId;

use crate::{
    error::{Error, ErrorKind},
    vault::ListedSnapshot,
};

/// Digits that an id may be shortened to, at least.
pub(super) const MIN_DIGITS: usize = 4;
/// Candidates that a refusal names, at most.
pub(super) const MOST_NAMED: usize = 10;

/// A way to name a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The newest, of one source when there are several.
    Latest {
        /// Its name; may be left out when there is only one.
        source: Option<String>,
    },
    /// An id or the beginning of one.
    Id(String),
}

impl Selector {
    /// `latest`, or at least four hexadecimal digits in any case.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str, source: Option<String>) -> Result<Self, Error> {
        if text == "latest" {
            return Ok(Self::Latest { source });
        }
        let hex = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && text.len() >= MIN_DIGITS {
            return Ok(Self::Id(text.to_ascii_lowercase()));
        }
        Err(Error::new(
            ErrorKind::Usage,
            format!("`{text}` is not a snapshot"),
            "nothing was changed",
            "give `latest`, or at least four digits of an id from `sealkeep snapshots`; a file to restore to comes after --to",
        ))
    }
}

/// The one snapshot whose id begins with `prefix`.
///
/// # Errors
/// None or several.
pub(super) fn by_prefix<'a>(
    snapshots: &'a [ListedSnapshot],
    prefix: &str,
) -> Result<&'a ListedSnapshot, Error> {
    let found: Vec<&ListedSnapshot> =
        snapshots.iter().filter(|s| s.id.to_string().starts_with(prefix)).collect();
    match found.as_slice() {
        [] => Err(not_found(format!("there is no snapshot {prefix}"))),
        [one] => Ok(one),
        several => {
            let digits = prefix.len() + 8;
            let named: Vec<String> = several
                .iter()
                .take(MOST_NAMED)
                .map(|s| s.id.to_string().chars().take(digits.max(12)).collect())
                .collect();
            Err(Error::new(
                ErrorKind::Ambiguous,
                format!("{} snapshots begin with {prefix}: {}", several.len(), named.join(", ")),
                "nothing was changed",
                "give more digits of the id",
            ))
        }
    }
}

/// A source that was named, and is none: the ones that there are, are named instead.
pub(super) fn no_source(typed: &str, sources: &BTreeSet<String>) -> Error {
    let named: Vec<&str> = sources.iter().take(MOST_NAMED).map(String::as_str).collect();
    let more = if sources.len() > MOST_NAMED { ", …" } else { "" };
    Error::new(
        ErrorKind::NotFound,
        format!("there is no source named `{typed}`"),
        "nothing was changed",
        if named.is_empty() {
            "back something up first: nothing is there yet".to_owned()
        } else {
            format!("the sources are: {}{more}", named.join(", "))
        },
    )
}

/// One name, one snapshot, or a sentence.
pub(super) fn not_found(happened: String) -> Error {
    Error::new(
        ErrorKind::NotFound,
        happened,
        "nothing was changed",
        "`sealkeep snapshots` lists what there is",
    )
}

/// A snapshot's id, shortened as in lists.
#[must_use]
pub fn short(id: SnapshotId) -> String {
    id.to_string().chars().take(12).collect()
}
