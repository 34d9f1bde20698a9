//! Selects the snapshot that the user means.

use std::{collections::BTreeSet, fmt::Display};

use api_types::SnapshotId;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    error::{Error, ErrorKind},
    shell::quoted,
    text,
    text::Text,
    vault::ListedSnapshot,
};

/// The word for the newest snapshot.
const LATEST: &str = "latest";
/// Minimum length of an abbreviated id.
const MIN_DIGITS: usize = 4;
/// Maximum number of candidates listed in an error.
const MAX_NAMED: usize = 10;

/// How the user named a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The newest; of one source if there are several.
    Latest {
        /// The source's name; optional if there is only one.
        source: Option<String>,
    },
    /// The newest of a local day.
    OfDay {
        /// The source's name.
        source: String,
        /// The day.
        day: Date,
    },
    /// An id or a prefix of one.
    Id(String),
}

impl Selector {
    /// Parses `latest`, `SOURCE@latest`, `SOURCE@2026-11-20`, or at least four hexadecimal digits in any case. A
    /// source's name can contain `@`: the last one counts.
    ///
    /// # Errors
    /// Any other text; `source` differs from the source in the text, or the text is an id.
    pub fn parse(text: &str, source: Option<String>) -> Result<Self, Error> {
        if text == LATEST {
            return Ok(Self::Latest { source });
        }
        if let Some((name, when)) = text.rsplit_once('@').filter(|(name, _)| !name.is_empty()) {
            let named = name.to_owned();
            let selector = if when == LATEST {
                Some(Self::Latest { source: Some(named) })
            } else {
                day(when).map(|day| Self::OfDay { source: named, day })
            };
            if let Some(selector) = selector {
                return match source {
                    Some(other) if other != name => Err(Error::new(
                        ErrorKind::Usage,
                        text!("`{text}` names one source, and --source another: `{other}`", text, other),
                        "nothing was changed",
                        "leave --source out",
                    )),
                    _ => Ok(selector),
                };
            }
        }
        let hex = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && text.len() >= MIN_DIGITS {
            return match source {
                Some(_) => Err(Error::new(
                    ErrorKind::Usage,
                    text!("`{text}` is the id of a snapshot, and --source belongs to `latest`", text),
                    "nothing was changed",
                    "leave --source out, or give `latest` instead of the id",
                )),
                None => Ok(Self::Id(text.to_ascii_lowercase())),
            };
        }
        Err(Error::new(
            ErrorKind::Usage,
            text!("`{text}` is not a snapshot", text),
            "nothing was changed",
            "give `latest`, `shop@latest`, `shop@2026-11-20`, or at least four digits of an id from `sealkeep snapshots`; \
             a file to restore to comes after --to",
        ))
    }

    /// The source that it names.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::Latest { source } => source.as_deref(),
            Self::OfDay { source, .. } => Some(source),
            Self::Id(_) => None,
        }
    }
}

/// The beginning of an id with hyphens: at least four digits in any case, with or without the hyphens. A snapshot's id
/// has none.
pub(super) struct IdPrefix(String);

impl IdPrefix {
    /// `None` for text that begins no id.
    pub(super) fn of(typed: &str) -> Option<Self> {
        let digits = digits(typed);
        let is_one = digits.len() >= MIN_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_one.then_some(Self(digits))
    }

    /// Whether this id begins so.
    pub(super) fn begins(&self, id: impl Display) -> bool {
        digits(&id.to_string()).starts_with(&self.0)
    }

    /// Whether this is the whole id.
    pub(super) fn is(&self, id: impl Display) -> bool {
        digits(&id.to_string()) == self.0
    }
}

fn digits(text: &str) -> String {
    text.to_ascii_lowercase().replace('-', "")
}

/// `2026-11-20`, and no other way to write that day.
fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| day.to_string() == text)
}

/// The local day of a time in seconds since 1970.
fn day_of(seconds: i64, zone: &TimeZone) -> Option<Date> {
    Timestamp::from_second(seconds).ok().map(|at| at.to_zoned(zone.clone()).date())
}

