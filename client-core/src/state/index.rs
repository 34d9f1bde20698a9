//! Where chunks lie, as far as this device knows.

use api_types::{BackupId, DeviceId, ObjectId, ObjectKind, vault::ObjectRow};
use roaring::RoaringBitmap;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{StateDb, StateError};
use crate::{
    encode::Encoding,
    format::{
        index::{IndexEntry, IndexedPack},
        pack::PackEntry,
    },
    id::ChunkId,
};

/// Packs, by the numbers that they have in this file alone.
pub type PackKeys = RoaringBitmap;

/// Where a chunk lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Which pack.
    pub pack: ObjectId,
    /// The same pack.
    pub key: u32,
    /// Packs that its recipe leads to, through other recipes too.
    pub copied_from: PackKeys,
}

/// A pack's record for the index: where a chunk lies, and what else reading it needs.
pub type Packed = (PackEntry, PackKeys);

impl StateDb {
    /// Where a chunk lies, if it is known to be stored.
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

    /// The names of packs.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pack_ids(&self, keys: &PackKeys) -> Result<Vec<ObjectId>, StateError> {
        pack_ids(&self.db(), keys)
    }

    /// A pack that the service confirmed. Its chunks are known from here on, also after a crash.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn add_confirmed_pack(
        &self,
        _run: BackupId,
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

    /// An index object of this device was stored: it describes `packs`.
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

    /// An index object was read, which `device` signed: it describes `packs`.
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

    /// The service's number for a pack, if this device was told.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pack_number(&self, id: &ObjectId) -> Result<Option<u32>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT number FROM pack WHERE id = ?1")?;
        Ok(query.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?.flatten())
    }

    /// How long a pack is.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pack_size(&self, id: &ObjectId) -> Result<Option<u64>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT size FROM pack WHERE id = ?1")?;
        Ok(query.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// The store lost these: what lay in them is new again.
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

    /// An index object that cannot be read, and why. It is not fetched again before the index is rebuilt.
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

    /// What could not be read is looked at again.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn retry_bad_objects(&self) -> Result<(), StateError> {
        self.db().execute("DELETE FROM bad_object", [])?;
        Ok(())
    }

    /// Objects that are no longer listed are no longer reported.
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

    /// An object that is no pack and no index segment is stored.
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

    /// A small object that was fetched before, still sealed. Whoever opens it verifies it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn sealed(&self, id: &ObjectId) -> Result<Option<Vec<u8>>, StateError> {
        let db = self.db();
        let mut query = db.prepare_cached("SELECT bytes FROM sealed WHERE id = ?1")?;
        Ok(query.query_row(params![id.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Keeps a small object, still sealed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_sealed(&self, id: &ObjectId, bytes: &[u8]) -> Result<(), StateError> {
        self.keep_all_sealed(&[(*id, bytes)])
    }

    /// Keeps small objects, still sealed, with one wait for the disk.
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

    /// Chunks and packs in the index.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn index_size(&self) -> Result<(u64, u64), StateError> {
        let count = "SELECT (SELECT count(*) FROM chunk), (SELECT count(*) FROM pack)";
        Ok(self.db().query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Puts what the bucket's index says in the place of what is known, all at once; packs that no segment describes
    /// yet stay. `bad` are segments that cannot be read, and why.
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

fn add_segment(
    change: &Transaction<'_>,
    row: &ObjectRow,
    device: DeviceId,
    packs: &[IndexedPack],
) -> Result<(), StateError> {
    for pack in packs {
        let entries = pack
            .entries
            .iter()
            .map(|entry| Ok((entry.place, pack_keys(change, &entry.copied_from)?)))
            .collect::<Result<Vec<_>, StateError>>()?;
        add_pack(change, (pack.pack, pack.size), &entries, None, Some((row.id, device)))?;
    }
    add_object(change, &row.id, Some(row.number), ObjectKind::Index, row.size)
}

fn add_pack(
    change: &Transaction<'_>,
    (pack, size): (ObjectId, u64),
    entries: &[Packed],
    number: Option<u32>,
    segment: Option<(ObjectId, DeviceId)>,
) -> Result<(), StateError> {
    let (segment, device) = segment.unzip();
    let device = device.as_ref().map(DeviceId::as_bytes);
    let key: i64 = change
        .prepare_cached(
            "INSERT INTO pack (id, number, size, segment, device) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET
               number = coalesce(number, excluded.number), size = excluded.size,
               device = CASE WHEN segment = x'' THEN excluded.device ELSE device END,
               segment = CASE WHEN segment = x'' THEN excluded.segment ELSE coalesce(segment, excluded.segment) END
             RETURNING key",
        )?
        .query_row(
            params![pack.as_bytes(), number, size, segment.as_ref().map(ObjectId::as_bytes), device],
            |row| row.get(0),
        )?;
    // A chunk that two devices stored stays where it was found first. What is whole takes the place of a copy, so that
    // no chain of copies ever leads back to where it began: but only for the device that described the copy, or
    // for this one, which has just packed it. What another device says about a chunk is not a reason to read it elsewhere.
    let mut insert = change.prepare_cached(
        "INSERT INTO chunk (id, pack, record_no, encoding, plain_len, position, sealed_len, copied_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET
           pack = excluded.pack, record_no = excluded.record_no, encoding = excluded.encoding,
           position = excluded.position, sealed_len = excluded.sealed_len, copied_from = NULL
         WHERE copied_from IS NOT NULL AND excluded.copied_from IS NULL
           AND (?9 IS NULL OR (SELECT device FROM pack WHERE key = chunk.pack) IS ?9)",
    )?;
    for (place, copied_from) in entries {
        let PackEntry { chunk_id, encoding, plain_len, offset, sealed_len, record_no } = *place;
        let mut from = Vec::new();
        if !copied_from.is_empty() {
            copied_from.serialize_into(&mut from).map_err(|_| StateError::Impossible)?;
        }
        insert.execute(params![
            chunk_id.as_bytes(),
            key,
            record_no,
            encoding as u8,
            plain_len,
            offset,
            sealed_len,
            (!from.is_empty()).then_some(from),
            device,
        ])?;
    }
    Ok(())
}

/// Keys of packs; one that no segment described yet gets a row without a size until one does.
fn pack_keys(change: &Connection, packs: &[ObjectId]) -> Result<PackKeys, StateError> {
    let mut find = change.prepare_cached("SELECT key FROM pack WHERE id = ?1")?;
    let mut expect =
        change.prepare_cached("INSERT INTO pack (id, size, segment) VALUES (?1, 0, x'') RETURNING key")?;
    let mut keys = PackKeys::new();
    for pack in packs {
        let known = find.query_row(params![pack.as_bytes()], |row| row.get(0)).optional()?;
        keys.insert(match known {
            Some(key) => key,
            None => expect.query_row(params![pack.as_bytes()], |row| row.get(0))?,
        });
    }
    Ok(keys)
}

fn pack_ids(db: &Connection, keys: &PackKeys) -> Result<Vec<ObjectId>, StateError> {
    let mut query = db.prepare_cached("SELECT id FROM pack WHERE key = ?1")?;
    keys.iter().map(|key| object_id(&query.query_row([key], |row| row.get::<_, Vec<u8>>(0))?)).collect()
}

fn keys(bytes: Option<&[u8]>) -> Result<PackKeys, StateError> {
    bytes.map_or_else(
        || Ok(PackKeys::new()),
        |b| PackKeys::deserialize_from(b).map_err(|_| StateError::Impossible),
    )
}

fn add_object(
    db: &Connection,
    id: &ObjectId,
    number: Option<u32>,
    kind: ObjectKind,
    size: u64,
) -> Result<(), StateError> {
    db.prepare_cached("INSERT OR IGNORE INTO object (id, kind, number, size) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id.as_bytes(), kind.as_str(), number, size])?;
    Ok(())
}

fn entries(db: &Connection, pack: i64) -> Result<Vec<IndexEntry>, StateError> {
    type Row = (Vec<u8>, u32, u8, u32, u64, u32, Option<Vec<u8>>);
    let mut query = db.prepare_cached(
        "SELECT id, record_no, encoding, plain_len, position, sealed_len, copied_from
         FROM chunk WHERE pack = ?1 ORDER BY record_no",
    )?;
    let rows: Vec<Row> = query
        .query_map([pack], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?
        .collect::<Result<_, _>>()?;
    rows.into_iter()
        .map(|(id, record_no, encoding, plain_len, offset, sealed_len, copied_from)| {
            let place = PackEntry {
                chunk_id: ChunkId::try_from(id.as_slice()).map_err(|_| StateError::Impossible)?,
                encoding: Encoding::try_from(encoding).map_err(|_| StateError::Impossible)?,
                plain_len,
                offset,
                sealed_len,
                record_no,
            };
            let mut copied_from = pack_ids(db, &keys(copied_from.as_deref())?)?;
            copied_from.sort_unstable();
            Ok(IndexEntry { place, copied_from })
        })
        .collect()
}

fn object_id(bytes: &[u8]) -> Result<ObjectId, StateError> {
    ObjectId::try_from(bytes).map_err(|_| StateError::Impossible)
}
