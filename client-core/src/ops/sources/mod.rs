//! The sources saved on this device: what to back up, how to reach it, when. Connection strings contain passwords, so
//! the file is sealed with the vault's master key and never leaves this machine.

use std::{fs, io};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use super::address::Address;
use super::{Client, schedule::Schedule};
use crate::{
    crypto::{Amk, wrap},
    error::{Error, ErrorKind},
    keystore::replace_file,
    state::take_turn,
};

const NAME: &str = "sources.sealed";
const LOCK: &str = "sources.lock";
const VERSION: u8 = 3;
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
    let secrets = client.secrets()?;
    let vault = secrets.vault()?;
    let path = client.home().join(NAME);
    let sealed = match fs::read(&path) {
        Ok(sealed) => sealed,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(&path.display().to_string(), &e)),
    };
    let damaged = || {
        Error::new(
            ErrorKind::Damaged,
            format!("{} is damaged or belongs to another vault", path.display()),
            "all snapshots are untouched; the saved connections cannot be read",
            "remove the file and add the sources again",
        )
    };
    let amk = Amk::try_from(vault.amk.as_slice()).map_err(|_| damaged())?;
    let plain = wrap::open_local(&sealed, &amk, vault.info.vault_id).map_err(|_| damaged())?;
    let newer = || {
        Error::new(
            ErrorKind::NewerFormat,
            format!("{} was written by a newer version of Sealkeep", path.display()),
            "nothing was changed",
            "update Sealkeep",
        )
    };
    let Written { version } = serde_json::from_slice(&plain).map_err(|_| damaged())?;
    if version > VERSION {
        return Err(newer());
    }
    if version < VERSION {
        return Err(Error::new(
            ErrorKind::Damaged,
            format!("{} was written by an older build of Sealkeep", path.display()),
            "all snapshots are untouched; the saved connections cannot be read",
            format!("remove it with `rm {}` and add the sources again", path.display()),
        ));
    }
    let stored: Stored = serde_json::from_slice(&plain).map_err(|_| damaged())?;
    stored.sources.into_iter().map(|stored| SavedSource::try_from(stored).map_err(|_| newer())).collect()
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
        let source = SavedSource { schedule, ..find(sources, id)? };
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
                format!("{} is a source of another kind", after.address.shown()),
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
            "that source was removed",
            "nothing was changed",
            "choose another one",
        )
    })
}

