//! Inspects a database before it is dumped.

use serde::Deserialize;

use super::{
    INSPECT_TIMEOUT, PgUrl,
    answers::{Answers, question},
    identity, optional, pooler, properties,
    refusal::may_be_about_options,
    restore,
    tools::{Tool, Tools},
};
use crate::{
    event::Warning,
    format::snapshot::{DatabaseIdentity, DatabaseProperties, Table},
    source::{SourceError, stopper::Stopper},
};

/// Maximum number of tables listed in a snapshot.
const MAX_TABLES: usize = 10_000;
/// Session settings, as options of the connection, so that they apply from the start whatever is set for role and
/// database. A vanished peer is noticed within two minutes (30 + 6 × 10 seconds); the time limit for unacknowledged
/// data is off, so that a dump can be paused. Text is written the way every restore reads it.
const OPTIONS: &str = "-c sealkeep.direct=1 -c client_min_messages=warning -c standard_conforming_strings=on -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6";

/// The findings about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// `15.20`
    pub server_version: String,
    /// Major version.
    pub server_major: u32,
    /// Whether this connection is encrypted.
    pub tls: bool,
    /// The database's name according to the server.
    pub database: String,
    /// Its size on the server's disk, bytes.
    pub size: u64,
    /// Tables that the user may read.
    pub readable_tables: u64,
    /// Its tables by name, with their approximate row counts.
    pub tables: Vec<Table>,
    /// Tables and sequences that the user may not read: a dump will fail on them.
    pub unreadable: Vec<String>,
    /// The database's identity.
    pub identity: Option<DatabaseIdentity>,
    /// Its properties, apart from its contents.
    pub properties: Option<DatabaseProperties>,
    /// Databases left by restores that ended without undoing their work.
    pub left_over: Vec<String>,
    /// What could not be determined, as a sentence. The dump does not depend on it.
    pub unknown: Option<String>,
    /// The pg_dump that suits the server.
    pub dump_tool: Tool,
    /// Options for the dump's own session; `None` if a pooler does not accept them.
    pub(super) options: Option<String>,
}

impl Inspection {
    /// What the user should know before a dump.
    #[must_use]
    pub fn warnings(&self, url: &PgUrl) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if !self.unreadable.is_empty() {
            warnings.push(Warning::UnreadableTables(self.unreadable.clone()));
        }
        if !self.tls && !url.is_local() {
            warnings.push(Warning::PlainConnection(url.host().to_owned()));
        }
        if !self.left_over.is_empty() {
            warnings.push(Warning::LeftOver(self.left_over.join(", ")));
        }
        if let Some(remark) = &self.unknown {
            warnings.push(Warning::FactsUnknown(remark.clone()));
        }
        warnings
    }
}

#[derive(Deserialize)]
struct Restoring {
    name: String,
    in_use: bool,
}

#[derive(Deserialize)]
struct Server {
    number: u32,
    version: String,
    tls: Option<bool>,
    name: String,
    direct: Option<String>,
}

#[derive(Deserialize)]
struct Size {
    bytes: u64,
}

