//! Finds the saved source that the user means.

use super::{
    Client,
    select::{IdPrefix, listed},
    sources::{self, SavedSource},
};
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// The saved source with this name, with this id, or whose id or name begins with it.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::Ambiguous`], or as [`sources::list`].
pub fn find(client: &Client, typed: &str) -> Result<SavedSource, Error> {
    one(&sources::list(client)?, typed)
}

/// A complete name wins over an id, and an id over the beginning of a name.
fn one(sources: &[SavedSource], typed: &str) -> Result<SavedSource, Error> {
    let prefix = IdPrefix::of(typed);
    let by_name = |source: &SavedSource| source.name == typed;
    let by_id = |source: &SavedSource| prefix.as_ref().is_some_and(|prefix| prefix.begins(source.id));
    let by_beginning = |source: &SavedSource| !typed.is_empty() && source.name.starts_with(typed);
    let ways: [&dyn Fn(&SavedSource) -> bool; 3] = [&by_name, &by_id, &by_beginning];
    let unknown = || {
        Error::new(
            ErrorKind::NotFound,
            text!("no source called `{typed}` is saved on this device", typed),
            "nothing was changed",
            if sources.is_empty() {
                "`sealkeep source add` saves one".to_owned()
            } else {
                format!("the saved sources are: {}", listed(sources.iter().map(|s| s.name.clone())))
            },
        )
    };
    let mut found = ways.iter().map(|way| sources.iter().filter(|source| way(source)).collect::<Vec<_>>());
    match found.find(|found| !found.is_empty()).unwrap_or_default().as_slice() {
        [] => Err(unknown()),
        [source] => Ok((*source).clone()),
        several => {
            let named = several.iter().map(|s| format!("{} ({}, {})", s.name, s.address.kind(), s.id));
            Err(Error::new(
                ErrorKind::Ambiguous,
                text!("`{typed}` may be any of these sources: {names}", typed, names = listed(named)),
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

    fn saved(number: u128, name: &str, address: &str) -> SavedSource {
        SavedSource {
            id: Uuid::from_u128(number),
            name: name.to_owned(),
            address: Address::parse(address).unwrap(),
            schedule: Schedule::Manual,
            created: 0,
            scheduled: 0,
            former: Vec::new(),
        }
    }

    #[test]
    fn a_name_an_id_and_their_beginnings_are_found() {
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

    #[test]
    fn what_may_be_meant_is_named_with_kind_and_id_and_without_a_password() {
        let sources: Vec<SavedSource> = (1..=12)
            .map(|number| saved(number << 96, &format!("shop {number}"), "postgres://ada:hunter299@h/x"))
            .collect();
        let error = one(&sources, "shop").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        assert!(error.happened().contains("shop 1 (postgres, 00000001-0000-"), "{error:?}");
        assert!(error.happened().ends_with(", …"), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter299"));
        // All ids begin alike.
        assert_eq!(one(&sources, "0000").err().unwrap().kind(), ErrorKind::Ambiguous);
        assert_eq!(one(&sources, "0000000c-0000").unwrap().name, "shop 12");
        assert_eq!(one(&sources, &sources[2].id.to_string().to_uppercase()).unwrap().name, "shop 3");
        assert_eq!(one(&sources, "shop 1").unwrap().name, "shop 1", "and not shop 10");
        let unknown = one(&sources, "ledger").err().unwrap();
        assert!(unknown.next_step().ends_with("shop 10, …"), "{unknown:?}");
    }

    #[test]
    fn a_name_is_compared_as_it_is() {
        let names = ["50 % \"off\"", "café", "----", "a@b", "a\nb", "Shop"];
        let sources: Vec<SavedSource> =
            names.iter().zip(1..).map(|(name, number)| saved(number << 96, name, "postgres://h/x")).collect();
        for name in names {
            assert_eq!(one(&sources, name).unwrap().name, name);
        }
        assert_eq!(one(&sources, "caf").unwrap().name, "café");
        assert_eq!(one(&sources, "5").unwrap().name, names[0]);
        for unknown in ["shop", "cafe\u{301}", " Shop", "%", "0000000g"] {
            assert_eq!(one(&sources, unknown).err().unwrap().kind(), ErrorKind::NotFound, "{unknown}");
        }
    }
}
