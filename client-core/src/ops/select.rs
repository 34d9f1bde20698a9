//! Selects the snapshot that the user means.

use std::collections::BTreeSet;

use api_types::SnapshotId;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    error::{Error, ErrorKind},
    vault::ListedSnapshot,
};

/// The word for the newest snapshot.
const LATEST: &str = "latest";
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
    /// Any other text; `source` differs from the source in the text.
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
                        format!("`{text}` names one source, and --source another: `{other}`"),
                        "nothing was changed",
                        "leave --source out",
                    )),
                    _ => Ok(selector),
                };
            }
        }
        let hex = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && text.len() >= MIN_DIGITS {
            return Ok(Self::Id(text.to_ascii_lowercase()));
        }
        Err(Error::new(
            ErrorKind::Usage,
            format!("`{text}` is not a snapshot"),
            "nothing was changed",
            "give `latest`, `shop@latest`, `shop@2026-11-20`, or at least four digits of an id from `sealkeep snapshots`; \
             a file to restore to comes after --to",
        ))
    }
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
        format!("there is no snapshot of `{source}` from {day}"),
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
    Error::new(
        ErrorKind::NotFound,
        format!("there is no source named `{typed}`"),
        "nothing was changed",
        if sources.is_empty() {
            "back something up first: nothing is there yet".to_owned()
        } else {
            format!("the sources are: {}", listed(sources))
        },
    )
}

/// The first names of a set.
fn listed(sources: &BTreeSet<String>) -> String {
    let named: Vec<&str> = sources.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = if sources.len() > MAX_NAMED { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

/// `latest` of several sources: lists the possible choices.
pub(super) fn several_sources(sources: &BTreeSet<String>) -> Error {
    let named: Vec<String> =
        sources.iter().take(MAX_NAMED).map(|name| format!("`{name}@{LATEST}`")).collect();
    let more = if sources.len() > MAX_NAMED { ", …" } else { "" };
    Error::new(
        ErrorKind::Ambiguous,
        "several sources are backed up here",
        "nothing was changed",
        if named.is_empty() {
            "add --source NAME; `sealkeep status` lists them".to_owned()
        } else {
            format!("choose one: {}{more}", named.join(", "))
        },
    )
}

/// Two sources share this name, so it is ambiguous.
pub(super) fn two_sources(name: &str, one: &ListedSnapshot, other: &ListedSnapshot) -> Error {
    Error::new(
        ErrorKind::Ambiguous,
        format!("snapshots called {name} are of two sources: {} and {}", short(one.id), short(other.id)),
        "nothing was changed",
        "give the id of the snapshot that you mean; `sealkeep snapshots` says where each is from",
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Selector {
        Selector::parse(text, None).unwrap()
    }

    fn latest(source: &str) -> Selector {
        Selector::Latest { source: Some(source.to_owned()) }
    }

    fn of(source: &str, day: Date) -> Selector {
        Selector::OfDay { source: source.to_owned(), day }
    }

    #[test]
    fn a_snapshot_is_named_by_its_id_or_by_source_and_time() {
        assert_eq!(parsed("latest"), Selector::Latest { source: None });
        assert_eq!(parsed("3F9a"), Selector::Id("3f9a".to_owned()));
        assert_eq!(parsed("shop@latest"), latest("shop"));
        assert_eq!(parsed("shop@2026-11-20"), of("shop", date(2026, 11, 20)));
        let with_source = Selector::parse("shop@latest", Some("shop".to_owned())).unwrap();
        assert_eq!(with_source, latest("shop"));
        let other = Selector::parse("shop@latest", Some("ledger".to_owned())).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Usage);
        assert!(other.happened().contains("`ledger`"), "{}", other.happened());
    }

    #[test]
    fn only_the_last_at_sign_separates_and_only_before_a_time() {
        assert_eq!(parsed("ada@example.com@latest"), latest("ada@example.com"));
        assert_eq!(parsed("a@2026-11-20@2026-11-21"), of("a@2026-11-20", date(2026, 11, 21)));
        assert_eq!(parsed("shop@latest@latest"), latest("shop@latest"));
        for text in [
            "ada@example.com",
            "shop@",
            "@latest",
            "@2026-11-20",
            "shop@Latest",
            "shop@2026-11-31",
            "shop@20261120",
            "shop@2026-11-20T10:00",
            "shop@2026-11",
            "3f9",
            "shop",
            "",
        ] {
            assert_eq!(Selector::parse(text, None).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }

    #[test]
    fn a_day_is_the_local_one() {
        let zone = |hours| TimeZone::fixed(jiff::tz::offset(hours));
        // 2026-11-20T22:00:00Z
        let at = 1_795_212_000;
        assert_eq!(day_of(at, &zone(1)), Some(date(2026, 11, 20)));
        assert_eq!(day_of(at, &zone(2)), Some(date(2026, 11, 21)));
        assert_eq!(day_of(i64::MAX, &zone(0)), None);
    }

    #[test]
    fn a_day_without_a_snapshot_names_its_neighbours() {
        let days = [date(2026, 11, 3), date(2026, 11, 25), date(2026, 11, 18), date(2026, 11, 21)];
        let next = |day| none_on("shop", day, days.into_iter()).next_step().to_owned();
        assert_eq!(
            next(date(2026, 11, 20)),
            "the nearest days with one: `shop@2026-11-18`, `shop@2026-11-21`"
        );
        assert_eq!(next(date(2026, 11, 1)), "the nearest days with one: `shop@2026-11-03`");
        assert_eq!(next(date(2026, 12, 1)), "the nearest days with one: `shop@2026-11-25`");
        assert_eq!(none_on("shop", date(2026, 12, 1), days.into_iter()).kind(), ErrorKind::NotFound);
    }

    #[test]
    fn several_sources_are_named() {
        let sources = ["ledger", "shop"].map(str::to_owned).into();
        let error = several_sources(&sources);
        assert_eq!(error.next_step(), "choose one: `ledger@latest`, `shop@latest`");
    }

    proptest! {
        #[test]
        fn any_name_can_stand_before_the_time(name in "\\PC+", day in 1_i8..=28, month in 1_i8..=12) {
            prop_assert_eq!(parsed(&format!("{name}@latest")), latest(&name));
            let day = date(2026, month, day);
            prop_assert_eq!(parsed(&format!("{name}@{day}")), of(&name, day));
        }
    }
}
