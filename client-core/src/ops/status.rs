//! What is protected, and by what.

use std::collections::BTreeMap;

use api_types::SnapshotId;

use super::{Account, Client, list};
use crate::{error::Error, records};

/// One source.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// How many snapshots it has.
    pub snapshots: u64,
    /// The newest.
    pub last_id: SnapshotId,
    /// When, seconds since 1970.
    pub last_created: i64,
    /// Bytes of its dump.
    pub last_bytes: u64,
}

/// The whole picture.
#[derive(Debug, Clone)]
pub struct Status {
    /// Who and where.
    pub account: Account,
    /// The metadata service.
    pub server: String,
    /// Its version.
    pub server_version: String,
    /// Where objects are stored.
    pub storage: String,
    /// By name.
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

/// Asks the service and verifies what it says.
///
/// # Errors
/// As opening the vault.
pub async fn status(client: &Client) -> Result<Status, Error> {
    let vault = client.open_history().await?;
    let info = vault.api().service_info().await?;
    let (chunks, packs) = vault.state().index_size()?;
    let mut sources: BTreeMap<String, SourceStatus> = BTreeMap::new();
    let list::Listing { snapshots, unreadable } = list::snapshots_of(client, &vault, None).await?;
    for snapshot in snapshots {
        sources
            .entry(snapshot.source.clone())
            .and_modify(|s| s.snapshots += 1)
            // Newest first, so the first one seen is the last one made.
            .or_insert(SourceStatus {
                name: snapshot.source,
                snapshots: 1,
                last_id: snapshot.id,
                last_created: snapshot.created,
                last_bytes: snapshot.bytes,
            });
    }
    Ok(Status {
        account: client.account()?,
        server: vault.api().server().to_owned(),
        server_version: info.version,
        storage: vault.storage_origin().to_owned(),
        sources: sources.into_values().collect(),
        unreadable,
        chunks,
        packs,
        record_lists: records::total_size(client.home()),
    })
}
