//! Catching up: directory → snapshots → pack numbers → index. All of it is verified before it is used.

use api_types::{ObjectKind, vault::SnapshotRow};

use super::OpenVault;
use crate::{
    error::{Error, ErrorKind},
    format::index::open_segment,
    vault::{Directory, DirectoryError, History, HistoryError},
};

impl OpenVault {
    /// Catches up with the vault; returns how many index segments were read.
    ///
    /// # Errors
    /// [`ErrorKind::RolledBack`] when the service shows an older or another history than it did before.
    pub(super) async fn sync(&mut self) -> Result<u64, Error> {
        let vault = self.id();
        let pins = self.state().pins().load()?;
        let entries = self.api().directory(vault).await?;
        let directory =
            Directory::verify(vault, self.keys().signing_root_public(), &entries, pins.directory)?;
        let rows = self.snapshot_rows().await?;
        let history = History::verify(vault, &directory, &rows, &pins.heads)?;
        self.state().pins().save(directory.pin(), history.heads())?;
        self.believe(directory, history);
        self.pack_numbers().await?;
        self.index_segments().await
    }

    async fn snapshot_rows(&self) -> Result<Vec<SnapshotRow>, Error> {
        let mut rows: Vec<SnapshotRow> = Vec::new();
        loop {
            let after = rows.last().map_or(0, |row| row.position);
            let page = self.api().snapshots(self.id(), after).await?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
        }
    }

    async fn pack_numbers(&self) -> Result<(), Error> {
        loop {
            let after = self.state().cursor(ObjectKind::Pack)?;
            let page = self.api().objects(self.id(), ObjectKind::Pack, after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.state().remember_packs(&page, last.number)?;
        }
    }

    async fn index_segments(&self) -> Result<u64, Error> {
        let mut read = 0;
        loop {
            let after = self.state().cursor(ObjectKind::Index)?;
            let page = self.api().objects(self.id(), ObjectKind::Index, after).await?;
            if page.is_empty() {
                return Ok(read);
            }
            for row in page {
                if !self.state().knows_object(&row.id)? {
                    let bytes = self.object(row.id, ObjectKind::Index).await?;
                    let segment = open_segment(&bytes, self.keys(), |device| {
                        self.directory().device(device).map(|d| d.signing_key)
                    })?;
                    self.state().add_segment(&row, &segment.packs)?;
                    read += 1;
                }
                self.state().advance(ObjectKind::Index, row.number)?;
            }
        }
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

fn refused(what: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::RolledBack,
        format!("the service shows a history that cannot be true: {what}"),
        "nothing was written; what this device saw before may have been removed or replaced at the service",
        "do not trust this service before it is explained; with bucket and recovery words everything restores without it",
    )
}
