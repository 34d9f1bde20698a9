//! Snapshots, and how thoroughly they were verified.

use api_types::{Sha256, SnapshotId};
use client_core::ops::{
    details::{Comparison, Details, Presence, Table, TableChange},
    list::{Evidence, Mark, Proven, SnapshotSummary},
    select::short,
};
use serde::Serialize;

/// How thoroughly a snapshot was verified. Each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum EvidenceView {
    /// All its objects are stored.
    Listed,
    /// They have the expected hashes.
    Hashed,
    /// Every byte was decrypted, and the dump's SHA-256 matched.
    Opened,
    /// It was restored.
    Restored,
}

/// How well a snapshot is proven, and since when.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ProvenView {
    /// The level of evidence.
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

/// A warning shown with a snapshot in every list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum MarkView {
    /// Less than a tenth of its source's usual size.
    Smaller,
    /// Another format than the previous snapshot.
    OtherFormat,
    /// The file changed while it was read.
    ChangedWhileRead,
    /// The format is unknown, so nothing shows whether the dump is complete.
    UnknownFormat,
    /// The format does not mark its end.
    EndNotChecked,
}

impl From<Mark> for MarkView {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Smaller => Self::Smaller,
            Mark::OtherFormat => Self::OtherFormat,
            Mark::ChangedWhileRead => Self::ChangedWhileRead,
            Mark::UnknownFormat => Self::UnknownFormat,
            Mark::EndNotChecked => Self::EndNotChecked,
        }
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
    /// The abbreviated id, as accepted by the CLI.
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
    /// Hash of the dump.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) sha256: Sha256,
    /// The device that created it.
    pub(crate) device_name: String,
    /// The program that made the dump.
    pub(crate) tool: String,
    /// What the user should know before choosing it.
    pub(crate) marks: Vec<MarkView>,
    /// How thoroughly it was verified.
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
            marks: snapshot.marks.iter().map(|mark| MarkView::from(*mark)).collect(),
            proven: snapshot.proven.map(ProvenView::from),
        }
    }
}

/// A table and its approximate number of rows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct TableView {
    /// With its schema.
    pub(crate) name: String,
    /// The database's own estimate.
    pub(crate) rows: Option<u64>,
}

impl From<Table> for TableView {
    fn from(table: Table) -> Self {
        Self { name: table.name, rows: table.rows }
    }
}

/// The details of one snapshot. Its signature and its place in its device's chain have been verified.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct DetailsView {
    /// Bytes of the dump.
    pub(crate) bytes: u64,
    /// Bytes that it added to the bucket.
    pub(crate) bytes_stored: u64,
    /// Server and database, or file.
    pub(crate) origin: String,
    /// Whether the dump's end was verified.
    pub(crate) verified_end: bool,
    /// How long it took, seconds; known only on the device that created it.
    pub(crate) seconds: Option<u64>,
    /// Chunks of the dump.
    pub(crate) chunks: u64,
    /// Of these, chunks that this snapshot added.
    pub(crate) chunks_new: u64,
    /// Packs that a restore reads.
    pub(crate) packs: u64,
    /// Its number in its device's chain, starting at 1.
    pub(crate) number: u64,
    /// Whether the signing device has been revoked since.
    pub(crate) signer_revoked: bool,
    /// By name.
    pub(crate) tables: Vec<TableView>,
}

impl From<Details> for DetailsView {
    fn from(details: Details) -> Self {
        Self {
            bytes: details.bytes,
            bytes_stored: details.bytes_stored,
            origin: details.origin,
            verified_end: details.verified_end,
            seconds: details.seconds,
            chunks: details.chunks,
            chunks_new: details.chunks_new,
            packs: details.packs,
            number: details.number,
            signer_revoked: details.signer_revoked,
            tables: details.tables.into_iter().map(TableView::from).collect(),
        }
    }
}

/// A table that differs between two snapshots.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct TableChangeView {
    /// With its schema.
    pub(crate) name: String,
    /// Only in the newer one.
    pub(crate) came: bool,
    /// Only in the older one.
    pub(crate) went: bool,
    /// Approximate number of rows before.
    pub(crate) rows_before: Option<u64>,
    /// Approximate number of rows after.
    pub(crate) rows_after: Option<u64>,
}

impl From<TableChange> for TableChangeView {
    fn from(change: TableChange) -> Self {
        let rows = |presence| match presence {
            Presence::Rows(rows) => rows,
            Presence::Absent => None,
        };
        Self {
            name: change.name,
            came: change.before == Presence::Absent,
            went: change.after == Presence::Absent,
            rows_before: rows(change.before),
            rows_after: rows(change.after),
        }
    }
}

/// The differences between two snapshots.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ComparisonView {
    /// The older one.
    pub(crate) before: DetailsView,
    /// The newer one.
    pub(crate) after: DetailsView,
    /// Tables that differ, by name.
    pub(crate) tables: Vec<TableChangeView>,
}

impl From<Comparison> for ComparisonView {
    fn from(comparison: Comparison) -> Self {
        Self {
            before: comparison.before.into(),
            after: comparison.after.into(),
            tables: comparison.tables.into_iter().map(TableChangeView::from).collect(),
        }
    }
}
