//! PostgreSQL as an engine.

use std::sync::Arc;

use secrecy::SecretString;

use super::{
    super::{
        AddressParts, DumpStream, Origin, SourceError, Stopper,
        engine::{self, AnySource, Connected, Engine, Opening, Source},
        preflight::{DatabaseFacts, Preflight},
        restoring::{CleanedUp, Finding, RestoreChoices, RestoreSink},
    },
    Inspection, PgUrl, Tools, address, inspect_with, origin,
    restore::{DatabaseSink, RestoreTarget, clean_up},
    start,
};

const KIND: &str = "postgres";

/// Databases of PostgreSQL servers.
pub struct Postgres;

/// One database.
#[derive(Debug, Clone)]
pub struct Database {
    url: PgUrl,
    /// The programs to use; `None` means the installed ones.
    tools: Option<Tools>,
}

struct Inspected {
    url: PgUrl,
    found: Inspection,
    origin: Origin,
    stopper: Stopper,
}

impl Database {
    /// Uses these programs.
    #[must_use]
    pub const fn with_tools(url: PgUrl, tools: Tools) -> Self {
        Self { url, tools: Some(tools) }
    }

    fn tools(&self) -> Tools {
        self.tools.clone().unwrap_or_else(Tools::installed)
    }
}

impl Engine for Postgres {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn accepts(&self, text: &str) -> bool {
        PgUrl::is_one(text)
    }

    fn source(&self, text: &str) -> Result<AnySource, SourceError> {
        Ok(Arc::new(Database { url: PgUrl::parse(text)?, tools: None }))
    }

    fn parts(&self, text: &str) -> Option<AddressParts> {
        address::parts(text)
    }

    fn secrets(&self, text: &str) -> Vec<SecretString> {
        address::secrets(text)
    }

    fn with_secrets_of(&self, text: &str, stored: &str) -> Result<Option<SecretString>, SourceError> {
        address::with_secrets_of(text, stored)
    }
}

impl Source for Database {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn default_name(&self) -> String {
        self.url.database().to_owned()
    }

    fn address(&self) -> String {
        self.url.to_string()
    }

    fn place(&self) -> String {
        self.url.place()
    }

    fn may_be_at(&self, place: &str) -> bool {
        self.url.place() == place
    }

    fn is_local(&self) -> bool {
        self.url.is_local()
    }

    fn arguments(&self) -> Vec<String> {
        vec![self.address()]
    }

    fn connect(&self, stopper: &Stopper, _opening: &Opening) -> Result<Box<dyn Connected>, SourceError> {
        let found = inspect_with(&self.url, &self.tools(), stopper)?;
        let origin = origin(&found);
        Ok(Box::new(Inspected { url: self.url.clone(), found, origin, stopper: stopper.clone() }))
    }

    fn database(&self) -> Option<&dyn engine::Database> {
        Some(self)
    }
}

impl Connected for Inspected {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn preflight(&self) -> Preflight {
        let found = &self.found;
        Preflight::Database(Box::new(DatabaseFacts {
            server: format!("PostgreSQL {}", found.server_version),
            tls: found.tls,
            local: self.url.is_local(),
            size: found.size,
            readable_tables: found.readable_tables,
            unreadable: found.unreadable.clone(),
            tool: format!("pg_dump {}", found.dump_tool.version),
            read_only_role: read_only_role(found, &self.url),
        }))
    }

    fn dump(self: Box<Self>) -> Result<DumpStream, SourceError> {
        start(&self.url, &self.found, self.stopper)
    }
}

impl engine::Database for Database {
    fn name(&self) -> String {
        self.url.database().to_owned()
    }

    fn restore(&self, choices: RestoreChoices) -> Box<dyn RestoreSink> {
        let target = RestoreTarget::new(self.url.clone(), self.tools(), choices);
        Box::new(DatabaseSink::new(target))
    }

    fn inspect(&self, choices: RestoreChoices, stopper: &Stopper) -> Result<Finding, SourceError> {
        RestoreTarget::new(self.url.clone(), self.tools(), choices).inspect(stopper)
    }

    fn clean_up(&self, stopper: &Stopper) -> Result<CleanedUp, SourceError> {
        clean_up(&self.url, &self.tools(), stopper)
    }
}

/// `pg_read_all_data` came with PostgreSQL 14; before that, each schema needs its own grant.
fn read_only_role(found: &Inspection, url: &PgUrl) -> String {
    let database = format!("\"{}\"", found.database.replace('"', "\"\""));
    let mut sql = format!(
        "-- Run as an administrator of {}.\nCREATE ROLE sealkeep LOGIN PASSWORD 'choose a long one';\nGRANT CONNECT ON DATABASE {database} TO sealkeep;\n",
        url.place()
    );
    sql.push_str(if found.server_major >= 14 {
        "GRANT pg_read_all_data TO sealkeep;"
    } else {
        "DO $$ DECLARE s name; BEGIN\n  FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP\n    EXECUTE format('GRANT USAGE ON SCHEMA %I TO sealkeep', s);\n    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO sealkeep', s);\n    EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO sealkeep', s);\n  END LOOP;\nEND $$;"
    });
    sql
}
