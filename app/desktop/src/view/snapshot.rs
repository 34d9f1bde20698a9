//! Snapshots, and how well they are proven.

use api_types::{Sha256, SnapshotId};
use client_core::ops::{
    list::{Evidence, Proven, SnapshotSummary},
    select::short,
};
use serde::Serialize;

/// How well a snapshot is proven. Each contains the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum EvidenceView {
    /// All its objects are stored.
    Listed,
    /// They have the hashes that they should have.
    Hashed,
    /// Every byte was decrypted, and the dump's SHA-256 held.
    Opened,
    /// It was restored.
    Restored,
}

/// A proof and its time.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ProvenView {
    /// Which.
    pub(crate) evidence: EvidenceView,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

impl From<Proven> for ProvenView {
    fn from(proven: Proven) -> Self {
        let evidence = match proven.evidence {
            Evidence::Listed => EvidenceView::Listed,
            Evidence::Hashed => EvidenceView::Hashed,
            Evidence::Opened => EvidenceView::Opened,
            Evidence::Restored => EvidenceView::Restored,
        };
        Self { evidence, at: proven.at }
    }
}

/// One snapshot.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SnapshotView {
    /// Its id.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) id: SnapshotId,
    /// The id's beginning, as the command takes it.
    pub(crate) short_id: String,
    /// Its source's name.
    pub(crate) source: String,
    /// `postgres`, `file` or `stdin`.
    pub(crate) kind: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// Bytes of the dump.
    pub(crate) bytes: u64,
    /// Bytes that it added to the bucket.
    pub(crate) bytes_stored: u64,
    /// Of the dump.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) sha256: Sha256,
    /// Who made it.
    pub(crate) device_name: String,
    /// What made the dump.
    pub(crate) tool: String,
    /// How well it is proven.
    pub(crate) proven: Option<ProvenView>,
}

impl From<&SnapshotSummary> for SnapshotView {
    fn from(snapshot: &SnapshotSummary) -> Self {
        Self {
            id: snapshot.id,
            short_id: short(snapshot.id),
            source: snapshot.source.clone(),
            kind: snapshot.kind.clone(),
            created: snapshot.created,
            bytes: snapshot.bytes,
            bytes_stored: snapshot.bytes_stored,
            sha256: snapshot.sha256,
            device_name: snapshot.device_name.clone(),
            tool: snapshot.tool.clone(),
            proven: snapshot.proven.map(ProvenView::from),
        }
    }
}
