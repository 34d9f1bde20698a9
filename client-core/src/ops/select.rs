//! Which snapshot a person means.

use api_types::SnapshotId;

use crate::{
    error::{Error, ErrorKind},
    vault::ListedSnapshot,
};

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
    /// `latest`, or at least four hexadecimal digits.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str, source: Option<String>) -> Result<Self, Error> {
        if text == "latest" {
            return Ok(Self::Latest { source });
        }
        let hex = text.len() <= 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && text.len() >= 4 {
            return Ok(Self::Id(text.to_owned()));
        }
        Err(Error::usage(format!(
            "`{text}` is no snapshot: give `latest`, or at least four digits of an id from `sealkeep snapshots`"
        )))
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
    let mut found = snapshots.iter().filter(|s| s.id.to_string().starts_with(prefix));
    let first = found.next().ok_or_else(|| not_found(format!("there is no snapshot {prefix}")))?;
    if found.next().is_some() {
        return Err(Error::new(
            ErrorKind::Ambiguous,
            format!("several snapshots begin with {prefix}"),
            "nothing was changed",
            "give more digits of the id",
        ));
    }
    Ok(first)
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