/// Those of one source's snapshots, newest first, that were created on this day; at least one.
///
/// # Errors
/// None was: names the nearest day before and after.
pub(super) fn of_day<'a>(
    source: &str,
    named: &[&'a ListedSnapshot],
    day: Date,
    zone: &TimeZone,
) -> Result<Vec<&'a ListedSnapshot>, Error> {
    let found: Vec<&ListedSnapshot> =
        named.iter().copied().filter(|s| day_of(s.envelope.created, zone) == Some(day)).collect();
    if found.is_empty() {
        let days = named.iter().filter_map(|s| day_of(s.envelope.created, zone));
        return Err(none_on(source, day, days));
    }
    Ok(found)
}

fn none_on(source: &str, day: Date, days: impl Iterator<Item = Date>) -> Error {
    let days: BTreeSet<Date> = days.collect();
    let near = [days.range(..day).next_back(), days.range(day..).next()];
    let near: Vec<String> = near.into_iter().flatten().map(|day| format!("`{source}@{day}`")).collect();
    Error::new(
        ErrorKind::NotFound,
        text!("there is no snapshot of `{source}` from {day}", source, day),
        "nothing was changed",
        if near.is_empty() {
            "`sealkeep snapshots` lists what there is".to_owned()
        } else {
            format!("the nearest days with one: {}", near.join(", "))
        },
    )
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
        [] => Err(not_found(text!("there is no snapshot {prefix}", prefix = prefix.to_string()))),
        [one] => Ok(one),
        several => {
            let digits = prefix.len() + 8;
            let named = listed(several.iter().map(|s| s.id.to_string().chars().take(digits).collect()));
            Err(Error::new(
                ErrorKind::Ambiguous,
                text!(
                    "{number} snapshots begin with {prefix}: {named}",
                    number = several.len(),
                    prefix,
                    named
                ),
                "nothing was changed",
                "give more digits of the id",
            ))
        }
    }
}

/// An unknown source was named: lists the existing ones.
pub(super) fn no_source(typed: &str, sources: &BTreeSet<String>) -> Error {
    Error::new(
        ErrorKind::NotFound,
        text!("there is no source named `{typed}`", typed),
        "nothing was changed",
        if sources.is_empty() {
            "back something up first: nothing is there yet".to_owned()
        } else {
            format!("the sources are: {}", listed(sources.iter().cloned()))
        },
    )
}

/// The first of these, for an error.
pub(super) fn listed(mut names: impl Iterator<Item = String>) -> String {
    let mut named: Vec<String> = names.by_ref().take(MAX_NAMED).collect();
    named.extend(names.next().map(|_| "…".to_owned()));
    named.join(", ")
}

/// `latest` of several sources: lists the possible choices.
pub(super) fn several_sources(sources: &BTreeSet<String>) -> Error {
    which_source("choose one", sources.iter().map(|name| format!("`{name}@{LATEST}`")))
}

/// A source is needed, and there are several: lists how to name one.
pub(super) fn name_a_source(sources: &BTreeSet<String>) -> Error {
    which_source("add one of", sources.iter().map(|name| format!("`--source {}`", quoted(name))))
}

fn which_source(advice: &str, choices: impl Iterator<Item = String>) -> Error {
    let named = listed(choices);
    Error::new(
        ErrorKind::Ambiguous,
        text!("several sources are backed up here"),
        "nothing was changed",
        if named.is_empty() {
            "add --source NAME; `sealkeep status` lists them".to_owned()
        } else {
            format!("{advice}: {named}")
        },
    )
}

/// Two sources share this name, so it is ambiguous.
pub(super) fn two_sources(name: &str, one: &ListedSnapshot, other: &ListedSnapshot) -> Error {
    Error::new(
        ErrorKind::Ambiguous,
        text!(
            "snapshots called {name} are of two sources: {one} and {other}",
            name,
            one = short(one.id),
            other = short(other.id)
        ),
        "nothing was changed",
        "give the id of the snapshot that you mean; `sealkeep snapshots` says where each is from",
    )
}

/// Builds the error for a snapshot that was not found.
pub(super) fn not_found(happened: Text) -> Error {
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

#[cfg(test)]
mod tests;
