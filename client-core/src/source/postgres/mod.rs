//! PostgreSQL: pg_dump out, pg_restore or psql in.

mod answers;
mod conninfo;
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

pub(super) use self::url::readable;
pub use self::{
    given_password::names_password,
    identity::identify,
    inspect::{Inspection, inspect_with},
    restore::{CleanedUp, DatabaseSink, RestoreTarget, Restored, clean_up},
    tools::{Tool, Tools},
    url::PgUrl,
};
use super::{
    Complete, DumpStream, Origin, SourceError,
    process::{Process, Started},
    stopper::Stopper,
};

/// How long a look before a dump is waited for. The dump itself takes the time that it takes.
const LOOK_PATIENCE: Duration = Duration::from_secs(30);

/// Server version, TLS, size, tables that can and cannot be read, the pg_dump that would be used.
///
/// # Errors
/// [`SourceError`].
pub fn inspect(url: &PgUrl) -> Result<Inspection, SourceError> {
    inspect_with(url, &Tools::installed(), &Stopper::default())
}

/// Looks, then starts the pg_dump that suits the server.
///
/// # Errors
/// [`SourceError`].
pub fn open(url: &PgUrl, tools: &Tools) -> Result<DumpStream, SourceError> {
    let stopper = Stopper::default();
    start(url, &inspect_with(url, tools, &stopper)?, stopper)
}

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
    let complete = Complete {
        tool: "pg_dump".into(),
        tool_version: found.dump_tool.version.clone(),
        format: String::new(),
        verified_end: false,
        needs: None,
        changed: false,
        detail: format!("{} (PostgreSQL {})", url.place(), found.server_version),
        origin: origin(found),
        tables: found.tables.clone(),
        stderr: String::new(),
    };
    Ok(DumpStream::program(process, stdout, complete, stopper)
        .expecting((found.size > 0).then_some(found.size))
        .warning(found.warnings(url))
        .keeping(session))
}
