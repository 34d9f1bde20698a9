//! One method per route of a vault.

use api_types::{
    DeviceId, ObjectId, ObjectKind, RunId, SourceId, VaultId,
    account::ServiceInfo,
    backup::{
        Abort, Commit, Committed, Confirm, Confirmed, Lease, NewObject, RunStart, UploadGrant, UploadGrants,
        WantUpload,
    },
    directory::SignedDirectoryEntry,
    vault::{
        Audit, AuditRow, DeviceInfo, Devices, Directory, ObjectRow, Objects, ReadGrant, ReadGrants, ReadUrls,
        RevokeDevice, RunRow, Runs, SnapshotRow, Snapshots, VaultInfo, VaultInit, WrapKind, WrappedKey,
    },
};

use super::{
    ApiError, HttpApi,
    call::{Auth, Call},
};
use crate::{text, text::Text};

/// Rows per page: the service's maximum.
const PAGE: usize = 1000;

impl HttpApi {
    /// `GET /v1/service`
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn service_info(&self) -> Result<ServiceInfo, ApiError> {
        self.call(Call::get("/v1/service".into()).auth(Auth::Unsigned)).await
    }

    /// Ends this device's session.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn sign_out(&self) -> Result<(), ApiError> {
        self.send_empty(Call::post("/v1/sign-out".into()).once()).await
    }

    /// The service's record of the vault.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn vault_info(&self, vault: VaultId) -> Result<VaultInfo, ApiError> {
        self.call(Call::get(format!("/v1/vaults/{vault}"))).await
    }

    /// Stores the vault's first keys and first device, both or neither.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn init_vault(&self, vault: VaultId, init: &VaultInit) -> Result<(), ApiError> {
        self.send_json(Call::post(format!("/v1/vaults/{vault}/init")).once(), init).await
    }

    /// Fetches sealed key material.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn key(&self, vault: VaultId, kind: WrapKind) -> Result<WrappedKey, ApiError> {
        self.call(Call::get(format!("/v1/vaults/{vault}/keys/{}", kind.as_str()))).await
    }

    /// Fetches the device directory, from entry 0.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn directory(&self, vault: VaultId) -> Result<Vec<SignedDirectoryEntry>, ApiError> {
        let call = Call::get(format!("/v1/vaults/{vault}/directory"));
        let directory: Directory =
            self.page(call, &mut self.spending(), |page: &Directory| page.entries.len()).await?;
        Ok(directory.entries)
    }

    /// Appends to the device directory.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn add_directory_entry(
        &self,
        vault: VaultId,
        entry: &SignedDirectoryEntry,
    ) -> Result<(), ApiError> {
        self.send_json(Call::post(format!("/v1/vaults/{vault}/directory")).once(), entry).await
    }

    /// All devices, including revoked ones.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn devices(&self, vault: VaultId) -> Result<Vec<DeviceInfo>, ApiError> {
        let devices: Devices = self.call(Call::get(format!("/v1/vaults/{vault}/devices"))).await?;
        Ok(devices.devices)
    }

    /// Revokes a device; `directory` is the entry that revokes it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn revoke_device(
        &self,
        vault: VaultId,
        device: DeviceId,
        directory: Option<SignedDirectoryEntry>,
    ) -> Result<(), ApiError> {
        let call = Call::post(format!("/v1/vaults/{vault}/devices/{device}/revoke")).once();
        self.send_json(call, &RevokeDevice { directory }).await
    }

    /// Acquires or renews a lease.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_backup(
        &self,
        vault: VaultId,
        run_id: RunId,
        source_id: SourceId,
    ) -> Result<Lease, ApiError> {
        let call = Call::post(format!("/v1/vaults/{vault}/runs"));
        self.call_with(call, &RunStart { run_id, source_id }).await
    }

    /// Requests grants to upload 1 to [`api_types::backup::MAX_BATCH`] objects; answers are in the same order.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn want_uploads(
        &self,
        vault: VaultId,
        run: RunId,
        objects: Vec<NewObject>,
    ) -> Result<Vec<UploadGrant>, ApiError> {
        let wanted: Vec<ObjectId> = objects.iter().map(|o| o.id).collect();
        let call = Call::post(format!("/v1/vaults/{vault}/runs/{run}/objects"));
        let answer: UploadGrants = self.call_with(call, &WantUpload { objects }).await?;
        if answer.grants.iter().map(|g| g.id).eq(wanted) {
            return Ok(answer.grants);
        }
        Err(ApiError::Unexpected {
            server: self.server().to_owned(),
            detail: text!("grants for other objects than asked for"),
        })
    }

    /// Requests a grant to upload one object.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn want_upload(
        &self,
        vault: VaultId,
        run: RunId,
        object: NewObject,
    ) -> Result<UploadGrant, ApiError> {
        let mut grants = self.want_uploads(vault, run, vec![object]).await?;
        grants.pop().ok_or_else(|| ApiError::Internal("no grant".into()))
    }

    /// Makes the service ask the store whether objects arrived completely.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn confirm(
        &self,
        vault: VaultId,
        run: RunId,
        objects: Vec<ObjectId>,
    ) -> Result<Confirmed, ApiError> {
        let call = Call::post(format!("/v1/vaults/{vault}/runs/{run}/confirm"));
        self.call_with(call, &Confirm { objects }).await
    }

    /// Commits the snapshot. Repeating it gives the same answer.
    ///
    /// # Errors
    /// [`ApiError`]; [`api_types::ErrorCode::MissingObjects`] names what the store lost.
    pub async fn commit(&self, vault: VaultId, run: RunId, commit: Commit) -> Result<Committed, ApiError> {
        self.call_with(Call::post(format!("/v1/vaults/{vault}/runs/{run}/commit")), &commit).await
    }

    /// Records that a run ended without a snapshot. `failure` is one word, `[a-z_]{1,40}`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn abort(
        &self,
        vault: VaultId,
        run: RunId,
        failure: &str,
        bytes_read: u64,
    ) -> Result<(), ApiError> {
        let call = Call::post(format!("/v1/vaults/{vault}/runs/{run}/abort"));
        self.send_json(call, &Abort { failure: failure.to_owned(), bytes_read }).await
    }

    /// A page of runs, newest first; at most 1000.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn runs(&self, vault: VaultId, limit: u32) -> Result<Vec<RunRow>, ApiError> {
        let call = Call::get(format!("/v1/vaults/{vault}/runs")).query(format!("limit={limit}"));
        let runs: Runs = self.call(call).await?;
        Ok(runs.runs)
    }

    /// Requests grants to fetch 1 to [`api_types::backup::MAX_BATCH`] objects; those not stored are omitted.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn read_urls(
        &self,
        vault: VaultId,
        objects: Vec<ObjectId>,
    ) -> Result<Vec<ReadGrant>, ApiError> {
        let call = Call::post(format!("/v1/vaults/{vault}/objects/read-urls"));
        let answer: ReadGrants = self.call_with(call, &ReadUrls { objects }).await?;
        Ok(answer.grants)
    }

    /// Every stored object of a kind, oldest first: passes each row to `take` as it arrives, and stops at the first
    /// error.
    ///
    /// # Errors
    /// [`ApiError`], or the error of `take`.
    pub async fn objects<E: From<ApiError>>(
        &self,
        vault: VaultId,
        kind: ObjectKind,
        mut take: impl FnMut(ObjectRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut last, mut spent) = (None, self.spending());
        loop {
            let call = Call::get(format!("/v1/vaults/{vault}/objects")).query(page(last, Some(kind)));
            let rows = self.page::<Objects>(call, &mut spent, |page| page.objects.len()).await?.objects;
            last = self.rising(last, rows.iter().map(|row| u64::from(row.number)))?;
            let done = rows.len() < PAGE;
            rows.into_iter().try_for_each(&mut take)?;
            if done {
                return Ok(());
            }
        }
    }

    /// Every snapshot in commit order: passes each row to `take` as it arrives, and stops at the first error, so that
    /// unsigned rows never amount to more than a page.
    ///
    /// # Errors
    /// [`ApiError`], or the error of `take`.
    pub async fn snapshots<E: From<ApiError>>(
        &self,
        vault: VaultId,
        mut take: impl FnMut(&SnapshotRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut last, mut spent) = (None, self.spending());
        loop {
            let call = Call::get(format!("/v1/vaults/{vault}/snapshots")).query(page(last, None));
            let rows = self.page::<Snapshots>(call, &mut spent, |page| page.snapshots.len()).await?.snapshots;
            last = self.rising(last, rows.iter().map(|row| row.position))?;
            rows.iter().try_for_each(&mut take)?;
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// The audit trail, oldest first: passes each row to `take` as it arrives, and stops at the first error.
    ///
    /// # Errors
    /// [`ApiError`], or the error of `take`.
    pub async fn audit<E: From<ApiError>>(
        &self,
        vault: VaultId,
        mut take: impl FnMut(&AuditRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut after, mut spent) = (0_u64, self.spending());
        loop {
            let call = Call::get(format!("/v1/vaults/{vault}/audit")).query(page(Some(after), None));
            let rows = self.page::<Audit>(call, &mut spent, |page| page.events.len()).await?.events;
            if rows.is_empty() {
                return Ok(());
            }
            rows.iter().try_for_each(&mut take)?;
            after = self.rising(Some(after), rows.iter().map(|row| row.position))?.unwrap_or(after);
        }
    }

    /// The number of a page's last row, or `after`. Refuses a list that does not advance, which would never end, and a
    /// page with more rows than a page can have.
    fn rising(
        &self,
        after: Option<u64>,
        rows: impl ExactSizeIterator<Item = u64>,
    ) -> Result<Option<u64>, ApiError> {
        let unexpected = |detail: Text| ApiError::Unexpected { server: self.server().to_owned(), detail };
        if rows.len() > PAGE {
            return Err(unexpected(text!("a page of more rows than were asked for")));
        }
        let mut last = after;
        for row in rows {
            if last.is_some_and(|last| row <= last) {
                return Err(unexpected(text!("a list out of order")));
            }
            last = Some(row);
        }
        Ok(last)
    }
}

fn page(after: Option<u64>, kind: Option<ObjectKind>) -> String {
    let mut query = kind.map_or_else(String::new, |kind| format!("kind={}&", kind.as_str()));
    if let Some(after) = after {
        query.push_str(&format!("after={after}&"));
    }
    query.push_str(&format!("limit={PAGE}"));
    query
}
