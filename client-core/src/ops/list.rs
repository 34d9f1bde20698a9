//! Lists snapshots, opened and verified.

use std::collections::{BTreeSet, HashMap};

use api_types::{DeviceId, Sha256, SnapshotId};

use super::{Client, OpenVault, select::no_source};
pub use crate::state::{Evidence, Proven};
use crate::{
    error::Error,
    format::snapshot::{Origin, Remark, place_of},
    source::completeness::UNKNOWN,
    text::Text,
};

/// A warning shown with a snapshot in every list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Less than a tenth of its source's usual size.
    Smaller,
    /// Another format than the previous snapshot.
    OtherFormat,
    /// The file changed while it was being read.
    ChangedWhileRead,
    /// The format is unknown, so nothing shows whether the dump is complete.
    UnknownFormat,
    /// The format is known but does not mark its end.
    EndNotChecked,
}

impl Mark {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smaller => "smaller_than_usual",
            Self::OtherFormat => "other_format",
            Self::ChangedWhileRead => "changed_while_read",
            Self::UnknownFormat => "unknown_format",
            Self::EndNotChecked => "end_not_checked",
        }
    }

    /// The text shown to users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Smaller => "smaller than usual",
            Self::OtherFormat => "different format than before",
            Self::ChangedWhileRead => "changed while being read",
            Self::UnknownFormat => "unknown format",
            Self::EndNotChecked => "completeness not verifiable",
        }
    }
}

/// The marks that a dump deserves.
pub(super) fn marks(remarks: &[Remark], format: &str, verified_end: bool) -> Vec<Mark> {
    let mut marks: Vec<Mark> = remarks
        .iter()
        .map(|remark| match remark {
            Remark::Smaller => Mark::Smaller,
            Remark::OtherFormat => Mark::OtherFormat,
            Remark::ChangedWhileRead => Mark::ChangedWhileRead,
        })
        .collect();
    if format.ends_with(UNKNOWN) {
        marks.push(Mark::UnknownFormat);
    } else if !verified_end {
        marks.push(Mark::EndNotChecked);
    }
    marks
}

/// One snapshot, for display.
#[derive(Debug, Clone)]
pub struct SnapshotSummary {
    /// Its id.
    pub id: SnapshotId,
    /// Its source's name.
    pub source: String,
    /// What kind of source: `postgres`, `file`, `stdin`.
    pub kind: String,
    /// Where the source was: `host:port/database`, or a path.
    pub place: String,
    /// The source's own identity.
    pub origin: Origin,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes of the dump.
    pub bytes: u64,
    /// Bytes that it added to the bucket.
    pub bytes_stored: u64,
    /// Of the dump.
    pub sha256: Sha256,
    /// The device that created it.
    pub device: DeviceId,
    /// That device's name. If the service no longer lists the device: its host name followed by `(host)`.
    pub device_name: String,
    /// The program that made the dump.
    pub tool: String,
    /// The dump's format, from the outermost layer inwards.
    pub format: String,
    /// Whether the dump's end was verified.
    pub verified_end: bool,
    /// What the user should know before choosing it.
    pub marks: Vec<Mark>,
    /// How thoroughly it was verified on this device.
    pub proven: Option<Proven>,
}

/// A snapshot whose signed head is valid but whose body cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Its source's name, if another snapshot of the source reveals it.
    pub source: Option<String>,
    /// Seconds since 1970.
    pub created: i64,
    /// The device that created it.
    pub device: DeviceId,
    /// That device's name, if the service lists it.
    pub device_name: Option<String>,
    /// The problem.
    pub why: Text,
}

/// The result of a listing.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Newest first.
    pub snapshots: Vec<SnapshotSummary>,
    /// Newest first. Each is damaged on its own and affects no other snapshot.
    pub unreadable: Vec<UnreadableSnapshot>,
}

/// All snapshots, or those of `source`.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::error::ErrorKind::NotFound) for a source that was never backed up; an invalid
/// history. A snapshot that cannot be opened is part of the listing instead.
pub async fn snapshots(client: &Client, source: Option<&str>) -> Result<Listing, Error> {
    let vault = client.open_history().await?;
    snapshots_of(client, &vault, source).await
}

/// Same as [`snapshots`], for an open vault.
pub(super) async fn snapshots_of(
    client: &Client,
    vault: &OpenVault,
    source: Option<&str>,
) -> Result<Listing, Error> {
    let evidence = vault.state().evidence()?;
    let names = device_names(vault).await;
    let mut listed = vault.history().snapshots().to_vec();
    listed.reverse();
    let (mut sources, mut others) = (HashMap::new(), BTreeSet::new());
    let (mut found, mut unreadable) = (Listing::default(), Vec::new());
    for (listed, body) in listed.iter().zip(vault.bodies(&listed).await?) {
        client.cancelled()?;
        let device = listed.envelope.device;
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                unreadable.push((listed, error));
                continue;
            }
        };
        sources.entry(listed.envelope.source).or_insert_with(|| body.source_name.clone());
        if source.is_some_and(|name| name != body.source_name) {
            others.insert(body.source_name);
            continue;
        }
        found.snapshots.push(SnapshotSummary {
            id: listed.id,
            source: body.source_name,
            kind: body.source_kind,
            place: place_of(&body.source_detail).to_owned(),
            origin: body.origin,
            created: listed.envelope.created,
            bytes: body.plain_size,
            bytes_stored: body.bytes_stored,
            sha256: body.dump_sha256,
            device,
            device_name: names.get(&device).cloned().unwrap_or_else(|| format!("{} (host)", body.host)),
            tool: body.tool,
            marks: marks(&body.remarks, &body.format, body.verified_end),
            format: body.format,
            verified_end: body.verified_end,
            proven: evidence.get(&listed.id).copied(),
        });
    }
    for (listed, error) in unreadable {
        let name = sources.get(&listed.envelope.source);
        if source.is_some_and(|wanted| name.is_some_and(|name| name != wanted)) {
            continue;
        }
        found.unreadable.push(UnreadableSnapshot {
            id: listed.id,
            source: name.cloned(),
            created: listed.envelope.created,
            device: listed.envelope.device,
            device_name: names.get(&listed.envelope.device).cloned(),
            why: error.text().clone(),
        });
    }
    match source {
        Some(name) if found.snapshots.is_empty() && found.unreadable.is_empty() => {
            Err(no_source(name, &others))
        }
        _ => Ok(found),
    }
}

/// Device names from the service. Lists are shown even if it does not provide them.
pub(super) async fn device_names(vault: &OpenVault) -> HashMap<DeviceId, String> {
    match vault.api().devices(vault.id()).await {
        Ok(devices) => devices.into_iter().map(|device| (device.keys.device_id, device.keys.name)).collect(),
        Err(error) => {
            tracing::warn!(%error, "device names could not be read");
            HashMap::new()
        }
    }
}
