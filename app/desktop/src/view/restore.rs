//! The target of a restore, before and after.

use std::path::Path;

use client_core::{
    ops::restore::suggest,
    source::{self, Finding},
};
use serde::Serialize;

use super::{ConnectionView, RestoreTo};

/// What to suggest as the target of a restore.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SuggestionView {
    /// A file that does not exist yet.
    pub(crate) path: String,
    /// The name of a new database.
    pub(crate) database: String,
    /// How the source is reached.
    pub(crate) connection: Option<ConnectionView>,
}

/// What a restore would find at its target.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum TargetView {
    /// Nothing: it is created.
    Absent,
    /// It exists and is empty.
    Empty,
    /// Its contents are replaced, as the user confirmed.
    Replaced,
}

impl From<Finding> for TargetView {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::Absent => Self::Absent,
            Finding::Empty => Self::Empty,
            Finding::Replaced => Self::Replaced,
        }
    }
}

/// What a snapshot was restored to, and how to open it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum RestoredView {
    /// A file.
    File {
        /// Its full path.
        path: String,
        /// The command that loads it into a database, if one is known.
        command: Option<String>,
    },
    /// A database.
    Database {
        /// Its location, without a password.
        place: String,
        /// The command that opens it.
        command: String,
    },
}

impl RestoredView {
    pub(crate) fn new(to: &RestoreTo) -> Option<Self> {
        match to {
            RestoreTo::File { path } => {
                Some(Self::File { path: path.clone(), command: suggest::load_command(Path::new(path)) })
            }
            RestoreTo::Database { url, .. } => {
                let database = source::database(url).ok()?;
                Some(Self::Database { place: database.address(), command: suggest::open_command(&database) })
            }
        }
    }
}
