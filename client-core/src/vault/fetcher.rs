//! Fetches stored objects with read grants from the service.

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
    text,
};

/// Older grants are not used: 10 of the 15 minutes that a URL is valid.
const GRANT_LIFE: Duration = Duration::from_secs(600);

/// Fetches objects of one vault.
pub struct Fetcher {
    api: Arc<HttpApi>,
    store: Arc<PresignedStore>,
    vault: VaultId,
    /// Grants requested in a batch; `None` where the service gave none.
    grants: Mutex<HashMap<ObjectId, (Instant, Option<ReadGrant>)>>,
}

impl Fetcher {
    /// Fetches from `store`, with grants from `api`.
    #[must_use]
    pub fn new(api: Arc<HttpApi>, store: Arc<PresignedStore>, vault: VaultId) -> Self {
        Self { api, store, vault, grants: Mutex::default() }
    }

    /// The object store.
    #[must_use]
    pub const fn store(&self) -> &Arc<PresignedStore> {
        &self.store
    }

    /// Requests the grants for several downloads, up to [`MAX_BATCH`] per round trip.
    ///
    /// # Errors
    /// Any error of the service.
    pub async fn request_grants(&self, ids: &[ObjectId]) -> Result<(), Error> {
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

    /// A grant for an object, if possible one from [`Fetcher::request_grants`].
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

    /// Fetches an object with `attempt`. The inner result concerns the object: [`StoreError::NotFound`] also if the
    /// service gives no grant for it.
    ///
    /// # Errors
    /// Any error of the service.
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

    /// Fetches a small object whole and verifies it.
    ///
    /// # Errors
    /// As the service; [`crate::error::ErrorKind::Damaged`] if it is missing or its bytes differ from those stored.
    pub async fn object(&self, id: ObjectId, kind: ObjectKind) -> Result<Vec<u8>, Error> {
        let get = |grant| async move { self.store.get(&grant, kind, Verify::Whole).await };
        self.fetch(id, get).await?.map_err(|error| match error {
            StoreError::NotFound => Error::damaged(text!("object {id} is missing from storage", id)),
            error => error.into(),
        })
    }
}
