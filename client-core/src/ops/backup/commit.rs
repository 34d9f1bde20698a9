//! index → key file → snapshot → commit. The snapshot exists after the commit, and not before.

use std::collections::{BTreeMap, BTreeSet};

use api_types::{
    ErrorCode, HeadHash, ObjectId, ObjectKind, SnapshotId,
    backup::{Commit, MAX_BATCH},
    envelope::SnapshotEnvelope,
    vault::WrapKind,
};
use bytes::Bytes;
use roaring::RoaringBitmap;
use sha2::Digest;

use super::{
    super::objects::not_served,
    OpenVault, PACKS_PER_SEGMENT, Run,
    content_reader::Original,
    moment::moment,
    pipeline::Streamed,
    served,
    upload::{StoredPack, Uploader},
};
use crate::{
    device::Head,
    error::{Error, ErrorKind},
    format::{
        index::{SegmentHeader, seal_segment},
        snapshot::{Origin, Remark, SnapshotBody, Wrapping, heads_hash, pack_set_hash, seal_snapshot},
    },
    state::Evidence,
    text,
};

/// Maximum number of packs that an answer may report missing.
const MAX_MISSING: usize = 1000;
/// Maximum number of them named in an error.
const MAX_NAMED: usize = 10;

/// A complete dump.
pub(super) struct Finished<'a> {
    pub(super) uploader: Uploader,
    pub(super) streamed: &'a Streamed,
    pub(super) original: &'a Original,
    pub(super) stored: &'a [StoredPack],
    pub(super) reused: BTreeSet<ObjectId>,
    pub(super) remarks: &'a [Remark],
}

/// The committed result.
pub(super) struct Outcome {
    pub(super) snapshot: SnapshotId,
    pub(super) source_name: String,
    pub(super) bytes_uploaded: u64,
}

pub(super) async fn commit(run: Run<'_>, finished: Finished<'_>) -> Result<Outcome, Error> {
    let Finished { uploader, streamed, original, stored, reused, remarks } = finished;
    let Original { complete, unwrapped, differs } = original;
    let (bytes_read, dump_sha256) = differs.unwrap_or((streamed.read.bytes, streamed.read.sha256));
    let Run { client, vault, backup, source, name, kind, claim, .. } = run;
    let mut bytes_uploaded: u64 = stored.iter().map(|pack| pack.size).sum();

    let mut needed: BTreeMap<ObjectId, u32> = stored.iter().map(|pack| (pack.id, pack.number)).collect();
    needed.extend(numbers(vault, reused).await?);
    served::verify_random_pack(vault, stored).await?;

    let header =
        SegmentHeader { vault: vault.id(), domain: vault.keys().domain_id(), device: vault.device_id() };
    loop {
        let packs = vault.state().packs_without_segment(PACKS_PER_SEGMENT)?;
        if packs.is_empty() {
            break;
        }
        let segment = seal_segment(&header, vault.keys().index_key(), vault.device_key(), &packs)?;
        let size = segment.bytes.len() as u64;
        bytes_uploaded += size;
        let number = uploader.put(ObjectKind::Index, segment.id, Bytes::from(segment.bytes)).await?;
        vault.state().segment_stored(segment.id, number, size, &packs)?;
    }
    bytes_uploaded += store_key_file(vault, &uploader).await?;

    let pack_ids: Vec<ObjectId> = needed.keys().copied().collect();
    let heads = vault.history().heads().clone();
    let body = SnapshotBody {
        source_kind: kind.to_owned(),
        source_name: name.clone(),
        source_detail: complete.detail.clone(),
        origin: Origin { carries_on: claim.confirmed, ..complete.origin.clone() },
        tool: complete.tool_line(),
        format: complete.format.clone(),
        verified_end: complete.verified_end,
        remarks: remarks.to_vec(),
        needs: complete.needs.clone(),
        tables: complete.tables.clone(),
        domain: vault.keys().domain_id(),
        manifest: streamed.stored.manifest.clone(),
        plain_size: bytes_read,
        dump_sha256,
        unwrapped: (unwrapped.plan_len > 0)
            .then_some(Wrapping { stored_size: streamed.read.bytes, plan_len: unwrapped.plan_len }),
        chunks: streamed.stored.chunks,
        chunks_new: streamed.stored.chunks_new,
        bytes_stored: bytes_uploaded,
        packs: pack_ids.clone(),
        heads: heads.clone(),
        host: client.host_name(),
    };
    let sealed = body.seal(vault.id(), vault.keys().epoch(), vault.keys().recipients())?;
    let own = heads.get(&vault.device_id()).copied();
    let directory = vault.directory().pin();
    let envelope = SnapshotEnvelope {
        vault: vault.id(),
        source,
        device: vault.device_id(),
        sequence: own.map_or(0, |head| head.sequence + 1),
        previous: own.map_or(HeadHash::new([0; 32]), |head| head.hash),
        body_hash: api_types::Sha256::new(sha2::Sha256::digest(&sealed).into()),
        body_len: sealed.len() as u64,
        pack_set_hash: pack_set_hash(&pack_ids),
        epoch: vault.keys().epoch(),
        created: moment(vault.history(), vault.device_id(), client.now())?.created,
        directory_len: directory.len,
        directory_hash: directory.hash,
        heads_hash: heads_hash(&heads),
    };
    let object = seal_snapshot(&envelope, vault.device_key(), &sealed)?;
    bytes_uploaded += object.bytes.len() as u64;
    let (snapshot, head) = (object.id, object.head);
    uploader.put(ObjectKind::Snapshot, snapshot, Bytes::from(object.bytes)).await?;

    client.cancelled()?;
    let mut packs = Vec::new();
    needed
        .values()
        .copied()
        .collect::<RoaringBitmap>()
        .serialize_into(&mut packs)
        .map_err(|e| Error::internal("the pack set", &e))?;
    let head_hash = head.head_hash();
    let request = Commit { snapshot_id: snapshot, head, packs: packs.into(), bytes_read };
    if let Err(error) = vault.api().commit(vault.id(), backup, request).await {
        return Err(refused(vault, &needed, error).await?);
    }
    vault.remember_head(Head { sequence: envelope.sequence, hash: head_hash }, snapshot)?;
    vault.state().finish_run(backup, Some(snapshot), bytes_read, client.now())?;
    vault.state().prove(&snapshot, Evidence::Listed, client.now())?;
    Ok(Outcome { snapshot, source_name: name, bytes_uploaded })
}

