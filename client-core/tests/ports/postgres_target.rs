//! A PostgreSQL database as a source and as a target.

use client_core::{
    format::snapshot::{DatabaseIdentity, DatabaseProperties, ScriptNeeds},
    source::{
        CleanedUp, Database as _, DumpStream, Guard, Opening, PgUrl, RestoreChoices, RestoreSink,
        Source as _, SourceError, Stopper, database,
        postgres::{Database, Inspection, Tools, inspect_with},
    },
};

use crate::begin::begin;

/// Starts the dump of a database given by a URL.
pub(crate) fn open(url: &str) -> Result<DumpStream, SourceError> {
    begin(database(url)?)
}

/// Like [`open`], with these programs.
pub(crate) fn open_by(url: &PgUrl, tools: &Tools) -> Result<DumpStream, SourceError> {
    Database::with_tools(url.clone(), tools.clone()).connect(&Stopper::default(), &Opening::default())?.dump()
}

pub(crate) fn inspect(url: &PgUrl) -> Result<Inspection, SourceError> {
    inspect_with(url, &Tools::installed(), &Stopper::default())
}

pub(crate) fn clean_up(url: &str, stopper: &Stopper) -> Result<CleanedUp, SourceError> {
    Target::new(url, false)?.database.clean_up(stopper)
}

/// A PostgreSQL database and how it takes a dump.
#[derive(Clone)]
pub(crate) struct Target {
    url: PgUrl,
    database: Database,
    choices: RestoreChoices,
}

impl Target {
    pub(crate) fn new(url: &str, overwrite: bool) -> Result<Self, SourceError> {
        let url = PgUrl::parse(url)?;
        let database = Database::with_tools(url.clone(), Tools::installed());
        Ok(Self { url, database, choices: RestoreChoices { overwrite, ..RestoreChoices::default() } })
    }

    pub(crate) fn sink(self) -> Box<dyn RestoreSink> {
        self.database.restore(self.choices)
    }

    pub(crate) fn with_tools(mut self, tools: Tools) -> Self {
        self.database = Database::with_tools(self.url.clone(), tools);
        self
    }

    pub(crate) const fn without_owners(mut self) -> Self {
        self.choices.no_owner = true;
        self
    }

    pub(crate) const fn without_privileges(mut self) -> Self {
        self.choices.no_privileges = true;
        self
    }

    pub(crate) const fn skipping_missing(mut self) -> Self {
        self.choices.skip_missing = true;
        self
    }

    pub(crate) const fn continuing_on_error(mut self) -> Self {
        self.choices.continue_on_error = true;
        self
    }

    pub(crate) fn refusing_source(
        mut self,
        identity: Option<DatabaseIdentity>,
        detail: &str,
        copies: bool,
    ) -> Self {
        self.choices.guard = Some(Guard::new(identity, detail, copies));
        self
    }

    pub(crate) fn like(mut self, properties: Option<DatabaseProperties>) -> Self {
        self.choices.properties = properties;
        self
    }

    pub(crate) fn needing(mut self, needs: Option<ScriptNeeds>) -> Self {
        self.choices.needs = needs;
        self
    }
}
