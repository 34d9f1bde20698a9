//! Finds and removes what restores left behind when they could not undo it: after a SIGKILL, or without a network.

use serde::Deserialize;

use super::{
    super::{
        PgUrl,
        answers::question,
        psql::{Waiting, ask, execute, quote_name},
        refusal::server_message,
        tools::{Tool, Tools},
    },
    new_database::{DROP, LOCK, REPLACED, RESTORING, no_sessions, no_template},
    target::RestoreTarget,
};
use crate::{
    source::{CleanedUp, RestoreChoices, SourceError, stopper::Stopper},
    text,
    text::Text,
};

/// A database that a restore created or renamed.
#[derive(Deserialize)]
struct LeftOver {
    name: String,
    /// Whether its restore is still running, or it has connections.
    in_use: bool,
}

/// Databases of restores on a server, as rows of name and whether they are in use. Written for a `search_path` of
/// `pg_catalog`. A running restore holds an advisory lock under the database's number, which everyone can see.
pub(in super::super) fn rows() -> String {
    format!(
        "SELECT d.datname AS name,
                EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                           AND l.classid::bigint = {LOCK}
                           AND l.objid::bigint = ('x' || right(d.datname::text, 8))::bit(32)::bigint)
             OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend')
                AS in_use
           FROM pg_database d
          WHERE d.datname ~ '^({RESTORING}|{REPLACED})[0-9a-f]{{8}}$' ORDER BY 1"
    )
}

fn left_over(url: &PgUrl, psql: &Tool, stopper: &Stopper) -> Result<Vec<LeftOver>, SourceError> {
    Ok(ask(url, psql, &question("left", &rows()), Waiting::patient(stopper))?.rows("left"))
}

/// A sentence that names what can be cleaned up.
fn sentence(names: &[String]) -> Option<Text> {
    (!names.is_empty()).then(|| {
        text!(
            "an interrupted restore left {names} on this server; `sealkeep restore --clean-up URL` drops it",
            names = names.join(", ")
        )
    })
}

/// Queries it separately.
pub(super) fn found(url: &PgUrl, psql: &Tool, stopper: &Stopper) -> Option<Text> {
    let left = left_over(url, psql, stopper)
        .inspect_err(|error| tracing::debug!(%error, "could not query for leftovers of interrupted restores"))
        .unwrap_or_default();
    let names: Vec<String> = left.into_iter().filter(|left| !left.in_use).map(|left| left.name).collect();
    sentence(&names)
}

/// Drops what aborted restores left on a server; restores in progress are not touched.
///
/// # Errors
/// The server cannot be reached; [`SourceError::Cancelled`].
pub(in super::super) fn clean_up(
    url: &PgUrl,
    tools: &Tools,
    stopper: &Stopper,
) -> Result<CleanedUp, SourceError> {
    let target = RestoreTarget::new(url.clone(), tools.clone(), RestoreChoices::default());
    let psql = tools.newest("psql")?;
    let (maintenance, _) = target.maintenance(&psql, stopper)?;
    let mut done = CleanedUp::default();
    for LeftOver { name, in_use } in left_over(&maintenance, &psql, stopper)? {
        if in_use {
            done.in_use.push(name);
            continue;
        }
        let drop = format!("{}{}{DROP} {};", no_sessions(&name), no_template(&name), quote_name(&name));
        match execute(&maintenance, &psql, &drop, Waiting::patient(stopper)) {
            Ok(()) => done.dropped.push(name),
            Err(SourceError::Cancelled) => return Err(SourceError::Cancelled),
            Err(error) => done.failed.push((name, server_message(&error))),
        }
    }
    Ok(done)
}
