//! Single rows of the index: packs, their chunks, and the objects that name them.

use api_types::{DeviceId, ObjectId, ObjectKind, vault::ObjectRow};
use roaring::RoaringBitmap;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StateError;
use crate::{
    encode::Encoding,
    format::{
        index::{IndexEntry, IndexedPack},
        pack::PackEntry,
    },
    id::ChunkId,
};

/// Packs, by keys that are valid only in this file.
pub type PackKeys = RoaringBitmap;

/// A pack's record for the index: where a chunk is, and what else is needed to read it.
pub type Packed = (PackEntry, PackKeys);

pub(super) fn add_segment(
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

pub(super) fn add_pack(
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
    // A chunk stored by two devices stays where it was found first. A self-contained chunk replaces a copy, so that no
    // chain of copies forms a cycle: but only if it comes from the device that described the copy, or from this one,
    // which has just packed it. Another device's claim about a chunk is no reason to read it elsewhere.
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

/// Keys of packs; one that no segment has described yet gets a row without a size.
pub(super) fn pack_keys(change: &Connection, packs: &[ObjectId]) -> Result<PackKeys, StateError> {
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

pub(super) fn pack_ids(db: &Connection, keys: &PackKeys) -> Result<Vec<ObjectId>, StateError> {
    let mut query = db.prepare_cached("SELECT id FROM pack WHERE key = ?1")?;
    keys.iter().map(|key| object_id(&query.query_row([key], |row| row.get::<_, Vec<u8>>(0))?)).collect()
}

pub(super) fn keys(bytes: Option<&[u8]>) -> Result<PackKeys, StateError> {
    bytes.map_or_else(
        || Ok(PackKeys::new()),
        |b| PackKeys::deserialize_from(b).map_err(|_| StateError::Impossible),
    )
}

pub(super) fn add_object(
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

pub(super) fn entries(db: &Connection, pack: i64) -> Result<Vec<IndexEntry>, StateError> {
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

pub(super) fn object_id(bytes: &[u8]) -> Result<ObjectId, StateError> {
    ObjectId::try_from(bytes).map_err(|_| StateError::Impossible)
}
