//! A local index of any size, for the tests of `state.rs` and for `benches/index.rs`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests and benchmarks")]

use std::{path::Path, time::Instant};

use api_types::{ObjectId, RunId, VaultId};
use client_core::{
    encode::Encoding,
    format::pack::PackEntry,
    id::ChunkId,
    state::{PackKeys, StateDb},
};
use sha2::{Digest, Sha256};

const RUN: RunId = RunId::from_bytes([1; 16]);
const VAULT: VaultId = VaultId::from_bytes([2; 16]);

fn hash(kind: u8, number: u32) -> [u8; 32] {
    Sha256::new().chain_update([kind]).chain_update(number.to_be_bytes()).finalize().into()
}

fn pack(number: u32, chunks: u32) -> (ObjectId, Vec<PackEntry>) {
    let entries = (0..chunks)
        .map(|record_no| PackEntry {
            chunk_id: ChunkId::new(hash(0, number * chunks + record_no)),
            encoding: Encoding::Zstd,
            plain_len: 1 << 20,
            offset: u64::from(record_no) * 300_000,
            sealed_len: 300_000,
            record_no,
        })
        .collect();
    (ObjectId::new(hash(1, number)), entries)
}

pub(crate) fn fill(state: &StateDb, packs: std::ops::Range<u32>, chunks: u32) {
    for number in packs {
        let (id, entries) = pack(number, chunks);
        let packed: Vec<_> = entries.into_iter().map(|entry| (entry, PackKeys::new())).collect();
        state.add_confirmed_pack(RUN, id, number, 1, &packed).unwrap();
    }
}

pub(crate) fn open(home: &Path) -> StateDb {
    StateDb::open(home, VAULT).unwrap().state
}

/// Times adding and looking up `packs` × `chunks`; returns lookups per second.
pub(crate) fn measure(packs: u32, chunks: u32) -> f64 {
    let home = tempfile::tempdir().unwrap();
    let state = open(home.path());
    let begun = Instant::now();
    fill(&state, 0..packs, chunks);
    let added = begun.elapsed();
    let begun = Instant::now();
    let mut found = 0_u32;
    for number in 0..50_000_u32 {
        // Half of them are known, spread over the whole table.
        let wanted = number.wrapping_mul(2_654_435_761) % (packs * chunks * 2);
        let place = state.locate(&ChunkId::new(hash(0, wanted))).unwrap();
        assert_eq!(place.is_some(), wanted < packs * chunks);
        found += u32::from(place.is_some());
    }
    assert!(found > 20_000);
    let rate = 50_000.0 / begun.elapsed().as_secs_f64();
    let size: u64 =
        std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    eprintln!(
        "{} chunks: added in {added:?}, {rate:.0} lookups a second, {size} bytes, {peak}",
        packs * chunks
    );
    rate
}
