//! Snapshots, opened and verified.

use api_types::{DeviceId, Sha256, SnapshotId};

use super::{Client, OpenVault};
use crate::error::Error;
pub use crate::state::{Evidence, Proven};

/// One snapshot for a person.
#[derive(Debug, Clone)]
pub struct SnapshotSummary {
    /// Its id.
    pub id: SnapshotId,
    /// Its source's name.
    pub source: String,
    /// What kind of source: `postgres`, `file`, `stdin`.
    pub kind: String,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes of the dump.
    pub bytes: u64,
    /// Bytes that it added to the bucket.
    pub bytes_stored: u64,
    /// Of the dump.
    pub sha256: Sha256,
    /// Who made it.
    pub device: DeviceId,
    /// That device's name, or the host's when the device is not listed any more.
    pub device_name: String,
    /// What made the dump.
    pub tool: String,
    /// How well it was proven on this device.
    pub proven: Option<Proven>,
}

/// Newest first; of one source when `source` is given.
///
/// # Errors
/// A history that does not hold, or a snapshot that cannot be opened.
pub async fn snapshots(client: &Client, source: Option<&str>) -> Result<Vec<SnapshotSummary>, Error> {
    let vault = client.open_synced().await?;
    snapshots_of(client, &vault, source).await
}

/// As [`snapshots`], of a vault that is open.
pub(super) async fn snapshots_of(
    client: &Client,
    vault: &OpenVault,
    source: Option<&str>,
) -> Result<Vec<SnapshotSummary>, Error> {
    let evidence = vault.state().evidence()?;
    let mut found = Vec::new();
    for listed in vault.history().snapshots().iter().rev() {
        client.cancelled()?;
        let body = vault.body(listed).await?;
        if source.is_some_and(|name| name != body.source_name) {
            continue;
        }
        found.push(SnapshotSummary {
            id: listed.id,
            source: body.source_name,
            kind: body.source_kind,
            created: listed.envelope.created,
            bytes: body.plain_size,
            bytes_stored: body.bytes_stored,
            sha256: body.dump_sha256,
            device: listed.envelope.device,
            device_name: body.host,
            tool: body.tool,
            proven: evidence.get(&listed.id).copied(),
        });
    }
    Ok(found)
}
