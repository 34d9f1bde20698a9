//! Fetches many objects of a vault, or asks the store whether it has them.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

use api_types::{
    ObjectId, ObjectKind,
    backup::MAX_BATCH,
    vault::{ObjectRow, ReadGrant},
};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{OpenVault, errors::affects_only_object};
use crate::{error::Error, store::StoreError, vault::Fetcher};

/// Concurrent downloads.
const SIDE_BY_SIDE: usize = 16;
/// How many of a pack's first bytes are requested to learn whether the store has it.
const FRONT: u64 = 1024;

impl OpenVault {
    /// Fetches small objects whole and verified, concurrently, with few round trips to the service. The inner result
    /// concerns the object, the outer one the service and the store.
    pub(super) async fn objects(
        &self,
        ids: &[ObjectId],
        kind: ObjectKind,
    ) -> Result<HashMap<ObjectId, Result<Vec<u8>, Error>>, Error> {
        let mut found = HashMap::with_capacity(ids.len());
        // The service's list may repeat an id.
        let ids: Vec<ObjectId> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        for batch in ids.chunks(MAX_BATCH) {
            self.fetcher().request_grants(batch).await?;
            let room = Arc::new(Semaphore::new(SIDE_BY_SIDE));
            let mut fetching = JoinSet::new();
            for id in batch.iter().copied() {
                let (fetcher, room) = (Arc::clone(self.fetcher()), Arc::clone(&room));
                fetching.spawn(async move {
                    let _turn = room.acquire().await;
                    (id, fetcher.object(id, kind).await)
                });
            }
            while let Some(fetched) = fetching.join_next().await {
                match fetched.map_err(|e| Error::internal("a download task failed", &e))? {
                    (_, Err(error)) if !affects_only_object(error.kind()) => return Err(error),
                    (id, bytes) => drop(found.insert(id, bytes)),
                }
            }
        }
        Ok(found)
    }

    /// The sizes of all objects of a kind, as the service lists them.
    pub(super) async fn stored_sizes(&self, kind: ObjectKind) -> Result<HashMap<ObjectId, u64>, Error> {
        let mut sizes = HashMap::new();
        let take = |row: ObjectRow| {
            sizes.insert(row.id, row.size);
            Ok::<_, Error>(())
        };
        self.api().objects(self.id(), kind, take).await?;
        Ok(sizes)
    }
}

/// Fetches a part of a pack. `size` overrides the service's claim, where this device knows the pack's length.
pub(super) async fn part(
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