/// Looks up the service's numbers of packs that other devices stored: the index does not have them.
async fn numbers(vault: &OpenVault, packs: BTreeSet<ObjectId>) -> Result<BTreeMap<ObjectId, u32>, Error> {
    let (mut found, mut unknown) = (BTreeMap::new(), Vec::new());
    for pack in packs {
        match vault.state().pack_number(&pack)? {
            Some(number) => {
                found.insert(pack, number);
            }
            None => unknown.push(pack),
        }
    }
    for batch in unknown.chunks(MAX_BATCH) {
        let grants = vault.api().read_urls(vault.id(), batch.to_vec()).await?;
        found.extend(grants.into_iter().map(|grant| (grant.object.id, grant.object.number)));
        let missing: Vec<ObjectId> = batch.iter().filter(|pack| !found.contains_key(pack)).copied().collect();
        if !missing.is_empty() {
            return Err(lost(vault, &missing).await?);
        }
    }
    Ok(found)
}

/// Packs that the service reports missing and this snapshot needs.
async fn refused(
    vault: &OpenVault,
    needed: &BTreeMap<ObjectId, u32>,
    error: crate::api::ApiError,
) -> Result<Error, Error> {
    if error.code() != Some(ErrorCode::MissingObjects) {
        return Ok(error.into());
    }
    let missing: BTreeSet<ObjectId> =
        error.objects().iter().take(MAX_MISSING).filter(|id| needed.contains_key(id)).copied().collect();
    lost(vault, &missing.into_iter().collect::<Vec<_>>()).await
}

/// Removes packs that the store no longer serves from the index, so that the next run stores them again.
async fn lost(vault: &OpenVault, missing: &[ObjectId]) -> Result<Error, Error> {
    let gone = not_served(vault, missing).await?;
    if gone.is_empty() {
        return Ok(Error::new(
            ErrorKind::ServiceError(ErrorCode::MissingObjects),
            text!(
                "the service rejected the snapshot because of missing objects, but the storage has all of them"
            ),
            "no snapshot was created; earlier snapshots are untouched, and nothing was uploaded again",
            "run the backup again; if it fails again, ask the service's operator",
        ));
    }
    vault.state().forget_packs(&gone)?;
    let names: Vec<String> = gone.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    Ok(Error::new(
        ErrorKind::Damaged,
        text!(
            "packs that this backup depends on are missing from storage ({number}): {names}",
            number = gone.len(),
            names = names.join(", ")
        ),
        "no snapshot was created; earlier snapshots that need these packs are damaged",
        "run the backup again: it stores the missing chunks again; then run `sealkeep check`",
    ))
}

/// The keyring sealed with the recovery key is stored in the bucket, too: bucket and words are enough to restore.
async fn store_key_file(vault: &OpenVault, uploader: &Uploader) -> Result<u64, Error> {
    let wrapped = vault.api().key(vault.id(), WrapKind::Recovery).await?;
    let id = ObjectId::new(sha2::Sha256::digest(&wrapped.bytes.0).into());
    if vault.state().knows_object(&id)? {
        return Ok(0);
    }
    let size = wrapped.bytes.0.len() as u64;
    let number = uploader.put(ObjectKind::Key, id, Bytes::from(wrapped.bytes.0)).await?;
    vault.state().remember_object(&id, number, ObjectKind::Key, size)?;
    Ok(size)
}
