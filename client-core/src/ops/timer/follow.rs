//! Makes a timer say what its source says, after the source was changed.

use uuid::Uuid;

use super::{
    Client, Files, LOCK, Place, Removed, Scope, is_admin, read, remove_all, service_name, state_of,
    timer_name,
    unit::{is_untouched, program_of},
    units,
};
use crate::{
    error::Error,
    ops::{
        schedule::Schedule,
        sources::{self, SavedSource},
    },
    state::take_turn,
};

/// What became of a source's timer after the source was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It has none, or one that needs no change.
    Nothing,
    /// Its files say the new schedule and name.
    Rewritten,
    /// It has no schedule anymore, and no timer.
    Removed(Removed),
    /// It stays as it was, and starts what is due at its old times.
    Left {
        /// `sealkeep-….timer`
        unit: String,
        /// Why.
        why: Left,
    },
}

/// Why a timer could not follow its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Somebody edited its files, or removed one.
    Edited,
    /// Only an administrator can change a timer of the system.
    System,
    /// It was refused.
    Refused(String),
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    Remove,
    /// These files, by their names.
    Write([(String, String); 2]),
    Leave(Left),
}

/// Makes the timer of a source, if it has one, say what the source's schedule and name are now. It starts the same
/// program as before.
///
/// # Errors
/// Its files cannot be read.
pub fn follow(client: &Client, id: Uuid) -> Result<Followed, Error> {
    let _turn = take_turn(client.home(), LOCK)?;
    let source = sources::get(client, id)?;
    let unit = timer_name(id);
    for scope in [Scope::User, Scope::System] {
        // Without a home directory there are no units in it.
        let Ok(place) = Place::of(scope) else { continue };
        if !place.timer(id).exists() {
            continue;
        }
        return Ok(match next(client, &source, scope, &place, is_admin())? {
            Next::Nothing => Followed::Nothing,
            Next::Leave(why) => Followed::Left { unit, why },
            Next::Remove => Followed::Removed(remove_all(id)?),
            Next::Write(texts) => {
                let written = place.write(&texts).map_err(|error| error.happened().to_owned());
                match written.and_then(|_| scope.restart(&unit)) {
                    Ok(()) => Followed::Rewritten,
                    Err(why) => Followed::Left { unit, why: Left::Refused(why) },
                }
            }
        });
    }
    Ok(Followed::Nothing)
}

fn next(
    client: &Client,
    source: &SavedSource,
    scope: Scope,
    place: &Place,
    is_admin: bool,
) -> Result<Next, Error> {
    let timer = read(&place.timer(source.id))?.unwrap_or_default();
    let service = read(&place.folder.join(service_name(source.id)))?;
    let program = service.as_deref().and_then(program_of).filter(|_| is_untouched(&timer));
    let Some(program) = program else { return Ok(Next::Leave(Left::Edited)) };
    // Refused for the home of another user, whose timer only an administrator can write.
    let Ok(units) = units(client, source, scope, program) else { return Ok(Next::Leave(Left::System)) };
    Ok(if state_of(&units, service.as_deref(), &timer) == Files::Current {
        Next::Nothing
    } else if scope == Scope::System && !is_admin {
        Next::Leave(Left::System)
    } else if source.schedule == Schedule::Manual {
        Next::Remove
    } else {
        Next::Write(units.texts()?)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;
    use crate::ops::client::tests::offline;

    #[test]
    fn a_timer_follows_its_source_unless_somebody_else_has_a_hand_in_it() {
        let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let client = offline(home.path());
        let place = Place { folder: folder.path().to_owned() };
        let source = SavedSource {
            id: Uuid::from_u128(7),
            name: "shop".into(),
            address: sources::Address::parse("postgres://h/shop").unwrap(),
            schedule: Schedule::Hour,
            created: 0,
            scheduled: 0,
            former: Vec::new(),
        };
        let own = |source: &SavedSource| next(&client, source, Scope::User, &place, false).unwrap();
        let system =
            |source: &SavedSource, is_admin| next(&client, source, Scope::System, &place, is_admin).unwrap();
        let texts = |scope, source: &SavedSource| {
            units(&client, source, scope, "/opt/100% sealkeep".into()).unwrap().texts().unwrap()
        };
        place.write(&texts(Scope::User, &source)).unwrap();
        assert_eq!(own(&source), Next::Nothing);
        let renamed = SavedSource { name: "store".into(), ..source.clone() };
        let nightly = SavedSource { schedule: Schedule::Day { hour: 2, minute: 0 }, ..renamed.clone() };
        for changed in [&renamed, &nightly] {
            // The program stays the one that it starts.
            assert_eq!(own(changed), Next::Write(texts(Scope::User, changed)));
        }
        let manual = SavedSource { schedule: Schedule::Manual, ..source.clone() };
        assert_eq!(own(&manual), Next::Remove);

        let timer = place.timer(source.id);
        fs::write(&timer, fs::read_to_string(&timer).unwrap() + "# mine\n").unwrap();
        for changed in [&source, &nightly, &manual] {
            assert_eq!(own(changed), Next::Leave(Left::Edited));
        }
        place.write(&texts(Scope::User, &source)).unwrap();
        fs::remove_file(folder.path().join(service_name(source.id))).unwrap();
        assert_eq!(own(&nightly), Next::Leave(Left::Edited));

        place.write(&texts(Scope::System, &source)).unwrap();
        assert_eq!(system(&source, false), Next::Nothing);
        for changed in [&nightly, &manual] {
            assert_eq!(system(changed, false), Next::Leave(Left::System));
        }
        assert_eq!(system(&nightly, true), Next::Write(texts(Scope::System, &nightly)));
        assert_eq!(system(&manual, true), Next::Remove);
    }
}
