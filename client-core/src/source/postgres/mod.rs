//! PostgreSQL: pg_dump out, pg_restore or psql in.

mod answers;
mod conninfo;
mod engine;
mod given_password;
mod identity;
mod inspect;
mod look;
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

/// How long a look before a dump is waited for. The dump itself takes the time that it takes.
const LOOK_PATIENCE: Duration = Duration::from_secs(30);

/// What is known of a database before its dump.
pub(super) fn origin(found: &Inspection) -> Origin {
    Origin { database: found.identity.clone(), properties: found.properties.clone(), ..Origin::default() }
}

/// Starts the pg_dump that suits the server. Its output is streamed, uncompressed, and lies on no disk.
pub(super) fn start(url: &PgUrl, found: &Inspection, stopper: Stopper) -> Result<DumpStream, SourceError> {
    stopper.check()?;
    url.suits(&found.dump_tool)?;
    let session = found.options.as_ref().map_or_else(|| url.clone(), |options| url.with_options(options));
    let mut command = session.command(&found.dump_tool.path);
    command
        .args(["--format=custom", "--compress=0", "--no-password"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A dump is in its database's own encoding: what this machine, a role or a database asks for may not hold every
        // character, or be one that no server can be made with.
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
