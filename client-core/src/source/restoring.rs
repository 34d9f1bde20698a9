//! What restores into databases have in common, whatever the engine.

use super::{SourceError, Stopper, script::LeftOut};
use crate::{
    format::snapshot::{DatabaseIdentity, DatabaseProperties, Kinship, ScriptNeeds, place_of},
    text::Text,
};

/// The user's choices, and what the snapshot knows about the dump.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the user's choices")]
pub struct RestoreChoices {
    /// Replace a database that is not empty.
    pub overwrite: bool,
    /// Give everything to the restoring user instead of its old owner, and grant no privileges.
    pub no_owner: bool,
    /// Grant no privileges.
    pub no_privileges: bool,
    /// Leave out, and list, what needs a role, extension, tablespace or language that the server lacks.
    pub skip_missing: bool,
    /// Keep what could be restored and list what could not, instead of leaving everything unchanged.
    pub continue_on_error: bool,
    /// The database that must not be restored into.
    pub guard: Option<Guard>,
    /// Properties of the original for a database that is created.
    pub properties: Option<DatabaseProperties>,
    /// For SQL text: compared with what the server has before anything is created.
    pub needs: Option<ScriptNeeds>,
}

/// The database that must not be restored into: the one that was dumped.
#[derive(Debug, Clone)]
pub struct Guard {
    identity: Option<DatabaseIdentity>,
    /// Compared if the dump has no better identification.
    place: String,
    copies: bool,
}

impl Guard {
    /// `detail`: [`super::Complete::detail`]; `copies`: also refuses possible copies.
    #[must_use]
    pub fn new(identity: Option<DatabaseIdentity>, detail: &str, copies: bool) -> Self {
        Self { identity, place: place_of(detail).to_owned(), copies }
    }

    /// `found`: the target's identity according to its server; `place`: its [`super::Source::place`].
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

/// Takes a dump's bytes. If dropped before [`RestoreSink::finish`], it leaves the database unchanged.
pub trait RestoreSink: Send {
    /// Writes the next, verified bytes of the dump.
    ///
    /// # Errors
    /// [`SourceError`]; the database is unchanged once this value is dropped.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError>;

    /// Commits, after the last byte, when everything has been verified.
    ///
    /// # Errors
    /// [`SourceError`], whose text describes the state of the database: unchanged, unless it says otherwise.
    fn finish(self: Box<Self>) -> Result<Restored, SourceError>;

    /// Stops the restore from another thread.
    fn stopper(&self) -> Stopper;
}

/// Side effects of a finished restore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What the user should know, one sentence each.
    pub notes: Vec<Text>,
    /// Errors of the server in a restore that kept going.
    pub failed: Vec<String>,
    /// Statements that were not executed, the first thousand.
    pub left_out: Vec<LeftOut>,
    /// Code in the dump ran as a superuser.
    pub superuser: bool,
}

/// What a restore finds at its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing: it is created.
    Absent,
    /// It exists and is empty.
    Empty,
    /// Its contents are replaced, as the user confirmed.
    Replaced,
}

/// What was cleaned up on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Databases that were dropped.
    pub dropped: Vec<String>,
    /// Databases of restores in progress: they stay.
    pub in_use: Vec<String>,
    /// Databases that could not be dropped, and why.
    pub failed: Vec<(String, String)>,
}
