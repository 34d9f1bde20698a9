//! The details of one snapshot, and the differences between two.

use std::collections::BTreeMap;

use super::{Client, OpenVault, select::Selector};
use crate::error::Error;
pub use crate::format::snapshot::Table;

/// One snapshot. Its signature and its place in its device's chain have been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Bytes of the dump.
    pub bytes: u64,
    /// Bytes that it added to the bucket.
    pub bytes_stored: u64,
    /// Server and database, or file.
    pub origin: String,
    /// Whether the dump's end was verified.
    pub verified_end: bool,
    /// How long it took, seconds; known only on the device that created it.
    pub seconds: Option<u64>,
    /// Chunks of the dump.
    pub chunks: u64,
    /// Chunks that this snapshot added.
    pub chunks_new: u64,
    /// Packs that a restore reads.
    pub packs: u64,
    /// Its number in its device's chain, starting at 1.
    pub number: u64,
    /// The device has been revoked since.
    pub signer_revoked: bool,
    /// By name; empty if the source has none or they are unknown.
    pub tables: Vec<Table>,
}

/// What changed from an older snapshot to a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The older one.
    pub before: Details,
    /// The newer one.
    pub after: Details,
    /// Tables that were added, removed, or have another number of rows; by name.
    pub tables: Vec<TableChange>,
}

/// A table that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// With its schema.
    pub name: String,
    /// In the older snapshot.
    pub before: Presence,
    /// In the newer snapshot.
    pub after: Presence,
}

/// A table in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is not in the snapshot.
    Absent,
    /// It is, with about this many rows if that is known.
    Rows(Option<u64>),
}

/// Returns the details of a snapshot.
///
/// # Errors
/// An invalid history; no such snapshot; a snapshot that cannot be opened.
pub async fn details(client: &Client, snapshot: &Selector) -> Result<Details, Error> {
    of(&client.open_history().await?, snapshot).await
}

/// Compares two snapshots; the older one comes first, whatever the order of the arguments.
///
/// # Errors
/// Same as [`details`].
pub async fn compare(client: &Client, one: &Selector, other: &Selector) -> Result<Comparison, Error> {
    let vault = client.open_history().await?;
    let created = |listed: &crate::vault::ListedSnapshot| listed.envelope.created;
    let (first, second) = (vault.select(one).await?.0, vault.select(other).await?.0);
    let (before, after) = if created(&first) <= created(&second) { (one, other) } else { (other, one) };
    let (before, after) = (of(&vault, before).await?, of(&vault, after).await?);
    let tables = changes(&before.tables, &after.tables);
    Ok(Comparison { before, after, tables })
}

async fn of(vault: &OpenVault, snapshot: &Selector) -> Result<Details, Error> {
    let (listed, body) = vault.select(snapshot).await?;
    let signer = vault.directory().device(&listed.envelope.device);
    Ok(Details {
        bytes: body.plain_size,
        bytes_stored: body.bytes_stored,
        origin: body.source_detail,
        verified_end: body.verified_end,
        seconds: vault.state().duration(&listed.id)?,
        chunks: body.chunks,
        chunks_new: body.chunks_new,
        packs: body.packs.len() as u64,
        number: listed.envelope.sequence + 1,
        signer_revoked: signer.is_none_or(|device| device.revoked),
        tables: body.tables,
    })
}

fn changes(before: &[Table], after: &[Table]) -> Vec<TableChange> {
    let present = |table: &Table| Presence::Rows(table.rows);
    let mut all: BTreeMap<&str, (Presence, Presence)> =
        before.iter().map(|table| (table.name.as_str(), (present(table), Presence::Absent))).collect();
    for table in after {
        all.entry(&table.name).or_insert((Presence::Absent, Presence::Absent)).1 = present(table);
    }
    all.into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|(name, (before, after))| TableChange { name: name.to_owned(), before, after })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_listed() {
        let table = |name: &str, rows| Table { name: name.into(), rows };
        let before = [table("a", Some(1)), table("b", Some(2)), table("c", None), table("d", Some(4))];
        let after = [table("b", Some(3)), table("c", None), table("d", Some(4)), table("e", None)];
        let found = changes(&before, &after);
        let change = |name: &str, before, after| TableChange { name: name.into(), before, after };
        assert_eq!(
            found,
            [
                change("a", Presence::Rows(Some(1)), Presence::Absent),
                change("b", Presence::Rows(Some(2)), Presence::Rows(Some(3))),
                change("e", Presence::Absent, Presence::Rows(None)),
            ]
        );
    }
}
