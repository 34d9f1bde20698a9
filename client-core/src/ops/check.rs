//! Verifies everything stored: history, snapshots, manifests, index, and that the store has every pack with its length;
//! with `read_data` every byte.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api_types::{BackupId, ObjectId, ObjectKind, SnapshotId};
use uuid::Uuid;

use super::{Client, OpenVault, objects::not_served, record::Recorder, restore::read_piece, select::short};
use crate::{
    error::{Error, ErrorKind},
    event::{Event, Stage},
    format::snapshot::SnapshotBody,
    id::ChunkId,
    state::{LogKind, NewRun, RunKind},
    text,
    vault::ChunkReader,
};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stored object at fault.
    pub object: Option<ObjectId>,
    /// What is wrong.
    pub what: String,
    /// Snapshots that cannot be restored completely because of it.
    pub snapshots: Vec<SnapshotId>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(object) = self.object {
            write!(f, "object {object}: ")?;
        }
        write!(f, "{}", self.what)?;
        let snapshots: Vec<String> = self.snapshots.iter().map(|id| short(*id)).collect();
        if snapshots.is_empty() { Ok(()) } else { write!(f, " (needed by {})", snapshots.join(", ")) }
    }
}

/// The impact of a lost index object.
const CACHE: &str = "packs describe themselves, so no snapshot is lost";

/// What was verified.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    /// Snapshots opened.
    pub snapshots: u64,
    /// Packs that they need.
    pub packs: u64,
    /// Chunks listed by their manifests.
    pub chunks: u64,
    /// Sealed bytes read, with `read_data`.
    pub bytes_read: u64,
    /// The problems found.
    pub problems: Vec<Problem>,
}

/// Verifies the whole vault. The run is recorded with its log on this device; damage makes it a failed one.
///
/// # Errors
/// Only what prevents the check: damage is part of the report. A rolled-back or forked history is an error.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn check(client: &Client, read_data: bool) -> Result<CheckReport, Error> {
    let recorder = Recorder::new(client);
    let client = &recorder.client();
    let vault = client.open()?;
    let id = BackupId(Uuid::new_v4());
    let run = NewRun { id, kind: RunKind::Verify, source: None, source_kind: None, target: None };
    let recorded = recorder.begin_anyway(vault.state(), &run);
    let ended = verified(client, vault, read_data).await;
    match &ended {
        Err(error) => {
            let bytes = recorded.bytes();
            recorded.failed(error, bytes);
        }
        Ok(report) => {
            let found = report.problems.iter().map(|problem| (LogKind::Warning, problem.to_string()));
            let bytes = report.bytes_read;
            match report.problems.len() {
                0 => recorded.done(bytes, [], summary(report)),
                _ => recorded.fell_short(ErrorKind::Damaged.as_str(), bytes, found, summary(report)),
            }
        }
    }
    ended
}

fn summary(report: &CheckReport) -> String {
    let problems = match report.problems.len() {
        0 => "no problems".to_owned(),
        1 => "1 problem".to_owned(),
        several => format!("{several} problems"),
    };
    let CheckReport { snapshots, packs, chunks, bytes_read, .. } = report;
    format!(
        "{snapshots} snapshots, {packs} packs, {chunks} chunks, {bytes_read} bytes read: {problems} found"
    )
}

