//! The only stage that sees chunks in the dump's order: finds what a new chunk shares with the previous dump, writes
//! the list for the next one, and computes the dump's SHA-256.

use std::collections::BTreeMap;

use api_types::Sha256;
use crossbeam_channel::{Receiver, Sender};
use sha2::Digest;

use super::{
    batch::{Gathering, Work},
    record_lists::RecordLists,
    stage::{Identified, Known, Read, Related, Sources, Store},
};
use crate::{
    error::Error,
    event::{Event, Observer, Warning},
    id::ChunkId,
    records::{ListError, Matcher, Plan, Records, Stored, plan, split},
    vault::UnlockedVault,
};

/// Runs the stage to the end of its chunks.
pub(super) fn relate(
    vault: &UnlockedVault,
    lists: Option<RecordLists>,
    known: &dyn Known,
    observer: &dyn Observer,
    chunks: &Receiver<Result<Identified, Error>>,
    out: &Sender<Result<Work, Error>>,
) -> Read {
    let mut stage = Stage { vault, lists, known, observer };
    let (mut early, mut next) = (BTreeMap::new(), 0);
    let (mut bytes, mut hash) = (0, sha2::Sha256::new());
    let mut gathering = Gathering::default();
    'all: for chunk in chunks {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                drop(out.send(Err(error)));
                break;
            }
        };
        early.insert(chunk.number, chunk);
        while let Some(chunk) = early.remove(&next) {
            next += 1;
            bytes += chunk.plain.len() as u64;
            hash.update(&chunk.plain);
            let ready = match stage.relate(chunk) {
                Ok(related) => gathering.push(related),
                Err(error) => {
                    drop(out.send(Err(error)));
                    break 'all;
                }
            };
            for work in ready {
                if out.send(Ok(work)).is_err() {
                    break 'all; // a later stage failed and reports why
                }
            }
        }
    }
    if let Some(work) = gathering.take() {
        drop(out.send(Ok(work)));
    }
    Read { bytes, sha256: Sha256::new(hash.finalize().into()), lists: stage.lists }
}

struct Stage<'a> {
    vault: &'a UnlockedVault,
    lists: Option<RecordLists>,
    known: &'a dyn Known,
    observer: &'a dyn Observer,
}

impl Stage<'_> {
    fn relate(&mut self, chunk: Identified) -> Result<Related, Error> {
        let Identified { number, id, plain, stored, records } = chunk;
        let len = u32::try_from(plain.len()).map_err(|e| Error::internal("chunk length", &e))?;
        let mut planned = None;
        if let (Some(mut lists), Some(records)) = (self.lists.take(), records) {
            match self.compare(&mut lists, &id, &plain, stored, records) {
                Ok(found) => {
                    planned = found?;
                    self.lists = Some(lists);
                }
                // The new list cannot be written: the backup continues without it, and the old one stays.
                Err(error) => {
                    self.observer.event(&Event::Warning(Warning::RecordListUnusable(error.text())));
                }
            }
        }
        let store = match planned {
            _ if stored => Store::Nothing,
            None => Store::Whole(plain),
            Some((plan, sources)) => Store::Rest(plan, sources),
        };
        Ok(Related { number, id, len, store })
    }

    /// Compares a chunk with the old list and records it in the new one.
    fn compare(
        &self,
        lists: &mut RecordLists,
        id: &ChunkId,
        plain: &[u8],
        stored: bool,
        records: Result<Records, u32>,
    ) -> Result<Result<Option<(Plan, Sources)>, Error>, ListError> {
        let len = plain.len() as u32;
        let records = match records {
            Ok(records) => records,
            Err(row) => {
                let old = self.old(lists, |matcher| {
                    let records = matcher.list().records_of(row)?;
                    let stored = matcher.list().stored(row)?;
                    matcher.skip_past(row)?;
                    Ok((records, stored))
                });
                match old {
                    Some((records, stored)) => {
                        lists.writer.push(&lists.keys, *id, len, &stored, &records)?;
                        return Ok(Ok(None));
                    }
                    None => split(plain, self.vault.gear(), &lists.keys),
                }
            }
        };
        if stored {
            // From an earlier dump, another source, or another device.
            let whole = self.known.is_self_contained(id).unwrap_or(false);
            let stored = if whole { Stored::WHOLE } else { Stored::UNKNOWN };
            lists.writer.push(&lists.keys, *id, len, &stored, &records)?;
            return Ok(Ok(None));
        }
        let planned = if records.hashes.is_empty() {
            None
        } else {
            self.old(lists, |matcher| {
                let found = matcher.find(&records.hashes)?;
                let usable = |id: &ChunkId| self.known.can_copy_from(id).unwrap_or(false);
                plan(id, plain, &records.lens, &found, matcher, usable)
            })
        };
        let planned = match planned.flatten() {
            Some(plan) => match self.known.sources(&plan.recipe.refs) {
                Ok(sources) => sources.map(|sources| (plan, sources)),
                Err(error) => return Ok(Err(error)),
            },
            None => None,
        };
        let stored = planned.as_ref().map_or(&Stored::WHOLE, |(plan, _)| &plan.stored);
        lists.writer.push(&lists.keys, *id, len, stored, &records)?;
        Ok(Ok(planned))
    }

    /// Queries the old list. After a failure it is not queried again; the new one replaces it anyway.
    fn old<T>(
        &self,
        lists: &mut RecordLists,
        ask: impl FnOnce(&mut Matcher) -> Result<T, ListError>,
    ) -> Option<T> {
        match ask(lists.matcher.as_mut()?) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.observer.event(&Event::Warning(Warning::RecordListUnusable(error.text())));
                lists.matcher = None;
                None
            }
        }
    }
}
