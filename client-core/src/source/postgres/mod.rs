//! PostgreSQL: pg_dump out, pg_restore or psql in.

mod identity;
mod inspect;
mod look;
mod properties;
mod psql;
mod restore;
mod session;
mod tools;
mod url;

pub mod script;

use std::process::Stdio;

pub use self::{
    identity::identify,
    inspect::{Inspection, inspect_with},
    restore::{DatabaseSink, RestoreTarget, Restored, Stop},
    tools::{Tool, Tools},
    url::PgUrl,
};
use super::{
    Complete, DumpStream, Origin, SourceError,
    process::{Process, Started},
};

/// Server version, TLS, size, tables that can and cannot be read, the pg_dump that would be used.
///
/// # Errors
/// [`SourceError`].
pub fn inspect(url: &PgUrl) -> Result<Inspection, SourceError> {
    inspect_with(url, &Tools::installed())
}

/// Starts the pg_dump that suits the server. Its output is streamed, uncompressed, and lies on no disk.
///
/// # Errors
/// [`SourceError`].
pub fn open(url: &PgUrl, tools: &Tools) -> Result<DumpStream, SourceError> {
    let found = inspect_with(url, tools)?;
    let mut command = url.command(&found.dump_tool.path);
    command
        .args(["--format=custom", "--compress=0", "--no-password"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let Started { process, stdout, .. } = Process::start(command, url.secrets())
        .map_err(|e| SourceError::Internal(format!("{}: {e}", found.dump_tool.path.display())))?;
    let stdout = stdout.ok_or_else(|| SourceError::Internal("pg_dump has no output".into()))?;
    let complete = Complete {
        tool: "pg_dump".into(),
        tool_version: found.dump_tool.version.clone(),
        format: String::new(),
        verified_end: false,
        detail: format!("{} (PostgreSQL {})", url.place(), found.server_version),
        origin: Origin {
            database: found.identity.clone(),
            properties: found.properties.clone(),
            ..Origin::default()
        },
        tables: found.tables.clone(),
        stderr: String::new(),
    };
    Ok(DumpStream::program(process, stdout, complete, Some(found.size), found.warnings(url)))
}
