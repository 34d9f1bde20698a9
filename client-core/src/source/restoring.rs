//! What every restore into a database has in common, whatever the engine.

use super::{SourceError, Stopper, script::LeftOut};
use crate::format::snapshot::{DatabaseIdentity, DatabaseProperties, Kinship, ScriptNeeds, place_of};

/// What the user chose, and what the snapshot says of the dump.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the user's choices")]
pub struct RestoreChoices {
    /// A database that is not empty is replaced as a whole.
    pub overwrite: bool,
    /// Everything will belong to the restoring user instead of its old owner, and nobody gets rights on it.
    pub no_owner: bool,
    /// Nobody gets rights on anything.
    pub no_privileges: bool,
    /// What needs a role, extension, tablespace or language that the server lacks is left out, and listed.
    pub skip_missing: bool,
    /// What could be restored is kept and what could not is listed, instead of leaving everything as it was.
    pub keep_going: bool,
    /// The database that must not be restored into.
    pub guard: Option<Guard>,
    /// A database that is created gets these properties of the original.
    pub properties: Option<DatabaseProperties>,
    /// For SQL text: compared with what the server has before anything is made.
    pub needs: Option<ScriptNeeds>,
}

/// The database that must not be restored into: the one that the dump was made of.
#[derive(Debug, Clone)]
pub struct Guard {
    identity: Option<DatabaseIdentity>,
    /// Compared where the dump says nothing better.
    place: String,
    copies: bool,
}

impl Guard {
    /// `detail`: [`super::Complete::detail`]; `copies`: also refuses possible copies.
    #[must_use]
    pub fn new(identity: Option<DatabaseIdentity>, detail: &str, copies: bool) -> Self {
        Self { identity, place: place_of(detail).to_owned(), copies }
    }

    /// `found`: what the target says of itself; `place`: its [`super::Source::place`].
    ///
    /// # Errors
    /// [`SourceError::SameAsSource`], [`SourceError::MayBeCopy`].
    pub fn check(&self, found: Option<&DatabaseIdentity>, place: &str) -> Result<(), SourceError> {
        let kinship = match (&self.identity, found) {
            (Some(source), Some(target)) => source.compare(target),
            _ => Kinship::Unknown,
        };
        match kinship {
            Kinship::Same => Err(SourceError::SameAsSource(place.to_owned())),
            Kinship::MayBeCopy if self.copies => Err(SourceError::MayBeCopy(place.to_owned())),
            Kinship::Unknown if self.place == place => Err(SourceError::SameAsSource(place.to_owned())),
            Kinship::MayBeCopy | Kinship::Different | Kinship::Unknown => Ok(()),
        }
    }
}

/// Takes a dump's bytes. What was not finished never happened: dropped, it leaves the database as it was.
pub trait RestoreSink: Send {
    /// The next bytes of the dump, verified.
    ///
    /// # Errors
    /// [`SourceError`]; the database is as it was once this value is dropped.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError>;

    /// After the last byte, when everything was verified: commits.
    ///
    /// # Errors
    /// [`SourceError`], whose text says what has become of the database: it is as it was, unless it says otherwise.
    fn finish(self: Box<Self>) -> Result<Restored, SourceError>;

    /// Ends the restore from another thread.
    fn stopper(&self) -> Stopper;
}

/// What a finished restore did besides what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What a person should know, each in one sentence.
    pub notes: Vec<String>,
    /// What the server refused of a restore that kept going.
    pub failed: Vec<String>,
    /// Statements that the database did not get, the first thousand.
    pub left_out: Vec<LeftOut>,
    /// Whatever runs in the dump ran as a superuser.
    pub superuser: bool,
}

/// What was cleaned up on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Databases that were dropped.
    pub dropped: Vec<String>,
    /// Databases that a restore still works on: they stay.
    pub in_use: Vec<String>,
    /// Databases that could not be dropped, and why.
    pub failed: Vec<(String, String)>,
}
