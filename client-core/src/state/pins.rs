//! What the service showed before: it may grow, it may not shrink or change. Its own file, so that
//! removing the cache does not remove the protection.

use std::{path::Path, sync::Mutex, sync::PoisonError};

use api_types::{DeviceId, HeadHash, Sha256};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

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
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        save_directory(&change, directory)?;
        save_heads(&change, heads)?;
        Ok(change.commit()?)
    }

    /// Remembers a directory that was verified.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::Forked`] when another process saw a different one of the same length.
    pub fn save_directory(&self, directory: DirectoryPin) -> Result<(), StateError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        save_directory(&change, directory)?;
        Ok(change.commit()?)
    }

    /// Remembers heads.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save_heads(&self, heads: &Heads) -> Result<(), StateError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        save_heads(&change, heads)?;
        Ok(change.commit()?)
    }
}

/// Two processes of one device may save in any order: what was longer stays, and what is as long must be the same.
fn save_directory(db: &Connection, pin: DirectoryPin) -> Result<(), StateError> {
    db.execute(
        "INSERT INTO directory (one, len, hash) VALUES (1, ?1, ?2)
         ON CONFLICT (one) DO UPDATE SET len = excluded.len, hash = excluded.hash WHERE excluded.len > len",
        params![pin.len, pin.hash.as_bytes()],
    )?;
    let (len, hash): (u64, [u8; 32]) =
        db.query_row("SELECT len, hash FROM directory", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if len == pin.len && hash != *pin.hash.as_bytes() {
        return Err(StateError::Forked("the device directory"));
    }
    Ok(())
}

fn save_heads(db: &Connection, heads: &Heads) -> Result<(), StateError> {
    // Two processes of one device may save in any order: the newer head stays.
    let mut insert = db.prepare_cached(
        "INSERT INTO head (device, sequence, hash) VALUES (?1, ?2, ?3)
         ON CONFLICT (device) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash
         WHERE excluded.sequence > sequence",
    )?;
    let mut kept = db.prepare_cached("SELECT sequence, hash FROM head WHERE device = ?1")?;
    for (device, head) in heads {
        insert.execute(params![device.as_bytes(), head.sequence, head.hash.as_bytes()])?;
        let (sequence, hash): (u64, [u8; 32]) =
            kept.query_row([device.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if sequence == head.sequence && hash != *head.hash.as_bytes() {
            return Err(StateError::Forked("a device's chain of snapshots"));
        }
    }
    Ok(())
}