#[derive(Deserialize)]
struct Readable {
    tables: u64,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Counted {
    name: String,
    rows: Option<u64>,
}

/// Answered without locks, from the catalog's first pages only.
fn server() -> String {
    question(
        "server",
        "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
                (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls, current_database() AS name,
                current_setting('sealkeep.direct', true) AS direct",
    )
}

/// Queries that may be slow or wait: locked tables are not asked for their size. A row count is the server's running
/// estimate, else that of the last ANALYZE; an empty file has none.
fn details() -> [String; 5] {
    const OWN: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    const NOT_OF_AN_EXTENSION: &str =
        "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                                                     AND d.objid = c.oid AND d.deptype = 'e')";
    const MAY_READ: &str = "(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))";
    const RELATIONS: &str = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";
    [
        question("restoring", &restore::left_over_rows()),
        question(
            "unreadable",
            &format!(
                "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name {RELATIONS}
                  WHERE c.relkind IN ('r', 'p', 'm', 'S') AND {OWN} AND {NOT_OF_AN_EXTENSION} AND NOT {MAY_READ}
                  ORDER BY 1 LIMIT 1000"
            ),
        ),
        question(
            "readable",
            &format!(
                "SELECT count(*) AS tables {RELATIONS} WHERE c.relkind IN ('r', 'p', 'm') AND {OWN} AND {MAY_READ}"
            ),
        ),
        question(
            "table",
            &format!(
                "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
                        CASE WHEN pg_stat_get_live_tuples(c.oid) > 0 THEN pg_stat_get_live_tuples(c.oid)
                             WHEN c.reltuples > 0 THEN c.reltuples::bigint
                             WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid
                                             AND l.mode = 'AccessExclusiveLock') THEN NULL
                             WHEN pg_relation_size(c.oid) = 0 THEN 0 END AS rows
                   {RELATIONS} WHERE c.relkind IN ('r', 'm') AND {OWN} AND {NOT_OF_AN_EXTENSION}
                  ORDER BY 1 LIMIT {MAX_TABLES}"
            ),
        ),
        question(
            "size",
            "SELECT pg_database_size(current_database()) AS bytes
              WHERE has_database_privilege(current_database(), 'CONNECT')",
        ),
    ]
}

/// Connects and inspects. A failed or slow inspection does not prevent a dump: see [`Inspection::unknown`].
///
/// # Errors
/// [`SourceError`]; [`SourceError::ToolTooOld`] names what is installed; [`SourceError::Pooler`].
pub fn inspect_with(url: &PgUrl, tools: &Tools, stopper: &Stopper) -> Result<Inspection, SourceError> {
    let psql = tools.newest("psql")?;
    // Checked first, so that an unreachable server does not hide a missing program.
    tools.all("pg_dump")?;
    let mut first = vec![server()];
    first.extend(identity::questions());
    first.extend(properties::questions());
    let wait = Some(INSPECT_TIMEOUT);
    let own = url.with_options(OPTIONS);
    let (answers, mut session) = match optional::ask(&own, &psql, &first, stopper, wait) {
        Err(error) if may_be_about_options(&error) => {
            (optional::ask(url, &psql, &first, stopper, wait)?, url)
        }
        answers => (answers?, &own),
    };
    let Server { number, version, tls, name, direct } =
        answers.row("server").ok_or_else(|| SourceError::QueryFailed {
            place: url.place(),
            detail: answers.remark.clone().unwrap_or_else(|| "the server did not say its version".into()),
            state: None,
        })?;
    if direct.is_none() {
        pooler::refuse_shared(url, &psql, stopper)?;
        session = url;
    }
    let server_major = number / 10_000;
    let dump_tool = tools.suiting("pg_dump", server_major)?;
    let asked = optional::ask(session, &psql, &details(), stopper, wait);
    if matches!(asked, Err(SourceError::Cancelled)) {
        return Err(SourceError::Cancelled);
    }
    let details = asked.unwrap_or_else(|error| Answers::failed(error.to_string()));
    let remarks: Vec<String> = [&answers, &details].into_iter().filter_map(|a| a.remark.clone()).collect();
    Ok(Inspection {
        server_version: version.split_whitespace().next().unwrap_or_default().to_owned(),
        server_major,
        tls: tls.unwrap_or_default(),
        database: name,
        size: details.row::<Size>("size").map_or(0, |size| size.bytes),
        readable_tables: details.row::<Readable>("readable").map_or(0, |readable| readable.tables),
        tables: details
            .rows("table")
            .into_iter()
            .map(|Counted { name, rows }| Table { name, rows })
            .collect(),
        unreadable: details.rows("unreadable").into_iter().map(|Name { name }| name).collect(),
        left_over: details
            .rows::<Restoring>("restoring")
            .into_iter()
            .filter(|found| !found.in_use)
            .map(|found| found.name)
            .collect(),
        identity: identity::read(&answers),
        properties: properties::read(&answers),
        unknown: (!remarks.is_empty()).then(|| remarks.join("; ")),
        dump_tool,
        options: direct.map(|_| dump_options(server_major)),
    })
}

/// For the dump's own session: from 14 on, a vanished client is noticed even while it waits for a lock. Never times
/// out.
fn dump_options(major: u32) -> String {
    let mut options = OPTIONS.to_owned();
    if major >= 12 {
        options.push_str(" -c tcp_user_timeout=0");
    }
    if major >= 14 {
        options.push_str(" -c client_connection_check_interval=10s -c idle_session_timeout=0");
    }
    if major >= 17 {
        options.push_str(" -c transaction_timeout=0");
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_gets_only_options_that_its_version_supports() {
        assert!(!dump_options(11).contains("tcp_user_timeout"));
        assert!(!dump_options(13).contains("client_connection_check_interval"));
        assert!(!dump_options(16).contains("transaction_timeout=0 -c tran"));
        assert!(dump_options(17).ends_with("-c transaction_timeout=0"));
    }
}
