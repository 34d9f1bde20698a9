//! What a database is, before it is dumped.

use super::{
    PgUrl, identity, look, properties,
    psql::ask,
    tools::{Tool, Tools},
};
use crate::{
    event::Warning,
    format::snapshot::{DatabaseIdentity, DatabaseProperties, Table},
    source::SourceError,
};

/// Tables that are listed in a snapshot.
const MAX_TABLES: usize = 10_000;
/// Three kinds of rows: one about the server, one for each table, one for each table that cannot be read. A number of
/// rows is the server's running estimate, then that of its last ANALYZE; an empty file has none.
const QUESTION: &str = "
SET search_path = pg_catalog;
SELECT 'server', current_setting('server_version_num'), current_setting('server_version'),
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
       CASE WHEN has_database_privilege(current_database(), 'CONNECT')
            THEN pg_database_size(current_database()) ELSE 0 END,
       current_database(),
       (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'));
SELECT 'table', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       coalesce(CASE WHEN pg_stat_get_live_tuples(c.oid) > 0 THEN pg_stat_get_live_tuples(c.oid)
                     WHEN c.reltuples > 0 THEN c.reltuples::bigint
                     WHEN pg_relation_size(c.oid) = 0 THEN 0 END::text, '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 2;
SELECT 'unreadable', quote_ident(n.nspname) || '.' || quote_ident(c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
 ORDER BY 2 LIMIT 1000;
";

/// What a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// `15.20`
    pub server_version: String,
    /// Major version.
    pub server_major: u32,
    /// Whether this connection is encrypted.
    pub tls: bool,
    /// The database's name, as the server says it.
    pub database: String,
    /// Its size on the server's disk, bytes.
    pub size: u64,
    /// Tables that the user may read.
    pub readable_tables: u64,
    /// Its tables by name, with about how many rows each has.
    pub tables: Vec<Table>,
    /// Tables and sequences that the user may not read: a dump will fail on them.
    pub unreadable: Vec<String>,
    /// Which database it is.
    pub identity: Option<DatabaseIdentity>,
    /// What it has besides its contents.
    pub properties: Option<DatabaseProperties>,
    /// The pg_dump that suits the server.
    pub dump_tool: Tool,
}

impl Inspection {
    /// What a person should know before a dump.
    #[must_use]
    pub fn warnings(&self, url: &PgUrl) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if !self.unreadable.is_empty() {
            warnings.push(Warning::UnreadableTables(self.unreadable.clone()));
        }
        if !self.tls && !url.is_local() {
            warnings.push(Warning::PlainConnection(url.host().to_owned()));
        }
        warnings
    }
}

/// Connects and looks.
///
/// # Errors
/// [`SourceError`]; [`SourceError::ToolTooOld`] names what is installed.
pub fn inspect_with(url: &PgUrl, tools: &Tools) -> Result<Inspection, SourceError> {
    let psql = tools.newest("psql")?;
    // Asked for first, so that a missing program is not hidden by a server that is away.
    tools.all("pg_dump")?;
    let rows = ask(url, &psql, QUESTION)?;
    let odd = || SourceError::Internal("psql answered something unexpected".into());
    let (mut tables, mut unreadable) = (Vec::new(), Vec::new());
    let mut server = None;
    for row in rows {
        match row.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["server", number, version, tls, size, database, readable] => {
                let major = number.parse::<u32>().map_err(|_| odd())? / 10_000;
                let version = version.split_whitespace().next().unwrap_or_default().to_owned();
                server = Some((
                    major,
                    version,
                    *tls == "t",
                    size.parse().map_err(|_| odd())?,
                    (*database).to_owned(),
                    readable.parse().map_err(|_| odd())?,
                ));
            }
            ["table", name, rows] => {
                if tables.len() < MAX_TABLES {
                    tables.push(Table { name: (*name).to_owned(), rows: rows.parse().ok() });
                }
            }
            ["unreadable", table] => unreadable.push((*table).to_owned()),
            _ => return Err(odd()),
        }
    }
    let (server_major, server_version, tls, size, database, readable_tables) = server.ok_or_else(odd)?;
    let dump_tool = tools.suiting("pg_dump", server_major)?;
    let answers = look::ask(url, &psql, &[identity::questions().concat(), properties::questions().concat()])
        .inspect_err(|error| tracing::warn!(%error, "the database could not be asked what it is"))
        .unwrap_or_default();
    Ok(Inspection {
        server_version,
        server_major,
        tls,
        database,
        size,
        readable_tables,
        tables,
        unreadable,
        identity: identity::read(&answers),
        properties: properties::read(&answers),
        dump_tool,
    })
}
