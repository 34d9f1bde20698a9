//! What is protected, and where.

use std::collections::BTreeMap;

use api_types::SnapshotId;

use super::{
    Account, Client, list,
    list::{Mark, SnapshotSummary},
    source_check,
};
use crate::{error::Error, records};

/// One source.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// What kind of source: `postgres`, `file`, `stdin`.
    pub kind: String,
    /// Where it was at its last backup: `host:port/database`, or a path.
    pub place: String,
    /// How many snapshots it has.
    pub snapshots: u64,
    /// The newest snapshot.
    pub last_id: SnapshotId,
    /// When it was created, seconds since 1970.
    pub last_created: i64,
    /// Bytes of its dump.
    pub last_bytes: u64,
    /// What the user should know about it.
    pub last_marks: Vec<Mark>,
}

/// The status of account, service and sources.
#[derive(Debug, Clone)]
pub struct Status {
    /// The account and device.
    pub account: Account,
    /// The metadata service.
    pub server: String,
    /// Its version.
    pub server_version: String,
    /// Where objects are stored.
    pub storage: String,
    /// By name; two sources of one name are listed separately.
    pub sources: Vec<SourceStatus>,
    /// Snapshots that cannot be opened.
    pub unreadable: Vec<list::UnreadableSnapshot>,
    /// Chunks in the local index.
    pub chunks: u64,
    /// Packs in the local index.
    pub packs: u64,
    /// Bytes of the record lists on this device.
    pub record_lists: u64,
}

/// Queries the service and verifies its answers.
///
/// # Errors
/// Same as opening the vault.
pub async fn status(client: &Client) -> Result<Status, Error> {
    let vault = client.open_history().await?;
    let info = vault.api().service_info().await?;
    let (chunks, packs) = vault.state().index_size()?;
    let list::Listing { snapshots, unreadable } = list::snapshots_of(client, &vault, None).await?;
    let mut named: BTreeMap<(String, String), Vec<SnapshotSummary>> = BTreeMap::new();
    for snapshot in snapshots {
        named.entry((snapshot.source.clone(), snapshot.kind.clone())).or_default().push(snapshot);
    }
    let sources = named.into_values().flat_map(source_check::by_source).filter_map(|snapshots| {
        let last = snapshots.first()?;
        Some(SourceStatus {
            name: last.source.clone(),
            kind: last.kind.clone(),
            place: last.place.clone(),
            snapshots: snapshots.len() as u64,
            last_id: last.id,
            last_created: last.created,
            last_bytes: last.bytes,
            last_marks: last.marks.clone(),
        })
    });
    let sources = sources.collect();
    Ok(Status {
        account: client.account()?,
        server: vault.api().server().to_owned(),
        server_version: info.version,
        storage: vault.storage_origin().to_owned(),
        sources,
        unreadable,
        chunks,
        packs,
        record_lists: records::total_size(client.home()),
    })
}
