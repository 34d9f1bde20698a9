//! Catching up: directory → snapshots → index. All of it is verified before it is used.

use api_types::ObjectKind;

use super::OpenVault;
use crate::{
    error::{Error, ErrorKind},
    format::index::{IndexedPack, SegmentHeader, open_segment, read_segment_header},
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
            let packs = self.open_segment(&bytes)?;
            self.state().add_segment(&row, &packs)?;
            read += 1;
        }
        Ok(read)
    }

    /// A segment counts only when a device of this vault signed it.
    fn open_segment(&self, bytes: &[u8]) -> Result<Vec<IndexedPack>, Error> {
        let device = read_segment_header(bytes)?.device;
        let trusted = self.directory().device(&device).ok_or_else(|| {
            Error::damaged(format!(
                "an index object is signed by device {device}, which this vault does not know"
            ))
        })?;
        let expected = SegmentHeader { vault: self.id(), domain: self.keys().domain_id(), device };
        Ok(open_segment(bytes, &expected, self.keys().index_key(), &trusted.signing_key)?)
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
