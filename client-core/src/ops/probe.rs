//! What a source is like, before it is saved: reachable, encrypted, readable, how large, dumped by what.

use std::path::Path;

use super::sources::Origin;
use crate::{
    error::Error,
    source::{
        self, Copying, Opening, PgUrl, SourceSpec,
        postgres::{self, Inspection},
    },
};

/// What was found.
#[derive(Debug, Clone)]
pub enum Probe {
    /// A database.
    Postgres {
        /// What the server said.
        found: Box<Inspection>,
        /// Whether the way to it stays on this machine.
        local: bool,
        /// SQL that makes a role which can read everything in it and change nothing.
        read_only_role: String,
    },
    /// A file.
    File {
        /// Its bytes; `None` for a pipe or a device.
        size: Option<u64>,
    },
}

impl Probe {
    /// Whether a backup would succeed as things are.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Postgres { found, .. } => found.unreadable.is_empty(),
            Self::File { .. } => true,
        }
    }
}

/// Connects and looks; nothing is dumped and nothing saved.
///
/// # Errors
/// It cannot be reached, refuses the user, or there is no program that could dump it.
pub async fn probe(origin: &Origin) -> Result<Probe, Error> {
    let spec = origin.spec()?;
    tokio::task::spawn_blocking(move || look(spec)).await.map_err(|e| Error::internal("the test died", &e))?
}

fn look(spec: SourceSpec) -> Result<Probe, Error> {
    match spec {
        SourceSpec::Postgres(url) => {
            let found = postgres::inspect(&url)?;
            let read_only_role = read_only_role(&found, &url);
            Ok(Probe::Postgres { local: url.is_local(), found: Box::new(found), read_only_role })
        }
        spec @ (SourceSpec::File { .. } | SourceSpec::Stdin { .. }) => {
            // Opening it is what a backup does first.
            let looking = Opening { copy: Copying::Never, ..Opening::default() };
            let dump = source::open_with(spec, &looking)?;
            Ok(Probe::File { size: dump.expected_bytes() })
        }
    }
}

/// `pg_read_all_data` came with PostgreSQL 14; before it, each schema is granted by itself.
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

/// The name that a source gets when nobody says otherwise.
///
/// # Errors
/// As [`Origin::spec`].
pub fn default_name(origin: &Origin) -> Result<String, Error> {
    let name = origin.spec()?.default_name();
    Ok(match origin {
        Origin::Postgres(_) => name,
        Origin::File(_) => Path::new(&name)
            .file_stem()
            .map_or_else(|| name.clone(), |stem| Path::new(stem).display().to_string()),
    })
}
