//! Stored objects, fetched with the service's permissions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use api_types::{ObjectId, ObjectKind, VaultId, backup::MAX_BATCH, vault::ReadGrant};

use crate::{
    api::HttpApi,
    error::Error,
    store::{PresignedStore, StoreError, Verify, with_urls},
};

/// A permission that is older is not used (10 minutes of its 15).
const GRANT_LIFE: Duration = Duration::from_secs(600);

/// Fetches the objects of one vault.
pub struct Fetcher {
    api: Arc<HttpApi>,
    store: Arc<PresignedStore>,
    vault: VaultId,
    /// Permissions that were asked for together; `None`: the service gave none.
    grants: Mutex<HashMap<ObjectId, (Instant, Option<ReadGrant>)>>,
}

impl Fetcher {
    /// From this store, with permissions of this service.
    #[must_use]
    pub fn new(api: Arc<HttpApi>, store: Arc<PresignedStore>, vault: VaultId) -> Self {
        Self { api, store, vault, grants: Mutex::default() }
    }

    /// Where the objects are.
    #[must_use]
    pub const fn store(&self) -> &Arc<PresignedStore> {
        &self.store
    }

    /// Asks for the permissions that several downloads will need, in one round trip for up to [`MAX_BATCH`].
    ///
    /// # Errors
    /// As the service.
    pub async fn ask(&self, ids: &[ObjectId]) -> Result<(), Error> {
        let wanted: Vec<ObjectId> = {
            let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
            grants.retain(|_, (since, _)| since.elapsed() < GRANT_LIFE);
            ids.iter().filter(|id| !grants.contains_key(id)).copied().collect()
        };
        if wanted.len() < 2 {
            return Ok(());
        }
        for batch in wanted.chunks(MAX_BATCH) {
            let granted = self.api.read_urls(self.vault, batch.to_vec()).await?;
            let mut granted: HashMap<ObjectId, ReadGrant> =
                granted.into_iter().map(|grant| (grant.object.id, grant)).collect();
            let now = Instant::now();
            let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
            grants.extend(batch.iter().map(|id| (*id, (now, granted.remove(id)))));
        }
        Ok(())
    }

    /// A permission to fetch an object, one that was [asked for](Self::ask) if it is young.
    async fn grant(&self, id: ObjectId) -> Result<Option<ReadGrant>, Error> {
        let kept = self.grants.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some((since, grant)) = kept
            && since.elapsed() < GRANT_LIFE
        {
            return Ok(grant);
        }
        let grants = self.api.read_urls(self.vault, vec![id]).await?;
        Ok(grants.into_iter().find(|grant| grant.object.id == id))
    }

    /// Fetches an object in the way of `attempt`. The inner result is about the object; [`StoreError::NotFound`] when
    /// the service gives no permission either.
    ///
    /// # Errors
    /// As the service.
    pub async fn fetch<T, F>(
        &self,
        id: ObjectId,
        attempt: impl FnMut(ReadGrant) -> F,
    ) -> Result<Result<T, StoreError>, Error>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        with_urls(|| self.grant(id), attempt).await
    }

    /// A small object, whole and verified.
    ///
    /// # Errors
    /// As the service; [`crate::error::ErrorKind::Damaged`] when it is missing or other bytes than were stored.
    pub async fn object(&self, id: ObjectId, kind: ObjectKind) -> Result<Vec<u8>, Error> {
        let get = |grant| async move { self.store.get(&grant, kind, Verify::Whole).await };
        self.fetch(id, get).await?.map_err(|error| match error {
            StoreError::NotFound => Error::damaged(format!("object {id} is missing from the object store")),
            error => error.into(),
        })
    }
}
