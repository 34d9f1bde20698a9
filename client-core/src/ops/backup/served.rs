//! "Stored" and "missing" are only the service's claims. The store itself is asked before a snapshot relies on a new
//! pack, and before the local index forgets one.

use api_types::ObjectId;
use rand::seq::IndexedRandom;
use sha2::{Digest, Sha256};

use super::{
    super::objects::{not_served, part},
    OpenVault,
    upload::{END, StoredPack},
};
use crate::{
    error::{Error, ErrorKind},
    store::StoreError,
    text,
};

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
        text!("pack {id} was reported as stored, but the storage returns different data", id = pack.id),
        "no snapshot was created; earlier snapshots are untouched",
        "run the backup again, which uploads it again; if it fails again, do not use this service and its storage",
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
