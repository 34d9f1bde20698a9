//! Catching up: directory → snapshots → index. All of it is verified before it is used.

use api_types::ObjectKind;

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
        let rows = self.api().snapshots(vault, None).await?;
        let history = History::verify(vault, &directory, &rows, &pins.heads)?;
        self.state().pins().save(directory.pin(), history.heads())?;
        self.believe(directory, history);
        self.index_segments().await
    }

    /// The list is asked for whole: objects are numbered when they are granted and listed once they are
    /// confirmed, so a low number may appear late.
    async fn index_segments(&self) -> Result<u64, Error> {
        let mut read = 0;
        for row in self.api().objects(self.id(), ObjectKind::Index, None).await? {
            if self.state().knows_object(&row.id)? {
                continue;
            }
            let bytes = self.object(row.id, ObjectKind::Index).await?;
            let segment = open_segment(&bytes, self.keys(), |device| {
                self.directory().device(device).map(|d| d.signing_key)
            })?;
            self.state().add_segment(&row, &segment.packs)?;
            read += 1;
        }
        Ok(read)
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
