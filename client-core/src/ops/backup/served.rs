//! "Stored" and "missing" are the service's words. The store itself is asked: before a snapshot leans on what was sent,
//! and before anything is forgotten.

use std::sync::Arc;

use api_types::{ObjectId, ObjectKind, backup::MAX_BATCH};
use rand::seq::IndexedRandom;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{
    OpenVault,
    upload::{END, StoredPack},
};
use crate::{
    error::{Error, ErrorKind},
    store::{StoreError, URL_TRIES},
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
    let mut tries = 1..URL_TRIES;
    loop {
        let grants = vault.api().read_urls(vault.id(), vec![pack.id]).await?;
        let Some(mut grant) = grants.into_iter().find(|grant| grant.object.id == pack.id) else {
            return Ok(None);
        };
        grant.object.size = pack.size;
        return match vault.store().get_part(&grant, ObjectKind::Pack, from..pack.size).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound | StoreError::Damaged(_)) => Ok(None),
            Err(StoreError::NeedNewUrl) if tries.next().is_some() => continue,
            Err(error) => Err(error.into()),
        };
    }
}

/// Which of these packs the store does not serve. What the service gives no URL for, nobody can fetch.
///
/// # Errors
/// The service or the store does not answer: nothing is known then.
pub(super) async fn unserved(vault: &OpenVault, packs: &[ObjectId]) -> Result<Vec<ObjectId>, Error> {
    let mut gone = Vec::new();
    for batch in packs.chunks(MAX_BATCH) {
        let mut grants = vault.api().read_urls(vault.id(), batch.to_vec()).await?;
        grants.retain(|grant| batch.contains(&grant.object.id));
        gone.extend(batch.iter().filter(|id| !grants.iter().any(|grant| grant.object.id == **id)));
        for grants in grants.chunks(SIDE_BY_SIDE) {
            let mut asked = JoinSet::new();
            for grant in grants {
                let (mut grant, store) = (grant.clone(), Arc::clone(vault.store()));
                // How long it is, this device knows by itself.
                grant.object.size = vault.state().pack_size(&grant.object.id)?.unwrap_or(grant.object.size);
                asked.spawn(async move {
                    let front = 0..grant.object.size.min(FRONT);
                    (grant.object.id, store.get_part(&grant, ObjectKind::Pack, front).await)
                });
            }
            while let Some(answer) = asked.join_next().await {
                match answer.map_err(|e| Error::internal("a download died", &e))? {
                    (_, Ok(_)) => {}
                    (id, Err(StoreError::NotFound | StoreError::Damaged(_))) => gone.push(id),
                    (_, Err(error)) => return Err(error.into()),
                }
            }
        }
    }
    Ok(gone)
}
