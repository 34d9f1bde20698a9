//! Evidence: how well a snapshot is proven to be restorable, and since when.

use std::collections::HashMap;

use api_types::{ObjectId, SnapshotId};
use rusqlite::params;

use super::{StateDb, StateError};

/// Each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Evidence {
    /// The service confirmed that all its objects are stored, with the checksums that were sent.
    Listed = 1,
    /// All its objects were fetched and have the expected hashes.
    Hashed = 2,
    /// Every byte was fetched, decrypted and decoded, and the dump has the SHA-256 that was read from the source.
    Opened = 3,
    /// It was restored, and the SHA-256 matched.
    Restored = 4,
}

/// How well a snapshot is proven, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    /// The level of evidence.
    pub evidence: Evidence,
    /// When, seconds since 1970.
    pub at: i64,
}

impl Evidence {
    const ALL: [Self; 4] = [Self::Listed, Self::Hashed, Self::Opened, Self::Restored];
}

impl StateDb {
    /// Records evidence. Weaker evidence does not replace stronger evidence; equal evidence updates its time.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn record_evidence(
        &self,
        snapshot: &SnapshotId,
        evidence: Evidence,
        now: i64,
    ) -> Result<(), StateError> {
        self.db().execute(
            "INSERT INTO evidence (snapshot, level, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (snapshot) DO UPDATE SET level = excluded.level, at = excluded.at
             WHERE excluded.level >= level",
            params![snapshot.as_bytes(), evidence as u8, now],
        )?;
        Ok(())
    }

    /// Removes evidence that no longer holds.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn withdraw_evidence(&self, snapshot: &SnapshotId) -> Result<(), StateError> {
        self.db().execute("DELETE FROM evidence WHERE snapshot = ?1", [snapshot.as_bytes()])?;
        Ok(())
    }

    /// The best evidence of every snapshot that has any.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn evidence(&self) -> Result<HashMap<SnapshotId, Proven>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT snapshot, level, at FROM evidence")?;
        let rows = query.query_map([], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, u8>(1)?, row.get::<_, i64>(2)?))
        })?;
        let mut found = HashMap::new();
        for row in rows {
            let (snapshot, level, at) = row?;
            let evidence = Evidence::ALL.into_iter().find(|known| *known as u8 == level);
            let evidence = evidence.ok_or(StateError::Impossible)?;
            found.insert(ObjectId::new(snapshot), Proven { evidence, at });
        }
        Ok(found)
    }
}
