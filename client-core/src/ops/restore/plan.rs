//! For a dump that was unwrapped: the plan for reproducing it follows its content.

use super::read_piece;
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::{SnapshotBody, Wrapping},
    text,
    text::ToPart,
    unwrap::{Rewrapper, plan::MAX_PLAN_LEN},
    vault::ChunkReader,
};

/// Reads the plan from the last chunks.
pub(super) async fn rewrapper(
    reader: &ChunkReader,
    body: &SnapshotBody,
    wrapping: &Wrapping,
) -> Result<Rewrapper, Error> {
    let wanted = usize::try_from(wrapping.plan_len).ok().filter(|len| *len <= MAX_PLAN_LEN);
    let wanted = wanted.ok_or_else(|| damaged(&text!("it is too long")))?;
    let mut plan = Vec::new();
    'all: for piece in body.manifest.iter().rev() {
        for entry in read_piece(reader, piece.chunk_id).await?.into_iter().rev() {
            if plan.len() >= wanted {
                break 'all;
            }
            let mut chunk = reader.chunk(entry.chunk_id).await?.map_err(|fault| damaged(&fault))?;
            chunk.append(&mut plan);
            plan = chunk;
        }
    }
    let before = plan.len().checked_sub(wanted).ok_or_else(|| damaged(&text!("it is cut off")))?;
    Rewrapper::new(plan.split_off(before)).map_err(|error| damaged(&error))
}

fn damaged(what: &impl ToPart) -> Error {
    Error::new(
        ErrorKind::Damaged,
        text!("the plan for compressing the dump again cannot be read: {what}", what),
        "nothing was written; the dump's content may be intact",
        "restore another snapshot; `sealkeep check --read-data` lists all damage",
    )
}