fn put(sources: &mut Vec<SavedSource>, mut source: SavedSource) -> Result<(), Error> {
    source.name = source.name.trim().to_owned();
    if source.name.is_empty() || source.name.chars().count() > MAX_NAME {
        return Err(Error::usage(format!("a source needs a name of 1 to {MAX_NAME} characters")));
    }
    if !source.schedule.is_valid() {
        return Err(Error::usage("invalid time of day".to_owned()));
    }
    let taken = |other: &SavedSource| {
        other.id != source.id && other.name == source.name && other.address.kind() == source.address.kind()
    };
    if sources.iter().any(taken) {
        return Err(Error::new(
            ErrorKind::Exists,
            format!("there is a source called {} already", source.name),
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
    write(client, &sources)
}

fn write(client: &Client, sources: &[SavedSource]) -> Result<(), Error> {
    let secrets = client.secrets()?;
    let vault = secrets.vault()?;
    let stored = Stored { version: VERSION, sources: sources.iter().map(StoredSource::from).collect() };
    let plain =
        Zeroizing::new(serde_json::to_vec(&stored).map_err(|e| Error::internal("the saved sources", &e))?);
    let amk = Amk::try_from(vault.amk.as_slice()).map_err(|_| Error::internal_text("the master key"))?;
    let sealed = wrap::seal_local(&plain, &amk, vault.info.vault_id)?;
    replace_file(client.home(), NAME, &sealed)
}

/// The format written by every build.
#[derive(Deserialize)]
struct Written {
    version: u8,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u8,
    sources: Vec<StoredSource>,
}

#[derive(Serialize, Deserialize)]
struct StoredSource {
    id: Uuid,
    name: String,
    kind: String,
    address: Zeroizing<String>,
    schedule: Schedule,
    created: i64,
    former: Vec<Former>,
}

impl From<&SavedSource> for StoredSource {
    fn from(source: &SavedSource) -> Self {
        Self {
            id: source.id,
            name: source.name.clone(),
            kind: source.address.kind().to_owned(),
            address: Zeroizing::new(source.address.exposed().to_owned()),
            schedule: source.schedule,
            created: source.created,
            former: source.former.clone(),
        }
    }
}

impl TryFrom<StoredSource> for SavedSource {
    type Error = ();

    fn try_from(stored: StoredSource) -> Result<Self, ()> {
        let address = Address::stored(&stored.kind, &stored.address).ok_or(())?;
        let StoredSource { id, name, schedule, created, former, .. } = stored;
        Ok(Self { id, name, address, schedule, created, former })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{device::tests::sample, ops::client::tests::offline};

    fn client(home: &std::path::Path) -> Client {
        let client = offline(home);
        client.keystore().put(&sample()).unwrap();
        client
    }

    fn source(name: &str, address: &str) -> SavedSource {
        let address = Address::parse(address).unwrap();
        let schedule = Schedule::Day { hour: 2, minute: 0 };
        SavedSource {
            id: Uuid::new_v4(),
            name: name.into(),
            address,
            schedule,
            created: 1,
            former: Vec::new(),
        }
    }

    #[test]
    fn passwords_are_stored_sealed_and_come_back() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        let url = "postgres://ada:geheim99@db.example.com:5433/shop?sslmode=require";
        save(&client, source(" shop ", url)).unwrap();
        save(&client, source("shop", "/var/dumps/shop.dump")).unwrap();
        let bytes = fs::read(home.path().join(NAME)).unwrap();
        for word in ["geheim99", "example.com", "shop"] {
            assert!(memchr::memmem::find(&bytes, word.as_bytes()).is_none(), "{word}");
        }
        let sources = list(&client).unwrap();
        assert_eq!(sources[0].name, "shop");
        assert_eq!(sources[0].address.shown(), "postgres://ada@db.example.com:5433/shop");
        assert_eq!(sources[0].address.exposed(), url);
        assert_eq!(sources[1].address.shown(), "/var/dumps/shop.dump");

        forget(&client, sources[0].id).unwrap();
        assert_eq!(get(&client, sources[0].id).err().unwrap().kind(), ErrorKind::NotFound);
        assert_eq!(list(&client).unwrap().len(), 1);
    }

    #[test]
    fn what_another_build_wrote_is_refused_with_the_way_on() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        let row = "\"id\":\"00000000-0000-0000-0000-000000000001\",\"name\":\"shop\",\"schedule\":{\"every\":\"manual\"},\"created\":1";
        for (plain, kind, way) in [
            (
                format!(
                    "{{\"version\":2,\"sources\":[{{{row},\"kind\":\"postgres\",\"address\":\"postgres://h/x\"}}]}}"
                ),
                ErrorKind::Damaged,
                "rm ",
            ),
            ("{\"version\":4,\"sources\":7}".to_owned(), ErrorKind::NewerFormat, "update"),
            (
                format!(
                    "{{\"version\":3,\"sources\":[{{{row},\"kind\":\"oracle\",\"address\":\"x\",\"former\":[]}}]}}"
                ),
                ErrorKind::NewerFormat,
                "update",
            ),
        ] {
            let secrets = client.secrets().unwrap();
            let vault = secrets.vault().unwrap();
            let amk = Amk::try_from(vault.amk.as_slice()).unwrap();
            let sealed = wrap::seal_local(plain.as_bytes(), &amk, vault.info.vault_id).unwrap();
            replace_file(client.home(), NAME, &sealed).unwrap();
            let error = list(&client).err().unwrap();
            assert_eq!(error.kind(), kind, "{plain}: {error:?}");
            assert!(error.next_step().contains(way), "{error:?}");
        }
    }

    #[test]
    fn one_name_is_one_history() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        let mut first = source("shop", "postgres://a@h/x");
        save(&client, first.clone()).unwrap();
        let error = save(&client, source("shop", "postgres://a@h/y")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Exists);
        first.schedule = Schedule::Hour;
        save(&client, first).unwrap();
        assert_eq!(list(&client).unwrap()[0].schedule, Schedule::Hour);
        assert_eq!(save(&client, source("  ", "/x")).err().unwrap().kind(), ErrorKind::Usage);
    }

    #[test]
    fn another_vaults_file_and_nonsense_are_named() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        save(&client, source("shop", "/x")).unwrap();
        let mut other = sample();
        other.vault.as_mut().unwrap().amk[0] ^= 1;
        client.keystore().put(&other).unwrap();
        assert_eq!(list(&client).err().unwrap().kind(), ErrorKind::Damaged);
    }

    #[test]
    fn an_edit_changes_what_it_names_and_keeps_the_rest() {
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        let first = source("shop", "postgres://ada:geheim99@db1:5432/shop?sslmode=require");
        let id = first.id;
        save(&client, first.clone()).unwrap();
        save(&client, source("ledger", "postgres://ada@db1/ledger")).unwrap();
        let address = |text| Edit { address: Some(text), ..Edit::default() };

        // A rotated password: nothing else changes, and the history is the same.
        edit(&client, id, address("postgres://ada:neu@db1:5432/shop?sslmode=require")).unwrap();
        let now = get(&client, id).unwrap();
        assert_eq!(now.address.exposed(), "postgres://ada:neu@db1:5432/shop?sslmode=require");
        assert_eq!((&now.name, now.schedule, now.created), (&first.name, first.schedule, first.created));
        assert!(now.former.is_empty());

        // Another database of that server, with the password unchanged; the former place stays in its history.
        edit(&client, id, address("postgres://ada@db1:5432/shop2?sslmode=require")).unwrap();
        let now = get(&client, id).unwrap();
        assert_eq!(now.address.exposed(), "postgres://ada@db1:5432/shop2?sslmode=require&password=neu");
        assert_eq!(now.former, [Former { name: "shop".into(), place: "db1:5432/shop".into() }]);

        edit(&client, id, Edit { name: Some(" store "), ..Edit::default() }).unwrap();
        let now = get(&client, id).unwrap();
        assert_eq!((now.name.as_str(), now.former_names()), ("store", vec!["shop".to_owned()]));
        assert_eq!(now.address.exposed(), "postgres://ada@db1:5432/shop2?sslmode=require&password=neu");

        // A password never goes to another server or user.
        edit(&client, id, address("postgres://ada@db2:5432/shop2")).unwrap();
        assert_eq!(get(&client, id).unwrap().address.exposed(), "postgres://ada@db2:5432/shop2");

        for (wrong, kind) in [
            (Edit { name: Some("ledger"), ..Edit::default() }, ErrorKind::Exists),
            (Edit { name: Some(" "), ..Edit::default() }, ErrorKind::Usage),
            (address("/var/dumps/shop.dump"), ErrorKind::Usage),
            (address("postgres://h:99999/x"), ErrorKind::Usage),
        ] {
            assert_eq!(edit(&client, id, wrong).err().unwrap().kind(), kind, "{wrong:?}");
        }
        assert_eq!(get(&client, id).unwrap().name, "store");
        assert_eq!(edit(&client, Uuid::new_v4(), Edit::default()).err().unwrap().kind(), ErrorKind::NotFound);
        // Another source's name: what was stored so far is not its history.
        rename(&client, id, "copy".into()).unwrap();
        assert!(get(&client, id).unwrap().former.is_empty());
    }

    #[test]
    fn processes_that_write_at_once_lose_nothing() {
        const TIMES: usize = 20;
        let home = tempfile::tempdir().unwrap();
        let client = client(home.path());
        let kept = source("shop", "postgres://ada@h/shop");
        save(&client, kept.clone()).unwrap();
        std::thread::scope(|scope| {
            for writer in ["a", "b"] {
                let (client, id) = (&client, kept.id);
                scope.spawn(move || {
                    for at in 0..TIMES {
                        save(client, source(&format!("{writer}{at}"), "postgres://ada@h/x")).unwrap();
                        if writer == "a" {
                            set_schedule(client, id, Schedule::Hour).unwrap();
                        } else {
                            let password = format!("postgres://ada:p{at}@h/shop");
                            edit(client, id, Edit { address: Some(&password), ..Edit::default() }).unwrap();
                        }
                    }
                });
            }
        });
        let sources = list(&client).unwrap();
        assert_eq!(sources.len(), 1 + 2 * TIMES);
        assert_eq!(sources[0].schedule, Schedule::Hour);
        assert_eq!(sources[0].address.exposed(), format!("postgres://ada:p{}@h/shop", TIMES - 1));
    }
}
