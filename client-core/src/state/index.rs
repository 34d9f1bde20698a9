//! Where chunks are, as far as this device knows.

use api_types::{DeviceId, ObjectId, ObjectKind, RunId, vault::ObjectRow};
use rusqlite::{OptionalExtension, params};

use super::{
    StateDb, StateError,
    index_rows::{
        PackKeys, Packed, add_object, add_pack, add_segment, entries, keys, object_id, pack_ids, pack_keys,
    },
};
use crate::{format::index::IndexedPack, id::ChunkId};

/// Where a chunk is.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its pack.
    pub pack: ObjectId,
    /// The pack's local key.
    pub key: u32,
    /// Packs that its recipe depends on, directly or through other recipes.
    pub copied_from: PackKeys,
}

impl StateDb {
    /// Where a chunk is, if it is known to be stored.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn locate(&self, id: &ChunkId) -> Result<Option<Place>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached(
            "SELECT pack.id, pack.key, chunk.copied_from FROM chunk JOIN pack ON pack.key = chunk.pack WHERE chunk.id = ?1",
        )?;
        let found = query
            .query_row(params![id.as_bytes()], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get::<_, Option<Vec<u8>>>(2)?))
            })
            .optional()?;
        let Some((pack, key, copied_from)) = found else { return Ok(None) };
        Ok(Some(Place { pack: object_id(&pack)?, key, copied_from: keys(copied_from.as_deref())? }))
    }

    /// The ids of packs.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pack_ids(&self, keys: &PackKeys) -> Result<Vec<ObjectId>, StateError> {
        pack_ids(&self.db(), keys)
    }

    /// Adds a pack confirmed by the service. Its chunks are known from here on, even after a crash.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_confirmed_pack(
        &self,
        _run: RunId,
        id: ObjectId,
        number: u32,
        size: u64,
        entries: &[Packed],
    ) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        add_pack(&change, (id, size), entries, Some(number), None)?;
        Ok(change.commit()?)
    }

    /// Packs that no index object in the bucket describes yet, oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn packs_without_segment(&self, most: usize) -> Result<Vec<IndexedPack>, StateError> {
        let db = self.db();
        let mut query =
            db.prepare_cached("SELECT key, id, size FROM pack WHERE segment IS NULL ORDER BY key LIMIT ?1")?;
        let packs: Vec<(i64, Vec<u8>, u64)> = query
            .query_map([most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        packs
            .into_iter()
            .map(|(key, id, size)| {
                Ok(IndexedPack { pack: object_id(&id)?, size, entries: entries(&db, key)? })
            })
            .collect()
    }

    /// Records that this device stored an index object that describes `packs`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn segment_stored(
        &self,
        segment: ObjectId,
        number: u32,
        size: u64,
        packs: &[IndexedPack],
    ) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        for pack in packs {
            change
                .prepare_cached("UPDATE pack SET segment = ?1 WHERE id = ?2")?
                .execute(params![segment.as_bytes(), pack.pack.as_bytes()])?;
        }
        add_object(&change, &segment, Some(number), ObjectKind::Index, size)?;
        Ok(change.commit()?)
    }

    /// Adds the content of an index object signed by `device`, which describes `packs`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_segment(
        &self,
        row: &ObjectRow,
        device: DeviceId,
        packs: &[IndexedPack],
    ) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        add_segment(&change, row, device, packs)?;
        Ok(change.commit()?)
    }

    /// The service's number for a pack, if this device knows it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pack_number(&self, id: &ObjectId) -> Result<Option<u32>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT number FROM pack WHERE id = ?1")?;
        Ok(query.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?.flatten())
    }

    /// The size of a pack.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pack_size(&self, id: &ObjectId) -> Result<Option<u64>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT size FROM pack WHERE id = ?1")?;
        Ok(query.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Forgets packs that the store lost: their chunks count as new again.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn forget_packs(&self, packs: &[ObjectId]) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        let lost = pack_keys(&change, packs)?;
        for key in &lost {
            change.execute("DELETE FROM chunk WHERE pack = ?1", [key])?;
            change.execute("DELETE FROM pack WHERE key = ?1", [key])?;
        }
        let mut copies = change.prepare("SELECT id, copied_from FROM chunk WHERE copied_from IS NOT NULL")?;
        let mut rows = copies.query([])?;
        let mut gone: Vec<Vec<u8>> = Vec::new();
        while let Some(row) = rows.next()? {
            if !keys(row.get::<_, Option<Vec<u8>>>(1)?.as_deref())?.is_disjoint(&lost) {
                gone.push(row.get(0)?);
            }
        }
        drop(rows);
        drop(copies);
        for id in gone {
            change.execute("DELETE FROM chunk WHERE id = ?1", [id])?;
        }
        Ok(change.commit()?)
    }

    /// Whether an object was read or stored here before.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn knows_object(&self, id: &ObjectId) -> Result<bool, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT 1 FROM object WHERE id = ?1")?;
        Ok(query.exists(params![id.as_bytes()])?)
    }

    /// Records an index object that cannot be read, and why. It is not fetched again before the index is rebuilt.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_bad_object(&self, id: &ObjectId, why: &str, now: i64) -> Result<(), StateError> {
        self.db()
            .prepare_cached("INSERT OR REPLACE INTO bad_object (id, why, seen_at) VALUES (?1, ?2, ?3)")?
            .execute(params![id.as_bytes(), why, now])?;
        Ok(())
    }

    /// Index objects that could not be read, and why.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn bad_objects(&self) -> Result<Vec<(ObjectId, String)>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT id, why FROM bad_object ORDER BY id")?;
        let rows: Vec<(Vec<u8>, String)> =
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        rows.into_iter().map(|(id, why)| Ok((object_id(&id)?, why))).collect()
    }

    /// Makes unreadable index objects eligible for another attempt.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn retry_bad_objects(&self) -> Result<(), StateError> {
        self.db().execute("DELETE FROM bad_object", [])?;
        Ok(())
    }

    /// Forgets unreadable objects that are no longer listed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn forget_bad_objects(&self, gone: &[ObjectId]) -> Result<(), StateError> {
        let db = self.db();
        let mut forget = db.prepare_cached("DELETE FROM bad_object WHERE id = ?1")?;
        for id in gone {
            forget.execute(params![id.as_bytes()])?;
        }
        Ok(())
    }

    /// Records a stored object that is neither a pack nor an index segment.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remember_object(
        &self,
        id: &ObjectId,
        number: u32,
        kind: ObjectKind,
        size: u64,
    ) -> Result<(), StateError> {
        add_object(&self.db(), id, Some(number), kind, size)
    }

    /// A small object fetched before, still sealed. Opening it verifies it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn sealed(&self, id: &ObjectId) -> Result<Option<Vec<u8>>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT bytes FROM sealed WHERE id = ?1")?;
        Ok(query.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Caches a small object, still sealed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_sealed(&self, id: &ObjectId, bytes: &[u8]) -> Result<(), StateError> {
        self.keep_all_sealed(&[(*id, bytes)])
    }

    /// Caches small objects, still sealed, in one transaction.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_all_sealed(&self, objects: &[(ObjectId, &[u8])]) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        for (id, bytes) in objects {
            change
                .prepare_cached("INSERT OR REPLACE INTO sealed (id, bytes) VALUES (?1, ?2)")?
                .execute(params![id.as_bytes(), bytes])?;
        }
        Ok(change.commit()?)
    }

    /// Number of chunks and packs in the index.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn index_size(&self) -> Result<(u64, u64), StateError> {
        let count = "SELECT (SELECT count(*) FROM chunk), (SELECT count(*) FROM pack)";
        Ok(self.db().query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Replaces the index with that of the bucket, atomically; packs without a segment stay. `bad` lists unreadable
    /// segments, and why.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn replace_index(
        &self,
        segments: &[(ObjectRow, DeviceId, Vec<IndexedPack>)],
        bad: &[(ObjectId, String)],
        now: i64,
    ) -> Result<(), StateError> {
        let mut db = self.db();
        let change = db.transaction()?;
        change.execute_batch(
            "DELETE FROM chunk WHERE copied_from IS NOT NULL
                OR pack IN (SELECT key FROM pack WHERE segment IS NOT NULL);
             DELETE FROM pack WHERE segment IS NOT NULL;
             DELETE FROM object;
             DELETE FROM bad_object;
             DELETE FROM sealed;",
        )?;
        for (row, device, packs) in segments {
            add_segment(&change, row, *device, packs)?;
        }
        for (id, why) in bad {
            change
                .prepare_cached("INSERT OR REPLACE INTO bad_object (id, why, seen_at) VALUES (?1, ?2, ?3)")?
                .execute(params![id.as_bytes(), why, now])?;
        }
        Ok(change.commit()?)
    }
}
