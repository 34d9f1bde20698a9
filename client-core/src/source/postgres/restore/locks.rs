//! Estimates from an archive's table of contents, before anything is changed, how many locks a restore in one
//! transaction takes.

use std::io::Read;

use super::{
    super::{PgUrl, tools::Tool},
    archive_head::ArchiveHead,
    target::Locks,
};
use crate::source::{SourceError, stopper::Stopper};

/// Entries of a table of contents that take at least one lock until the transaction ends.
const LOCKED: [&str; 7] =
    ["TABLE", "FOREIGN TABLE", "SEQUENCE", "VIEW", "MATERIALIZED VIEW", "INDEX", "CONSTRAINT"];
/// Entries that take one when their owner is set.
const LOCKED_FOR_OWNER: [&str; 5] = ["BLOB", "BLOB METADATA", "FUNCTION", "PROCEDURE", "AGGREGATE"];

/// `pg_restore --list` over the beginning of an archive.
pub(super) fn listing(
    url: &PgUrl,
    tool: &Tool,
    stopper: &Stopper,
) -> Result<ArchiveHead<String>, SourceError> {
    ArchiveHead::start(url, tool, &["--list"], stopper, |mut stdout| {
        let mut list = Vec::new();
        // A truncated list has fewer locks, and the restore itself reports the rest.
        drop(stdout.read_to_end(&mut list));
        String::from_utf8_lossy(&list).into_owned()
    })
}

/// Minimum number of locks that the restore takes.
pub(super) fn needed(list: &str, owners: bool) -> u64 {
    list.lines().map(|line| locks_of(line, owners)).fold(0, u64::saturating_add)
}

/// `215; 1259 16386 TABLE public item postgres`. Indexes and TOAST tables that come with a table are left out: only
/// what is certain is counted.
fn locks_of(line: &str, owners: bool) -> u64 {
    let Some((_, rest)) = line.split_once("; ").filter(|_| !line.starts_with(';')) else { return 0 };
    let mut words = rest.splitn(3, ' ');
    let Some(what) = words.nth(2) else { return 0 };
    let is = |desc: &str| what.strip_prefix(desc).is_some_and(|rest| rest.starts_with(' '));
    let data = [
        "TABLE DATA",
        "TABLE ATTACH",
        "SEQUENCE SET",
        "SEQUENCE OWNED BY",
        "MATERIALIZED VIEW DATA",
        "INDEX ATTACH",
    ];
    let locked = LOCKED.iter().any(|desc| is(desc)) || owners && LOCKED_FOR_OWNER.iter().any(|desc| is(desc));
    if data.iter().any(|desc| is(desc)) || !locked {
        return 0;
    }
    // Newer versions write one entry for many large objects: `BLOB METADATA - 16402..17401 postgres`.
    match what.strip_prefix("BLOB METADATA - ").and_then(|range| range.split(' ').next()?.split_once("..")) {
        Some((first, last)) => match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if last >= first => (last - first).saturating_add(1),
            _ => 1,
        },
        None => 1,
    }
}

/// Refuses a restore that cannot succeed, before anything is changed.
pub(super) fn refuse(place: String, need: u64, locks: Locks) -> Result<(), SourceError> {
    if need <= locks.free() {
        return Ok(());
    }
    // Doubled: tables come with TOAST tables and indexes that no list names.
    let enough = need.saturating_mul(2).saturating_add(locks.used).div_ceil(locks.holders.max(1));
    Err(SourceError::TooManyLocks { place, need, free: locks.free(), setting: locks.per_transaction, enough })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_that_keep_a_lock() {
        for (line, locks) in [
            ("; Archive created at 2026-11-25", 0),
            (";     dbname: shop; 1 2 TABLE x y z", 0),
            ("215; 1259 16386 TABLE public item postgres", 1),
            ("3318; 0 16386 TABLE DATA public item postgres", 0),
            ("3318; 0 16386 TABLE ATTACH public item postgres", 0),
            ("216; 1259 16390 SEQUENCE public item_id_seq postgres", 1),
            ("3319; 0 0 SEQUENCE SET public item_id_seq postgres", 0),
            ("3170; 2606 16394 CONSTRAINT public item item_pkey postgres", 1),
            ("3171; 2606 16394 FK CONSTRAINT public item item_fkey postgres", 0),
            ("3310; 2613 16402 BLOB - 16402 postgres", 1),
            ("3310; 2613 16402 BLOB METADATA - 16402..16501 postgres", 100),
            ("3320; 0 0 BLOBS - BLOBS", 0),
            ("220; 1255 16500 FUNCTION public f(integer) postgres", 1),
            ("", 0),
        ] {
            assert_eq!(locks_of(line, true), locks, "{line}");
        }
        assert_eq!(locks_of("3310; 2613 16402 BLOB - 16402 postgres", false), 0);
    }

    #[test]
    fn what_is_refused_names_a_setting_that_would_do() {
        let locks = Locks { per_transaction: 64, holders: 122, used: 8 };
        assert_eq!(refuse(String::new(), 7_800, locks), Ok(()));
        let refused = refuse(String::new(), 7_801, locks);
        let Err(SourceError::TooManyLocks { free: 7_800, enough: 128, .. }) = refused else {
            unreachable!("{refused:?}")
        };
    }
}
