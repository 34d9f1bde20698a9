//! Fetches many objects of a vault.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use api_types::{ObjectId, ObjectKind, backup::MAX_BATCH, vault::ObjectRow};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{OpenVault, errors::affects_only_object};
use crate::error::Error;

/// Concurrent downloads.
const SIDE_BY_SIDE: usize = 16;

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
