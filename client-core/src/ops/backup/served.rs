//! "Stored" and "missing" are the service's words. The store itself is asked: before a snapshot leans on what was sent,
//! and before anything is forgotten.

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

/// First bytes that are asked for.
const FRONT: u64 = 1024;
/// Asked for at once.
const SIDE_BY_SIDE: usize = 16;

/// The end of one new pack is fetched again, of any one: a service that stores nothing cannot know which.
///
/// # Errors
/// [`ErrorKind::Damaged`] when it is not what was sent; what the store does not serve is forgotten then.
pub(super) async fn look_at_one(vault: &OpenVault, stored: &[StoredPack]) -> Result<(), Error> {
    let Some(pack) = stored.choose(&mut rand::rng()) else { return Ok(()) };
    let found = end(vault, pack).await?;
    if found.is_some_and(|bytes| Sha256::digest(bytes).as_slice() == pack.end) {
        return Ok(());
    }
    let sent: Vec<ObjectId> = stored.iter().map(|pack| pack.id).collect();
    let mut gone = unserved(vault, &sent).await?;
    if !gone.contains(&pack.id) {
        gone.push(pack.id);
    }
    vault.state().forget_packs(&gone)?;
    Err(Error::new(
        ErrorKind::Damaged,
        format!("pack {} was called stored, and the store does not give it back as it was sent", pack.id),
        "no snapshot was made; earlier snapshots are untouched",
        "run the backup again, which sends it anew; when it fails again, do not trust this service and its store",
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

/// A part of a pack. How long the pack is, this device may know by itself.
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

/// Which of these packs the store does not serve. What the service gives no URL for, nobody can fetch.
///
/// # Errors
/// The service or the store does not answer: nothing is known then.
pub(super) async fn unserved(vault: &OpenVault, packs: &[ObjectId]) -> Result<Vec<ObjectId>, Error> {
    let mut gone = Vec::new();
    for batch in packs.chunks(MAX_BATCH) {
        vault.fetcher().ask(batch).await?;
        for ids in batch.chunks(SIDE_BY_SIDE) {
            let mut asked = JoinSet::new();
            for id in ids.iter().copied() {
                let (fetcher, size) = (Arc::clone(vault.fetcher()), vault.state().pack_size(&id)?);
                asked.spawn(async move { (id, part(&fetcher, id, size, 0..FRONT).await) });
            }
            while let Some(answer) = asked.join_next().await {
                match answer.map_err(|e| Error::internal("a download died", &e))? {
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
