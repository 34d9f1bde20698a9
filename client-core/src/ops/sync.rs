//! Syncing with the vault: directory → snapshots → index. Everything is verified before use. The index is a cache:
//! damage to a part of it costs only that part.

use std::collections::{HashMap, HashSet};

use api_types::{
    DeviceId, ObjectId, ObjectKind,
    backup::MAX_BATCH,
    vault::{ObjectRow, SnapshotRow},
};

use super::{OpenVault, errors::affects_only_object};
use crate::{
    device::Pins,
    error::{Error, ErrorKind},
    event::{Event, Stage, Warning},
    format::index::{IndexedPack, SegmentHeader, open_segment, read_segment_header},
    text,
    text::ToPart,
    vault::{Directory, DirectoryError, History, HistoryError},
};

impl OpenVault {
    /// Syncs with the vault; returns how many index segments were read.
    ///
    /// # Errors
    /// [`ErrorKind::RolledBack`] if the service shows an older or a different history than before.
    pub(super) async fn sync(&mut self) -> Result<u64, Error> {
        self.client().observer().event(&Event::Stage(Stage::Sync));
        self.sync_history().await?;
        self.sync_index().await
    }

    /// Syncs the device directory alone: enough to list, name and revoke devices, whatever else is damaged.
    ///
    /// # Errors
    /// Same as [`OpenVault::sync`].
    pub(super) async fn sync_directory(&mut self) -> Result<(), Error> {
        let directory = self.verified_directory().await?;
        self.remember(&Pins { directory: Some(directory.pin()), ..Pins::default() })?;
        self.accept(directory, History::default());
        Ok(())
    }

