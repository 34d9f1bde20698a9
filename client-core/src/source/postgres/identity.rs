//! Which database a connection leads to, however its URL is written.

use serde::Deserialize;

use super::{
    PgUrl,
    answers::{Answers, question},
    optional,
    tools::Tools,
};
use crate::{
    format::snapshot::DatabaseIdentity,
    source::{SourceError, stopper::Stopper},
};

#[derive(Deserialize)]
struct Place {
    oid: u32,
    name: String,
    address: Option<String>,
    port: Option<u16>,
    started: Option<i64>,
    data_directory: Option<String>,
}

#[derive(Deserialize)]
struct Cluster {
    system_identifier: i64,
}

/// The system identifier is queried separately: a server may withhold it. A setting that the role may not read yields
/// no row.
pub(super) fn questions() -> [String; 2] {
    [
        question(
            "identity",
            "SELECT d.oid::bigint AS oid, d.datname AS name, host(inet_server_addr()) AS address,
                    inet_server_port() AS port,
                    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS started,
                    (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory
               FROM pg_database d WHERE d.datname = current_database()",
        ),
        question("cluster", "SELECT system_identifier FROM pg_control_system()"),
    ]
}

pub(super) fn read(answers: &Answers) -> Option<DatabaseIdentity> {
    let Place { oid, name, address, port, started, data_directory } = answers.row("identity")?;
    let cluster: Option<Cluster> = answers.row("cluster");
    Some(DatabaseIdentity {
        system_identifier: cluster.map(|cluster| cluster.system_identifier),
        oid,
        name,
        address,
        port,
        started,
        data_directory,
    })
}

/// Connects and asks for the database's identity; `None` if the server does not reveal it.
///
/// # Errors
/// [`SourceError`]: the connection or the authentication failed.
pub fn identify(
    url: &PgUrl,
    tools: &Tools,
    stopper: &Stopper,
) -> Result<Option<DatabaseIdentity>, SourceError> {
    let psql = tools.newest("psql")?;
    let answers = optional::ask(url, &psql, &questions(), stopper, Some(super::INSPECT_TIMEOUT))?;
    Ok(read(&answers))
}