async fn verified(client: &Client, mut vault: OpenVault, read_data: bool) -> Result<CheckReport, Error> {
    vault.sync().await?;
    vault.begin_run();
    let mut report = CheckReport::default();
    let stored = vault.stored_sizes(ObjectKind::Pack).await?;
    let mut needed: BTreeMap<ObjectId, BTreeSet<SnapshotId>> = BTreeMap::new();
    let listed = vault.history().snapshots().to_vec();
    client.observer().event(&Event::Stage(Stage::Check { snapshots: listed.len() as u64 }));

    for snapshot in &listed {
        client.cancelled()?;
        report.snapshots += 1;
        let outcome = match vault.stored_body(snapshot).await {
            Ok(body) => {
                for pack in &body.packs {
                    needed.entry(*pack).or_default().insert(snapshot.id);
                }
                manifest(&vault, snapshot.id, &body, &mut report).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Damaged => report.problems.push(Problem {
                object: Some(snapshot.id),
                what: error.happened().to_owned(),
                snapshots: vec![snapshot.id],
            }),
            Err(error) => return Err(error),
        }
    }
    if read_data {
        for kind in [ObjectKind::Index, ObjectKind::Key] {
            for (id, size) in vault.stored_sizes(kind).await? {
                report.bytes_read += size;
                match vault.fetcher().object(id, kind).await {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Damaged => {
                        let what = format!("{}; {CACHE}", error.happened());
                        report.problems.push(Problem { object: Some(id), what, snapshots: Vec::new() });
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }
    for (id, why) in vault.state().bad_objects()? {
        if report.problems.iter().all(|problem| problem.object != Some(id)) {
            let what = format!("this index object cannot be read: {why}; {CACHE}");
            report.problems.push(Problem { object: Some(id), what, snapshots: Vec::new() });
        }
    }
    report.packs = needed.len() as u64;
    // The service's list is only its claim.
    let packs: Vec<ObjectId> = needed.keys().copied().collect();
    let absent = if read_data { Vec::new() } else { not_served(&vault, &packs).await? };
    let absent: BTreeSet<ObjectId> = absent.into_iter().collect();
    let reader = vault.reader_within(packs);
    for (pack, snapshots) in needed {
        client.cancelled()?;
        let fault = match stored.get(&pack) {
            None => Some("the service no longer has it".to_owned()),
            Some(_) if absent.contains(&pack) => {
                Some("storage does not have it, or not with its length".to_owned())
            }
            Some(_) if !read_data => None,
            Some(size) => {
                report.bytes_read += size;
                client.observer().event(&Event::Checked { bytes: *size });
                read_pack(&vault, &reader, pack).await?
            }
        };
        if let Some(what) = fault {
            let snapshots = snapshots.into_iter().collect();
            report.problems.push(Problem { object: Some(pack), what, snapshots });
        }
    }
    Ok(report)
}

/// Every chunk in a manifest must be in a pack that the snapshot names.
async fn manifest(
    vault: &OpenVault,
    id: SnapshotId,
    body: &SnapshotBody,
    report: &mut CheckReport,
) -> Result<(), Error> {
    let reader = vault.chunk_reader(body);
    let packs: BTreeSet<&ObjectId> = body.packs.iter().collect();
    let (mut bytes, mut outside) = (0_u64, Vec::new());
    for piece in &body.manifest {
        for entry in read_piece(&reader, piece.chunk_id).await? {
            report.chunks += 1;
            bytes += u64::from(entry.plain_len);
            match vault.state().locate(&entry.chunk_id)? {
                None => outside.push(Outside { chunk: entry.chunk_id, found_in: None, needs: None }),
                Some(place) => {
                    let copied_from = vault.state().pack_ids(&place.copied_from)?;
                    let needs = copied_from.into_iter().chain([place.pack]).find(|p| !packs.contains(p));
                    if needs.is_some() {
                        outside.push(Outside { chunk: entry.chunk_id, found_in: Some(place.pack), needs });
                    }
                }
            }
        }
    }
    drop_stored_elsewhere(vault, body, &mut outside).await?;
    let mut lost = HashMap::<Option<ObjectId>, (u64, ChunkId)>::new();
    for Outside { chunk, needs, .. } in outside {
        lost.entry(needs).or_insert((0, chunk)).0 += 1;
    }
    for (pack, (chunks, first)) in lost {
        report.problems.push(Problem {
            object: pack,
            what: match pack {
                None => format!("{chunks} chunks, {first} the first, are in no index"),
                Some(_) => {
                    format!("{chunks} chunks, {first} the first, need a pack the snapshot does not name")
                }
            },
            snapshots: vec![id],
        });
    }
    if bytes == body.stored_size() {
        Ok(())
    } else {
        Err(Error::damaged(text!(
            "the manifest lists {bytes} bytes instead of {expected}",
            bytes,
            expected = body.stored_size()
        )))
    }
}

/// A chunk that the index places in a pack not named by the snapshot.
struct Outside {
    chunk: ChunkId,
    found_in: Option<ObjectId>,
    /// A needed object that the snapshot does not name.
    needs: Option<ObjectId>,
}

/// When two devices store a chunk at the same time, each has it in a pack of its own, and the index knows only one of
/// them. Drops the chunks that are also in a pack named by the snapshot. Fetches packs only if there are such chunks.
async fn drop_stored_elsewhere(
    vault: &OpenVault,
    body: &SnapshotBody,
    outside: &mut Vec<Outside>,
) -> Result<(), Error> {
    for pack in &body.packs {
        if outside.is_empty() {
            return Ok(());
        }
        if let Ok(open) = vault.packs().get(*pack).await? {
            outside.retain(|chunk| chunk.found_in == Some(*pack) || !open.holds(&chunk.chunk));
        }
    }
    Ok(())
}

/// Reads every record of a pack; returns what is wrong with it.
async fn read_pack(vault: &OpenVault, reader: &ChunkReader, pack: ObjectId) -> Result<Option<String>, Error> {
    let ids: Vec<ChunkId> = match vault.packs().get(pack).await? {
        Err(fault) => return Ok(Some(fault.to_string())),
        Ok(open) => open.directory().iter().map(|entry| entry.chunk_id).collect(),
    };
    for id in ids {
        if let Err(fault) = reader.chunk_in(id, pack).await? {
            return Ok(Some(fault.to_string()));
        }
    }
    Ok(None)
}
