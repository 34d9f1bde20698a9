//! "Stored" and "missing" are only the service's claims. The store itself is asked before a snapshot relies on a new
//! pack, and before the local index forgets one.

use std::{ops::Range, sync::Arc};

use api_types::{ObjectId, ObjectKind, backup::MAX_BATCH, vault::ReadGrant};
use rand::seq::IndexedRandom;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{
    OpenVault,
    upload::{END, StoredPack},
};
use crate::{
    error::{Error, ErrorKind},
    store::StoreError,
    vault::Fetcher,
};

/// How many of a pack's first bytes are requested.
const FRONT: u64 = 1024;
/// Concurrent requests.
const SIDE_BY_SIDE: usize = 16;

/// Fetches the end of one random new pack again: a service that discards uploads cannot know which one.
///
/// # Errors
/// [`ErrorKind::Damaged`] if it differs from what was sent; packs the store does not serve are then forgotten.
pub(super) async fn verify_random_pack(vault: &OpenVault, stored: &[StoredPack]) -> Result<(), Error> {
    let Some(pack) = stored.choose(&mut rand::rng()) else { return Ok(()) };
    let found = end(vault, pack).await?;
    if found.is_some_and(|bytes| Sha256::digest(bytes).as_slice() == pack.end) {
        return Ok(());
    }
    let sent: Vec<ObjectId> = stored.iter().map(|pack| pack.id).collect();
    let mut gone = not_served(vault, &sent).await?;
    if !gone.contains(&pack.id) {
        gone.push(pack.id);
    }
    vault.state().forget_packs(&gone)?;
    Err(Error::new(
        ErrorKind::Damaged,
        format!("pack {} was reported as stored, but the store returns different data", pack.id),
        "no snapshot was created; earlier snapshots are untouched",
        "run the backup again, which uploads it again; if it fails again, do not use this service and its store",
    ))
}

async fn end(vault: &OpenVault, pack: &StoredPack) -> Result<Option<Vec<u8>>, Error> {
    let from = pack.size.saturating_sub(END as u64);
    match part(vault.fetcher(), pack.id, Some(pack.size), from..pack.size).await? {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::NotFound | StoreError::Damaged(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Fetches a part of a pack. `size` overrides the service's claim, where this device knows the pack's length.
async fn part(
    fetcher: &Fetcher,
    pack: ObjectId,
    size: Option<u64>,
    range: Range<u64>,
) -> Result<Result<Vec<u8>, StoreError>, Error> {
    let get = |mut grant: ReadGrant| {
        let range = range.clone();
        async move {
            grant.object.size = size.unwrap_or(grant.object.size);
            let range = range.start..range.end.min(grant.object.size);
            fetcher.store().get_part(&grant, ObjectKind::Pack, range).await
        }
    };
    fetcher.fetch(pack, get).await
}

/// Lists the packs that the store does not serve, including those for which the service gives no URL.
///
/// # Errors
/// The service or the store does not answer, so nothing is known.
pub(super) async fn not_served(vault: &OpenVault, packs: &[ObjectId]) -> Result<Vec<ObjectId>, Error> {
    let mut gone = Vec::new();
    for batch in packs.chunks(MAX_BATCH) {
        vault.fetcher().request_grants(batch).await?;
        for ids in batch.chunks(SIDE_BY_SIDE) {
            let mut asked = JoinSet::new();
            for id in ids.iter().copied() {
                let (fetcher, size) = (Arc::clone(vault.fetcher()), vault.state().pack_size(&id)?);
                asked.spawn(async move { (id, part(&fetcher, id, size, 0..FRONT).await) });
            }
            while let Some(answer) = asked.join_next().await {
                match answer.map_err(|e| Error::internal("a download task failed", &e))? {
                    (_, Ok(Ok(_))) => {}
                    (id, Ok(Err(StoreError::NotFound | StoreError::Damaged(_)))) => gone.push(id),
                    (_, Ok(Err(error))) => return Err(error.into()),
                    (_, Err(error)) => return Err(error),
                }
            }
        }
    }
    Ok(gone)
}