    /// Syncs directory and snapshots, without the index.
    ///
    /// # Errors
    /// Same as [`OpenVault::sync`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub(super) async fn sync_history(&mut self) -> Result<(), Error> {
        let vault = self.id();
        let pins = self.state().pins().load()?;
        let directory = self.verified_directory().await?;
        let mut history = History::default();
        let take = |row: &SnapshotRow| history.take(vault, &directory, row).map_err(Error::from);
        self.api().snapshots(vault, take).await?;
        history.contains_all(&pins.heads)?;
        let named = history.snapshots().iter().map(|listed| (listed.head_hash, listed.id));
        if let Some((shown, opened)) = self.state().pins().renamed(named)? {
            return Err(HistoryError::Renamed { shown, opened }.into());
        }
        self.remember(&Pins { directory: Some(directory.pin()), heads: history.heads().clone() })?;
        if pins.directory != Some(directory.pin()) {
            // The signer of a rejected object may be known by now.
            self.state().retry_bad_objects()?;
        }
        self.accept(directory, history);
        Ok(())
    }

    async fn verified_directory(&self) -> Result<Directory, Error> {
        let pins = self.state().pins().load()?;
        let entries = self.api().directory(self.id()).await?;
        Ok(Directory::verify(self.id(), self.keys().signing_root_public(), &entries, pins.directory)?)
    }

    /// Always requests the whole list: objects are numbered when granted and listed once confirmed, so a low number
    /// may appear late.
    #[tracing::instrument(level = "debug", skip_all)]
    pub(super) async fn sync_index(&self) -> Result<u64, Error> {
        let bad: HashSet<ObjectId> = self.state().bad_objects()?.into_iter().map(|(id, _)| id).collect();
        let (mut unlisted, mut new) = (bad.clone(), Vec::new());
        let take = |row: ObjectRow| {
            unlisted.remove(&row.id);
            if !bad.contains(&row.id) && !self.state().knows_object(&row.id)? {
                new.push(row);
            }
            Ok::<_, Error>(())
        };
        self.api().objects(self.id(), ObjectKind::Index, take).await?;
        self.state().forget_bad_objects(&unlisted.into_iter().collect::<Vec<_>>())?;
        let mut read = 0;
        for batch in new.chunks(MAX_BATCH) {
            let ids: Vec<ObjectId> = batch.iter().map(|row| row.id).collect();
            let mut found = self.objects(&ids, ObjectKind::Index).await?;
            for row in batch {
                read += u64::from(self.take_segment(row, &mut found)?);
            }
        }
        Ok(read)
    }

    /// Reads the whole index again; the known one stays until the new one is complete.
    pub(super) async fn rebuild_index(&self) -> Result<u64, Error> {
        let mut rows = Vec::new();
        let take = |row| {
            rows.push(row);
            Ok::<_, Error>(())
        };
        self.api().objects(self.id(), ObjectKind::Index, take).await?;
        let (mut whole, mut bad) = (Vec::new(), Vec::new());
        for batch in rows.chunks(MAX_BATCH) {
            self.client().cancelled()?;
            let ids: Vec<ObjectId> = batch.iter().map(|row| row.id).collect();
            let mut found = self.objects(&ids, ObjectKind::Index).await?;
            for row in batch {
                match self.segment_of(row, &mut found) {
                    Ok((device, packs)) => whole.push((row.clone(), device, packs)),
                    Err(error) if affects_only_object(error.kind()) => {
                        bad.push((row.id, error.text().clone()));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let stored: Vec<(ObjectId, String)> = bad.iter().map(|(id, why)| (*id, why.to_string())).collect();
        self.state().replace_index(&whole, &stored, self.client().now())?;
        for (id, why) in bad {
            self.client().observer().event(&Event::Warning(Warning::BadIndexObject { id, why }));
        }
        Ok(whole.len() as u64)
    }

    fn segment_of(
        &self,
        row: &ObjectRow,
        found: &mut HashMap<ObjectId, Result<Vec<u8>, Error>>,
    ) -> Result<(DeviceId, Vec<IndexedPack>), Error> {
        let bytes = found.remove(&row.id).unwrap_or_else(|| Err(Error::damaged(text!("it is missing"))));
        bytes.and_then(|bytes| self.open_segment(&bytes))
    }

    /// Returns whether the segment could be used.
    fn take_segment(
        &self,
        row: &ObjectRow,
        found: &mut HashMap<ObjectId, Result<Vec<u8>, Error>>,
    ) -> Result<bool, Error> {
        match self.segment_of(row, found) {
            Ok((device, packs)) => {
                self.state().add_segment(row, device, &packs)?;
                Ok(true)
            }
            Err(error) if affects_only_object(error.kind()) => {
                let why = error.text().clone();
                self.state().add_bad_object(&row.id, error.happened(), self.client().now())?;
                let warning = Warning::BadIndexObject { id: row.id, why };
                self.client().observer().event(&Event::Warning(warning));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// A segment counts only if a device of this vault signed it.
    fn open_segment(&self, bytes: &[u8]) -> Result<(DeviceId, Vec<IndexedPack>), Error> {
        let device = read_segment_header(bytes)?.device;
        let trusted = self.directory().device(&device).ok_or_else(|| {
            Error::damaged(text!(
                "an index object is signed by device {device}, which this vault does not know",
                device
            ))
        })?;
        let expected = SegmentHeader { vault: self.id(), domain: self.keys().domain_id(), device };
        let packs = open_segment(bytes, &expected, self.keys().index_key(), &trusted.signing_key)?;
        Ok((device, packs))
    }
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        refused(&error)
    }
}

impl From<HistoryError> for Error {
    fn from(error: HistoryError) -> Self {
        refused(&error)
    }
}

fn refused(what: &impl ToPart) -> Error {
    Error::new(
        ErrorKind::RolledBack,
        text!("the service returned an inconsistent history: {what}", what),
        "nothing was written; what this device saw before may have been removed or replaced by the service",
        "ask the service's operator whether it was restored from an old copy; to restore without the service, see \"The service is gone\" in the user guide",
    )
}
