//! The sources saved on this device: what to back up, how to reach it, when.

mod sealed;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::address::Address;
use super::{Client, schedule::Schedule};
use crate::{
    error::{Error, ErrorKind},
    state::take_turn,
    text,
};

const LOCK: &str = "sources.lock";
/// Maximum length of a source's name, in characters.
const MAX_NAME: usize = 80;

/// A saved source.
#[derive(Clone)]
pub struct SavedSource {
    /// Never changes.
    pub id: Uuid,
    /// The name given by the user; the snapshots' source name.
    pub name: String,
    /// How to reach it.
    pub address: Address,
    /// When it is backed up.
    pub schedule: Schedule,
    /// When it was added, seconds since 1970.
    pub created: i64,
    /// When its schedule was set, seconds since 1970; no later than `created`: with the source.
    pub scheduled: i64,
    /// Under which names and at which places it was backed up before it was edited: its history.
    pub former: Vec<Former>,
}

/// A name and place that a source had before it was edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The name in its snapshots.
    pub name: String,
    /// The place in its snapshots: `host:port/database`, or a path.
    pub place: String,
}

/// What an edit changes; `None` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edit<'a> {
    /// Another name.
    pub name: Option<&'a str>,
    /// Another address. A password that it lacks is the stored one, if server and user stay the same.
    pub address: Option<&'a str>,
}

impl SavedSource {
    /// Whether it has or had this name.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.former.iter().any(|former| former.name == name)
    }

    /// The names that it had before, each once.
    #[must_use]
    pub fn former_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for Former { name, .. } in &self.former {
            if *name != self.name && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// All saved sources, in the order they were added.
///
/// # Errors
/// [`ErrorKind::NotSignedIn`], or a file that cannot be read or is damaged.
pub fn list(client: &Client) -> Result<Vec<SavedSource>, Error> {
    sealed::read(client)
}

/// Adds a source without a schedule; `None`: under the name that its address suggests.
///
/// # Errors
/// Same as [`save`].
pub fn add(client: &Client, name: Option<String>, address: Address) -> Result<SavedSource, Error> {
    let source = SavedSource {
        id: Uuid::new_v4(),
        name: match name {
            Some(name) => name.trim().to_owned(),
            None => address.source()?.suggested_name(),
        },
        address,
        schedule: Schedule::Manual,
        created: client.now(),
        scheduled: 0,
        former: Vec::new(),
    };
    save(client, source.clone())?;
    Ok(source)
}

/// Adds a source, or replaces the one with the same id.
///
/// # Errors
/// [`ErrorKind::Exists`] if another one has the same name and kind; [`ErrorKind::Usage`] for an invalid name or
/// schedule.
pub fn save(client: &Client, source: SavedSource) -> Result<(), Error> {
    change(client, |sources| put(sources, source))
}

/// Changes when a source is backed up.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] for an invalid time.
pub fn set_schedule(client: &Client, id: Uuid, schedule: Schedule) -> Result<(), Error> {
    change(client, |sources| {
        let mut source = find(sources, id)?;
        if source.schedule != schedule {
            source.scheduled = client.now();
        }
        source.schedule = schedule;
        put(sources, source)
    })
}

/// Changes a source's name or connection. It stays the same source: schedule and history stay, and the next backup
/// compares the database with the last snapshot.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] for an address of another kind; otherwise same as [`save`].
pub fn edit(client: &Client, id: Uuid, edit: Edit<'_>) -> Result<(), Error> {
    change(client, |sources| {
        let before = find(sources, id)?;
        let mut after = before.clone();
        if let Some(name) = edit.name {
            name.trim().clone_into(&mut after.name);
        }
        if let Some(text) = edit.address {
            after.address = Address::parse(text)?.with_secrets_of(&before.address)?;
        }
        if after.address.kind() != before.address.kind() {
            return Err(Error::new(
                ErrorKind::Usage,
                text!("{address} is a source of another kind", address = after.address.shown()),
                "nothing was changed; the snapshots of this source are untouched",
                "add it as a source of its own",
            ));
        }
        let former = Former { name: before.name, place: before.address.place() };
        let moved = former.name != after.name || former.place != after.address.place();
        if moved && !after.former.contains(&former) {
            after.former.push(former);
        }
        put(sources, after)
    })
}

/// Renames a source from now on; existing snapshots keep their name, and are the history of another source.
///
/// # Errors
/// Same as [`save`].
pub fn rename(client: &Client, id: Uuid, name: String) -> Result<(), Error> {
    change(client, |sources| {
        let source = SavedSource { name, former: Vec::new(), ..find(sources, id)? };
        put(sources, source)
    })
}

/// Removes a source. Its snapshots stay.
///
/// # Errors
/// Same as [`list`].
pub fn forget(client: &Client, id: Uuid) -> Result<(), Error> {
    change(client, |sources| {
        sources.retain(|source| source.id != id);
        Ok(())
    })
}

/// Looks up a source by its id.
///
/// # Errors
/// [`ErrorKind::NotFound`].
pub fn get(client: &Client, id: Uuid) -> Result<SavedSource, Error> {
    find(&list(client)?, id)
}

fn find(sources: &[SavedSource], id: Uuid) -> Result<SavedSource, Error> {
    sources.iter().find(|source| source.id == id).cloned().ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            text!("that source was removed"),
            "nothing was changed",
            "choose another one",
        )
    })
}

fn put(sources: &mut Vec<SavedSource>, mut source: SavedSource) -> Result<(), Error> {
    source.name = source.name.trim().to_owned();
    if source.name.is_empty() || source.name.chars().count() > MAX_NAME {
        return Err(Error::usage(text!(
            "a source needs a name of 1 to {number} characters",
            number = MAX_NAME
        )));
    }
    if !source.schedule.is_valid() {
        return Err(Error::usage(text!("invalid time of day")));
    }
    let is_kind = |other: &SavedSource| other.address.kind() == source.address.kind();
    let has_it = |known: &SavedSource| known.id == source.id && known.name == source.name && is_kind(known);
    // Under a name that a source had before are its first snapshots, and its runs.
    let taken =
        |other: &&SavedSource| other.id != source.id && other.is_named(&source.name) && is_kind(other);
    if let Some(other) = sources.iter().find(taken).filter(|_| !sources.iter().any(has_it)) {
        let happened = if other.name == source.name {
            text!("there is a source called {name} already", name = source.name)
        } else {
            text!("{name} was called {former} before", name = other.name, former = source.name)
        };
        return Err(Error::new(
            ErrorKind::Exists,
            happened,
            "nothing was changed",
            "give it another name: snapshots of one name are one history",
        ));
    }
    match sources.iter_mut().find(|known| known.id == source.id) {
        Some(known) => *known = source,
        None => sources.push(source),
    }
    Ok(())
}

/// Reads and writes under one lock: no process overwrites what another one has just saved.
fn change(
    client: &Client,
    change: impl FnOnce(&mut Vec<SavedSource>) -> Result<(), Error>,
) -> Result<(), Error> {
    let _turn = take_turn(client.home(), LOCK)?;
    let mut sources = list(client)?;
    change(&mut sources)?;
    sealed::write(client, &sources)
}

#[cfg(test)]
mod tests;
