//! What the service showed before: it may grow, it may not shrink or change. Its own file, so that
//! removing the cache does not remove the protection.

use std::{path::Path, sync::Mutex, sync::PoisonError};

use api_types::{DeviceId, HeadHash, Sha256};
use rusqlite::{Connection, OptionalExtension, params};

use super::{StateError, schema};
use crate::device::{DirectoryPin, Head, Heads};

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// Of the device directory; `None` before the first look.
    pub directory: Option<DirectoryPin>,
    /// Newest snapshot per device.
    pub heads: Heads,
}

/// `pins.db`.
pub struct PinsDb(Mutex<Connection>);

impl PinsDb {
    pub(super) fn open(home: &Path) -> Result<Self, StateError> {
        schema::open(&home.join("pins.db"), "pins.db", schema::PINS).map(Mutex::new).map(Self)
    }

    /// What was seen.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn load(&self) -> Result<Pins, StateError> {
        let db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = db
            .query_row("SELECT len, hash FROM directory", [], |row| {
                Ok((row.get(0)?, row.get::<_, [u8; 32]>(1)?))
            })
            .optional()?
            .map(|(len, hash)| DirectoryPin { len, hash: Sha256::new(hash) });
        let mut query = db.prepare("SELECT device, sequence, hash FROM head")?;
        let heads = query
            .query_map([], |row| {
                let device = DeviceId::from_bytes(row.get(0)?);
                Ok((device, Head { sequence: row.get(1)?, hash: HeadHash::new(row.get(2)?) }))
            })?
            .collect::<Result<Heads, _>>()?;
        Ok(Pins { directory, heads })
    }

    /// Remembers a directory and heads that were verified.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save(&self, directory: DirectoryPin, heads: &Heads) -> Result<(), StateError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = db.transaction()?;
        change.execute(
            "INSERT INTO directory (one, len, hash) VALUES (1, ?1, ?2)
             ON CONFLICT (one) DO UPDATE SET len = excluded.len, hash = excluded.hash",
            params![directory.len, directory.hash.as_bytes()],
        )?;
        save_heads(&change, heads)?;
        Ok(change.commit()?)
    }

    /// Remembers heads.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save_heads(&self, heads: &Heads) -> Result<(), StateError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = db.transaction()?;
        save_heads(&change, heads)?;
        Ok(change.commit()?)
    }
}

fn save_heads(db: &Connection, heads: &Heads) -> Result<(), StateError> {
    // Two processes of one device may save in any order: the newer head stays.
    let mut insert = db.prepare_cached(
        "INSERT INTO head (device, sequence, hash) VALUES (?1, ?2, ?3)
         ON CONFLICT (device) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash
         WHERE excluded.sequence > sequence",
    )?;
    for (device, head) in heads {
        insert.execute(params![device.as_bytes(), head.sequence, head.hash.as_bytes()])?;
    }
    Ok(())
}
