//! Selects the snapshot that the user means.

use std::collections::BTreeSet;

use api_types::SnapshotId;

use crate::{
    error::{Error, ErrorKind},
    vault::ListedSnapshot,
};

/// Minimum length of an abbreviated id.
pub(super) const MIN_DIGITS: usize = 4;
/// Maximum number of candidates listed in an error.
pub(super) const MAX_NAMED: usize = 10;

/// How the user named a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The newest; of one source if there are several.
    Latest {
        /// The source's name; optional if there is only one.
        source: Option<String>,
    },
    /// An id or a prefix of one.
    Id(String),
}

impl Selector {
    /// Parses `latest` or at least four hexadecimal digits in any case.
    ///
    /// # Errors
    /// Any other text.
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
/// None or several match.
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
                .take(MAX_NAMED)
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

/// An unknown source was named: lists the existing ones.
pub(super) fn no_source(typed: &str, sources: &BTreeSet<String>) -> Error {
    let named: Vec<&str> = sources.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = if sources.len() > MAX_NAMED { ", …" } else { "" };
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

/// Builds the error for a snapshot that was not found.
pub(super) fn not_found(happened: String) -> Error {
    Error::new(
        ErrorKind::NotFound,
        happened,
        "nothing was changed",
        "`sealkeep snapshots` lists what there is",
    )
}

/// A snapshot's id, abbreviated as in lists.
#[must_use]
pub fn short(id: SnapshotId) -> String {
    id.to_string().chars().take(12).collect()
}
