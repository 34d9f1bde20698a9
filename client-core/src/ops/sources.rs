//! The sources saved on this device: what to back up, how to reach it, when. Connection strings contain passwords, so
//! the file is sealed with the vault's master key and never leaves this machine.

use std::{fs, io};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Client, schedule::Schedule};
use crate::{
    crypto::{Amk, wrap},
    error::{Error, ErrorKind},
    keystore::replace_file,
    source::{self, AnySource},
};

const NAME: &str = "sources.sealed";
const VERSION: u8 = 2;
/// Maximum length of a source's name, in characters.
const MAX_NAME: usize = 80;

/// How to reach a saved source. It may contain a password.
#[derive(Clone)]
pub struct Address {
    kind: &'static str,
    text: SecretString,
}

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
}

impl Address {
    /// Parses what the user typed or chose.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let engine = source::engine_of(text).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                "this is neither a connection string nor the full path of a file",
                "nothing was saved",
                "a database is named as postgres://user:password@host:5432/database",
            )
        })?;
        engine.source(text)?;
        Ok(Self { kind: engine.kind(), text: text.to_owned().into() })
    }

    /// `postgres` or `file`, as in snapshots.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The source to back up.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for text that no longer names a source: a service file may have changed.
    pub fn source(&self) -> Result<AnySource, Error> {
        let engine =
            source::engine(self.kind).ok_or_else(|| Error::internal_text("the address of a source"))?;
        Ok(engine.source(self.text.expose_secret())?)
    }

    /// For display, without the password.
    #[must_use]
    pub fn shown(&self) -> String {
        self.source().map_or_else(|_| String::new(), |source| source.address())
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

/// Adds a source, or replaces the one with the same id.
///
/// # Errors
/// [`ErrorKind::Exists`] if another one has the same name and kind; [`ErrorKind::Usage`] for an invalid name or
/// schedule.
pub fn save(client: &Client, mut source: SavedSource) -> Result<(), Error> {
    source.name = source.name.trim().to_owned();
    if source.name.is_empty() || source.name.chars().count() > MAX_NAME {
        return Err(Error::usage(format!("a source needs a name of 1 to {MAX_NAME} characters")));
    }
    if !source.schedule.is_valid() {
        return Err(Error::usage("invalid time of day".to_owned()));
    }
    let mut sources = list(client)?;
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
    write(client, &sources)
}

/// Renames a source from now on; existing snapshots keep their name.
///
/// # Errors
/// Same as [`save`].
pub fn rename(client: &Client, id: Uuid, name: String) -> Result<(), Error> {
    save(client, SavedSource { name, ..get(client, id)? })
}

/// Removes a source. Its snapshots stay.
///
/// # Errors
/// Same as [`list`].
pub fn forget(client: &Client, id: Uuid) -> Result<(), Error> {
    let mut sources = list(client)?;
    sources.retain(|source| source.id != id);
    write(client, &sources)
}

/// Looks up a source by its id.
///
/// # Errors
/// [`ErrorKind::NotFound`].
pub fn get(client: &Client, id: Uuid) -> Result<SavedSource, Error> {
    list(client)?.into_iter().find(|source| source.id == id).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "that source was removed",
            "nothing was changed",
            "choose another one",
        )
    })
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
}

impl From<&SavedSource> for StoredSource {
    fn from(source: &SavedSource) -> Self {
        Self {
            id: source.id,
            name: source.name.clone(),
            kind: source.address.kind.to_owned(),
            address: Zeroizing::new(source.address.text.expose_secret().to_owned()),
            schedule: source.schedule,
            created: source.created,
        }
    }
}

impl TryFrom<StoredSource> for SavedSource {
    type Error = ();

    fn try_from(stored: StoredSource) -> Result<Self, ()> {
        let kind = source::engine(&stored.kind).ok_or(())?.kind();
        let address = Address { kind, text: SecretString::from(stored.address.as_str()) };
        let StoredSource { id, name, schedule, created, .. } = stored;
        Ok(Self { id, name, address, schedule, created })
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
        SavedSource { id: Uuid::new_v4(), name: name.into(), address, schedule, created: 1 }
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
        assert_eq!(sources[0].address.text.expose_secret(), url);
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
                format!("{{\"version\":1,\"sources\":[{{{row},\"url\":\"postgres://h/x\",\"path\":null}}]}}"),
                ErrorKind::Damaged,
                "rm ",
            ),
            ("{\"version\":3,\"sources\":7}".to_owned(), ErrorKind::NewerFormat, "update"),
            (
                format!("{{\"version\":2,\"sources\":[{{{row},\"kind\":\"oracle\",\"address\":\"x\"}}]}}"),
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
        for text in ["", "mysql://x", "dump.sql", "postgres://h:99999/x"] {
            assert_eq!(Address::parse(text).err().unwrap().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
