//! Which ranges of a dump cannot be read, and which snapshots the same damage affects.

use std::collections::{BTreeMap, BTreeSet};

use api_types::{ObjectId, SnapshotId};

use super::read_piece;
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::SnapshotBody,
    ops::OpenVault,
    text,
    text::{Part, Text, told},
    vault::ChunkFault,
};

/// A range of the dump that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// The damaged object.
    pub pack: Option<ObjectId>,
    /// What is wrong with it.
    pub reason: Text,
    /// Snapshots that need the same pack, this one first.
    pub snapshots: Vec<SnapshotId>,
}

/// Ranges found so far; adjacent ones with the same cause are merged.
#[derive(Debug, Default)]
pub(super) struct Damage {
    ranges: Vec<DamagedRange>,
}

impl Damage {
    pub(super) const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn add(&mut self, start: u64, len: u32, fault: &ChunkFault) {
        let (end, reason) = (start + u64::from(len), fault.fault.text());
        match self.ranges.last_mut() {
            Some(last) if last.end == start && last.pack == fault.pack && last.reason == reason => {
                last.end = end;
            }
            _ => {
                self.ranges.push(DamagedRange { start, end, pack: fault.pack, reason, snapshots: Vec::new() })
            }
        }
    }

    /// Adds every later range of the dump that needs the same pack. Reads only chunks whose copies may depend on it.
    pub(super) async fn add_rest(
        &mut self,
        vault: &OpenVault,
        body: &SnapshotBody,
        from: u64,
        fault: &ChunkFault,
    ) -> Result<(), Error> {
        let Some(pack) = fault.pack else { return Ok(()) };
        let reader = vault.chunk_reader(body);
        let mut position = 0;
        for piece in &body.manifest {
            for entry in read_piece(&reader, piece.chunk_id).await? {
                let needs = if position > from { reader.packs_of(&entry.chunk_id)? } else { Vec::new() };
                if needs.last() == Some(&pack) {
                    self.add(position, entry.plain_len, fault);
                } else if needs.contains(&pack)
                    && let Err(fault) = reader.chunk(entry.chunk_id).await?
                {
                    self.add(position, entry.plain_len, &fault);
                }
                position += u64::from(entry.plain_len);
            }
        }
        Ok(())
    }

    /// The ranges, each with the snapshots affected through its pack.
    pub(super) async fn ranges(mut self, vault: &OpenVault, this: SnapshotId) -> Vec<DamagedRange> {
        let packs: BTreeSet<ObjectId> = self.ranges.iter().filter_map(|r| r.pack).collect();
        let touched = if packs.is_empty() { BTreeMap::new() } else { vault.snapshots_with(&packs).await };
        for range in &mut self.ranges {
            range.snapshots.push(this);
            if let Some(others) = range.pack.and_then(|pack| touched.get(&pack)) {
                range.snapshots.extend(others.iter().filter(|id| **id != this));
            }
        }
        self.ranges
    }

    pub(super) async fn into_error(self, vault: &OpenVault, this: SnapshotId) -> Error {
        let ranges = self.ranges(vault, this).await;
        let list = ranges.iter().map(DamagedRange::text).collect();
        Error::new(
            ErrorKind::Damaged,
            text!("stored data of snapshot {this} is damaged: {list}", this, list = Part::List(list, "; ")),
            "nothing was written; snapshots that do not need these packs are intact",
            "restore another snapshot, or add --partial to write everything else; `sealkeep check --read-data` lists all damage",
        )
    }
}

told!(DamagedRange);

impl DamagedRange {
    fn text(&self) -> Text {
        let short = |id: &SnapshotId| id.to_string().chars().take(12).collect::<String>();
        let snapshots = self.snapshots.iter().map(short).collect::<Vec<_>>().join(", ");
        let Self { start, end, reason, .. } = self;
        match self.pack {
            Some(pack) => text!(
                "bytes {start}–{end} in pack {pack} ({reason}), needed by {snapshots}",
                start,
                end,
                pack,
                reason,
                snapshots
            ),
            None => {
                text!("bytes {start}–{end} ({reason}), needed by {snapshots}", start, end, reason, snapshots)
            }
        }
    }
}
