//! Finds the saved source that the user means.

use super::{
    Client,
    select::{MAX_NAMED, MIN_DIGITS},
    sources::{self, SavedSource},
};
use crate::error::{Error, ErrorKind};

/// The saved source with this name, with this id, or whose id or name begins with it.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`], or as [`sources::list`].
pub fn find(client: &Client, typed: &str) -> Result<SavedSource, Error> {
    one(&sources::list(client)?, typed)
}

/// A complete name wins over an id, and an id over the beginning of a name.
fn one(sources: &[SavedSource], typed: &str) -> Result<SavedSource, Error> {
    let digits = |text: &str| text.to_ascii_lowercase().replace('-', "");
    let prefix = digits(typed);
    let is_id = prefix.len() >= MIN_DIGITS && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    let by_name = |source: &SavedSource| source.name == typed;
    let by_id = |source: &SavedSource| is_id && digits(&source.id.to_string()).starts_with(&prefix);
    let by_beginning = |source: &SavedSource| !typed.is_empty() && source.name.starts_with(typed);
    let ways: [&dyn Fn(&SavedSource) -> bool; 3] = [&by_name, &by_id, &by_beginning];
    let names: Vec<&str> = sources.iter().take(MAX_NAMED).map(|source| source.name.as_str()).collect();
    let unknown = || {
        Error::new(
            ErrorKind::NotFound,
            format!("no source called `{typed}` is saved on this device"),
            "nothing was changed",
            if names.is_empty() {
                "`sealkeep source add` saves one".to_owned()
            } else {
                format!("the saved sources are: {}", names.join(", "))
            },
        )
    };
    let found = ways.iter().map(|way| sources.iter().filter(|source| way(source)).collect::<Vec<_>>());
    match found.into_iter().find(|found| !found.is_empty()).unwrap_or_default().as_slice() {
        [] => Err(unknown()),
        [source] => Ok((*source).clone()),
        several => {
            let named: Vec<String> = several
                .iter()
                .take(MAX_NAMED)
                .map(|s| format!("{} ({}, {})", s.name, s.address.kind(), s.id))
                .collect();
            Err(Error::new(
                ErrorKind::Ambiguous,
                format!("`{typed}` may be any of these sources: {}", named.join("; ")),
                "nothing was changed",
                "give the complete name, or the beginning of its id",
            ))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ops::{schedule::Schedule, sources::Address};

    #[test]
    fn a_name_an_id_and_their_beginnings_are_found() {
        let saved = |number: u128, name: &str, address: &str| SavedSource {
            id: Uuid::from_u128(number),
            name: name.to_owned(),
            address: Address::parse(address).unwrap(),
            schedule: Schedule::Manual,
            created: 0,
            former: Vec::new(),
        };
        let sources = vec![
            saved(0xaaaa << 112, "shop", "postgres://h/shop"),
            saved(0xaabb << 112, "shop old", "postgres://h/old"),
            saved(0xbbbb << 112, "files", "/d/files"),
            saved(0xcccc << 112, "files", "postgres://h/files"),
            saved(0xdddd << 112, "aabb", "postgres://h/odd"),
        ];
        let found = |typed: &str| one(&sources, typed).map(|source| source.id.as_u128() >> 112);
        assert_eq!(found("shop").unwrap(), 0xaaaa, "the complete name wins");
        assert_eq!(found("shop o").unwrap(), 0xaabb);
        assert_eq!(found("AAAA").unwrap(), 0xaaaa);
        assert_eq!(found("aabb").unwrap(), 0xdddd, "a name wins over an id");
        assert_eq!(found("aabb0000").unwrap(), 0xaabb);
        assert_eq!(found("cccc").unwrap(), 0xcccc);
        assert_eq!(found("files").unwrap_err().kind(), ErrorKind::Ambiguous);
        assert_eq!(found("sh").unwrap_err().kind(), ErrorKind::Ambiguous);
        for typed in ["", "x", "ee"] {
            let error = found(typed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{typed}");
            assert!(error.next_step().contains("shop old"));
        }
        assert!(one(&[], "x").err().unwrap().next_step().contains("source add"));
    }
}
