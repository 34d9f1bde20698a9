//! What the service showed before: it may grow, but must not shrink or change. In its own file, so that deleting the
//! cache does not remove the protection. A copy is stored with the keys: see [`Pins`].

use std::{path::Path, sync::Mutex, sync::PoisonError};

use api_types::{DeviceId, HeadHash, Sha256, SnapshotId, VaultId};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{StateError, schema};
use crate::device::{DirectoryPin, Head, Heads, Pins};

/// `pins.db`.
pub struct PinsDb(Mutex<Connection>);

impl PinsDb {
    pub(super) fn open(home: &Path, vault: VaultId) -> Result<Self, StateError> {
        schema::open(&home.join("pins.db"), "pins.db", schema::PINS, vault).map(Mutex::new).map(Self)
    }

    /// The pins.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn load(&self) -> Result<Pins, StateError> {
        load(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adopts everything in `seen` that is newer. Returns whether anything was new.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::Forked`] if another process saw a different history of the same length.
    pub fn rise(&self, seen: &Pins) -> Result<bool, StateError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let rose = load(&change)?.rise(seen);
        if let Some(pin) = seen.directory {
            save_directory(&change, pin)?;
        }
        save_heads(&change, &seen.heads)?;
        change.commit()?;
        Ok(rose)
    }
}

/// Snapshot ids are not signed: whoever opened an object knows which head it contains.
impl PinsDb {
    /// Records which objects contain these heads.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn opened(&self, snapshots: &[(HeadHash, SnapshotId)]) -> Result<(), StateError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = Vec::new();
        for (head, id) in snapshots {
            if id_of(&db, head)?.is_none() {
                new.push((head, id));
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (head, id) in new {
            change
                .prepare_cached("INSERT OR IGNORE INTO snapshot (head, id) VALUES (?1, ?2)")?
                .execute(params![head.as_bytes(), id.as_bytes()])?;
        }
        Ok(change.commit()?)
    }

    /// The first of these that was opened under another id than the one listed, and that id.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn renamed(
        &self,
        shown: impl IntoIterator<Item = (HeadHash, SnapshotId)>,
    ) -> Result<Option<(SnapshotId, SnapshotId)>, StateError> {
        let db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (head, id) in shown {
            match id_of(&db, &head)? {
                Some(opened) if opened != id => return Ok(Some((id, opened))),
                _ => {}
            }
        }
        Ok(None)
    }
}

fn id_of(db: &Connection, head: &HeadHash) -> Result<Option<SnapshotId>, StateError> {
    let mut query = db.prepare_cached("SELECT id FROM snapshot WHERE head = ?1")?;
    let id = query.query_row([head.as_bytes()], |row| row.get::<_, [u8; 32]>(0)).optional()?;
    Ok(id.map(SnapshotId::new))
}

fn load(db: &Connection) -> Result<Pins, StateError> {
    let directory = db
        .query_row("SELECT len, hash FROM directory", [], |row| Ok((row.get(0)?, row.get::<_, [u8; 32]>(1)?)))
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

/// Two processes of one device may save in any order: the longer one wins, and equally long ones must be equal.
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
    // Two processes of one device may save in any order: the newer head wins.
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
