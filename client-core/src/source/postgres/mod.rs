//! PostgreSQL: dumped by pg_dump, restored by pg_restore or psql.

mod address;
mod answers;
mod conninfo;
mod engine;
mod given_password;
mod identity;
mod inspect;
mod optional;
mod parameters;
mod pooler;
mod properties;
mod psql;
mod refusal;
mod restore;
mod service;
mod session;
mod tools;
mod url;

use std::{process::Stdio, time::Duration};

pub use self::{
    engine::{Database, Postgres},
    given_password::names_password,
    identity::identify,
    inspect::{Inspection, inspect_with},
    tools::{Tool, Tools},
    url::PgUrl,
};
use super::{
    Complete, DumpStream, Origin, SourceError,
    process::{Process, Started},
    program::Program,
    stopper::Stopper,
};

/// Time limit of the inspection before a dump. The dump itself has none.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What is known about a database before its dump.
pub(super) fn origin(found: &Inspection) -> Origin {
    Origin { database: found.identity.clone(), properties: found.properties.clone(), ..Origin::default() }
}

/// Starts the pg_dump that suits the server. Its output is streamed, uncompressed, and never written to disk.
pub(super) fn start(url: &PgUrl, found: &Inspection, stopper: Stopper) -> Result<DumpStream, SourceError> {
    stopper.check()?;
    url.suits(&found.dump_tool)?;
    let session = found.options.as_ref().map_or_else(|| url.clone(), |options| url.with_options(options));
    let mut command = session.command(&found.dump_tool.path);
    command
        .args(["--format=custom", "--compress=0", "--no-password"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Dump in the database's own encoding: one requested by this machine, a role or a database may lack
        // characters, or be one that no server can use.
        .env_remove("PGCLIENTENCODING");
    if let Some(properties) = &found.properties {
        command.arg(format!("--encoding={}", properties.encoding));
    }
    let Started { process, stdout, .. } = Process::start(command, url.secrets())
        .map_err(|e| SourceError::Internal(format!("{}: {e}", found.dump_tool.path.display())))?;
    let stdout = stdout.ok_or_else(|| SourceError::Internal("pg_dump has no output".into()))?;
    let detail = format!("{} (PostgreSQL {})", url.place(), found.server_version);
    let complete = Complete {
        origin: origin(found),
        tables: found.tables.clone(),
        ..Complete::new("pg_dump", &found.dump_tool.version, detail)
    };
    Ok(DumpStream::new(Program::new(process, stdout, &stopper, session), complete, stopper)
        .expecting((found.size > 0).then_some(found.size))
        .warning(found.warnings(url)))
}
