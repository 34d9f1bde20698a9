//! Record-level deduplication over generations: whatever happens to the data or to the list, every dump comes back.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use crate::common;

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use api_types::SourceId;
use client_core::{
    chunk::{ChunkerParams, Cutter, GearTable},
    encode::{Compressor, EncodeError, Encoded, Encoding, Op, Opened, Plaintexts, Stretch, decode},
    id::{ChunkId, DomainId},
    records::{ListReader, ListWriter, Matcher, RecordKeys, Stored, plan, split},
};
use common::*;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

const DOMAIN: DomainId = DomainId::from_bytes([3; 16]);

fn source(name: &str) -> SourceId {
    ids().source_id("test", name)
}

/// A vault in memory that handles chunks like a backup does, one after the other.
struct Store {
    keys: Arc<RecordKeys>,
    gear: GearTable,
    chunks: HashMap<ChunkId, Encoded>,
    compressor: Compressor,
    params: ChunkerParams,
}

#[derive(Debug, Default, Clone, Copy)]
struct Report {
    new: usize,
    recipes: usize,
    stored: usize,
    deepest: u16,
}

impl Store {
    fn new() -> Self {
        Self {
            keys: Arc::new(RecordKeys::new(&ids())),
            gear: chunker().gear_table(),
            chunks: HashMap::new(),
            compressor: Compressor::new(3).unwrap(),
            params: ChunkerParams::new(4096, 16_384, 65_536).unwrap(),
        }
    }

    fn list(&self, path: &Path, of: &str) -> Option<ListReader> {
        ListReader::open(path, Arc::clone(&self.keys), DOMAIN, source(of)).ok().flatten()
    }

    /// Stores a dump and returns its chunks; `list` is the source's list, which is read and then replaced.
    fn back_up(&mut self, list: &Path, dump: &[u8]) -> (Vec<ChunkId>, Report) {
        let mut matcher = self.list(list, "shop").and_then(|list| Matcher::new(list).ok());
        let mut writer = ListWriter::create(list, DOMAIN, source("shop")).unwrap();
        let plains: Vec<Vec<u8>> =
            Cutter::new(dump, &self.gear, self.params).map(|chunk| chunk.unwrap().to_vec()).collect();
        let (mut names, mut report) = (Vec::new(), Report::default());
        let before: Vec<ChunkId> = self.chunks.keys().copied().collect();
        for plain in plains {
            let id = ids().chunk_id(&plain);
            names.push(id);
            let records = split(&plain, &self.gear, &self.keys);
            let mut planned = None;
            if let Some(matching) = &mut matcher {
                match matching.find(&records.hashes) {
                    Ok(found) => {
                        let usable = |other: &ChunkId| before.contains(other);
                        planned = plan(&id, &plain, &records.lens, &found, matching, usable).unwrap();
                    }
                    Err(_) => matcher = None,
                }
            }
            let old = matcher.as_ref().and_then(|m| m.list().stored(*m.list().ids().get(&id)?).ok());
            let stored = match (old, &planned) {
                (Some(stored), _) => stored,
                (None, _) if self.chunks.contains_key(&id) => Stored::UNKNOWN,
                (None, planned) => planned.as_ref().map_or(Stored::WHOLE, |plan| plan.stored.clone()),
            };
            writer.push(&self.keys, id, plain.len() as u32, &stored, &records).unwrap();
            if self.chunks.contains_key(&id) {
                continue;
            }
            let encoded = match planned {
                Some(plan) => plan.recipe.encode(&plan.literals, &mut self.compressor).unwrap(),
                None => self.compressor.compress(&plain).unwrap(),
            };
            report.new += 1;
            report.recipes += usize::from(encoded.encoding == Encoding::Recipe);
            report.stored += encoded.bytes.len();
            report.deepest = report.deepest.max(stored.depth);
            self.chunks.insert(id, encoded);
        }
        writer.install(&self.keys).unwrap();
        (names, report)
    }

    fn restore(&self, names: &[ChunkId]) -> Vec<u8> {
        let mut others = Others::new(self.chunks.clone());
        let mut out = Vec::new();
        for id in names {
            let plain = decode(id, &self.chunks[id], &mut others).unwrap();
            assert_eq!(ids().chunk_id(&plain), *id);
            out.extend_from_slice(&plain);
        }
        out
    }
}

fn table(random: &mut StdRng, rows: usize) -> Vec<String> {
    (0..rows).map(|n| row(random, n)).collect()
}

fn row(random: &mut StdRng, n: usize) -> String {
    let (a, b): (u64, u32) = (random.random(), random.random());
    format!("{n}\t{a:016x}\tcustomer-{}\t2026-11-{:02}\t{b:08x}{a:x}\n", b % 1000, b % 28)
}

#[test]
fn changed_rows_cost_little_more_than_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let mut random = StdRng::seed_from_u64(1);
    let mut rows = table(&mut random, 40_000);
    let mut store = Store::new();
    store.params = ChunkerParams::new(65_536, 262_144, 1 << 20).unwrap();
    let (_, first) = store.back_up(&list, rows.concat().as_bytes());
    assert_eq!(first.recipes, 0);
    let mut changed = String::new();
    for (n, old) in rows.iter_mut().enumerate() {
        if random.random_ratio(1, 100) {
            *old = row(&mut random, n);
            changed += old;
        }
    }
    let dump = rows.concat();
    let (names, second) = store.back_up(&list, dump.as_bytes());
    let alone = zstd::bulk::compress(changed.as_bytes(), 3).unwrap().len();
    println!("{second:?}, the changed rows alone {alone}");
    assert!(second.recipes * 10 > second.new * 9);
    assert!(second.stored < alone * 3 / 2 && first.stored > alone * 20);
    assert!(store.restore(&names) == dump.as_bytes());
}

#[test]
fn rows_that_move_are_found_again() {
    let mut random = StdRng::seed_from_u64(2);
    let rows = table(&mut random, 20_000);
    let mut turned = rows.clone();
    turned.rotate_left(7000);
    let before = [table(&mut random, 5000), rows.clone()].concat();
    for (what, moved) in [("rotated", turned), ("a table came before", before)] {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list");
        let mut store = Store::new();
        let (_, first) = store.back_up(&list, rows.concat().as_bytes());
        // The first chunk starts differently, so that chunk deduplication alone does not find it.
        let dump = moved.iter().map(|row| row.replace("\t2026-11-0", "\t2026-12-0")).collect::<String>();
        let (names, second) = store.back_up(&list, dump.as_bytes());
        println!("{what}: {first:?} {second:?}");
        assert!(store.restore(&names) == dump.as_bytes());
        assert!(second.recipes > second.new / 3, "{what}");
    }
}

type Edit = fn(&mut Vec<u8>, &mut StdRng);

fn spot(bytes: &[u8], random: &mut StdRng) -> usize {
    random.random_range(0..=bytes.len())
}

fn stretch(bytes: &[u8], random: &mut StdRng) -> std::ops::Range<usize> {
    let start = spot(bytes, random);
    start..(start + random.random_range(0..20_000)).min(bytes.len())
}

const EDITS: [Edit; 7] = [
    |bytes, random| {
        let at = spot(bytes, random);
        let new = row(random, at);
        bytes.splice(at..at, new.into_bytes()).for_each(drop);
    },
    |bytes, random| drop(bytes.drain(stretch(bytes, random)).collect::<Vec<_>>()),
    |bytes, random| {
        let moved: Vec<u8> = bytes.drain(stretch(bytes, random)).collect();
        let at = spot(bytes, random);
        bytes.splice(at..at, moved).for_each(drop);
    },
    |bytes, random| {
        let copied = bytes[stretch(bytes, random)].to_vec();
        let at = spot(bytes, random);
        bytes.splice(at..at, copied).for_each(drop);
    },
    |bytes, random| {
        for _ in 0..200 {
            let at = spot(bytes, random);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= random.random_range(0..4);
            }
        }
    },
    |bytes, random| {
        let noise = random.random_range(0..10_000);
        bytes.extend((0..noise).map(|_| random.random::<u8>()));
    },
    |bytes, _| bytes.truncate(bytes.len() * 9 / 10),
];

fn starts(random: &mut StdRng) -> Vec<(&'static str, Vec<u8>)> {
    let tuples: Vec<String> = (0..9000).map(|n| format!("({n},'{:x}')", random.random::<u64>())).collect();
    let binary = |random: &mut StdRng| (0..300_000).map(|_| random.random::<u8>()).collect::<Vec<u8>>();
    vec![
        ("copy", table(random, 4000).concat().into_bytes()),
        ("insert", format!("INSERT INTO t VALUES {};\n", tuples.join(",")).into_bytes()),
        ("one line", binary(random).iter().map(|b| b % 60 + 48).collect()),
        ("short lines", (0..60_000).map(|n| format!("{}\n", n % 977)).collect::<String>().into_bytes()),
        ("zeros", vec![0; 300_000]),
        ("binary", binary(random)),
        ("nothing", Vec::new()),
    ]
}

#[test]
fn ten_generations_of_any_edits_come_back() {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed} repeats this");
    let mut random = StdRng::seed_from_u64(seed);
    for (what, mut dump) in starts(&mut random) {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list");
        let mut store = Store::new();
        let mut kept = Vec::new();
        for generation in 0..10 {
            let (names, report) = store.back_up(&list, &dump);
            assert!(report.deepest <= generation, "{what}, seed {seed}");
            kept.push((names, dump.clone()));
            for _ in 0..random.random_range(0..6) {
                EDITS.choose(&mut random).unwrap()(&mut dump, &mut random);
            }
        }
        for (names, dump) in &kept {
            assert!(store.restore(names) == *dump, "{what}, seed {seed}");
        }
    }
}

/// The bytes that chunks store themselves, without following copies.
struct OwnBytes<'a>(&'a HashMap<ChunkId, Encoded>);

impl Plaintexts for OwnBytes<'_> {
    fn copy(&mut self, id: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        assert_eq!(stretch.hops, 1, "copies what is a copy");
        Opened::read(id, &self.0[id])?.stretch(stretch, self, out, &mut 0)
    }
}

/// Every origin in a list is where the bytes are stored, not where they are copied again.
fn check_origins(store: &Store, list: &ListReader) -> usize {
    let mut checked = 0;
    for (row, number) in list.rows().iter().zip(0..) {
        let Some(flat) = list.stored(number).unwrap().origins else { continue };
        let plain = store.restore(&[row.id]);
        let (mut literals, mut at) = (Vec::new(), 0);
        for op in &flat.ops {
            if let Op::Literal { len } = op {
                literals.extend_from_slice(&plain[at..at + *len as usize]);
            }
            at += op.bytes() as usize;
        }
        let encoded = flat.encode(&literals, &mut Compressor::new(1).unwrap()).unwrap();
        let mut own = OwnBytes(&store.chunks);
        assert!(decode(&row.id, &encoded, &mut own).unwrap() == plain);
        checked += 1;
    }
    checked
}

#[test]
fn depth_and_cost_never_grow() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let mut random = StdRng::seed_from_u64(5);
    let mut rows = table(&mut random, 6000);
    let mut store = Store::new();
    store.params = ChunkerParams::new(16_384, 65_536, 262_144).unwrap();
    let (mut deepest, mut days) = (0, Vec::new());
    for day in 0..140 {
        for _ in 0..if day == 0 { 0 } else { 60 } {
            let n = random.random_range(0..rows.len());
            rows[n] = row(&mut random, n);
        }
        let (names, report) = store.back_up(&list, rows.concat().as_bytes());
        deepest = deepest.max(report.deepest);
        days.push(report.stored);
        if day % 10 == 9 {
            assert!(store.restore(&names) == rows.concat().as_bytes());
            assert!(check_origins(&store, &store.list(&list, "shop").unwrap()) > names.len() / 2);
        }
    }
    assert!((32..=64).contains(&deepest), "{deepest}");
    let mean = |days: &[usize]| days.iter().sum::<usize>() / days.len();
    let (early, late) = (mean(&days[1..30]), mean(&days[30..]));
    println!("first {}, days 1 to 29 {early}, days 30 to 139 {late}", days[0]);
    assert!(late < early * 8 / 5);
}

#[test]
fn a_list_that_is_not_what_it_was_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let mut random = StdRng::seed_from_u64(3);
    let mut rows = table(&mut random, 6000);
    let mut store = Store::new();
    store.back_up(&list, rows.concat().as_bytes());
    for n in (0..rows.len()).step_by(70) {
        rows[n] = row(&mut random, n);
    }
    let dump = rows.concat();
    let (names, second) = store.back_up(&list, dump.as_bytes());
    assert!(second.recipes > names.len() / 2, "recipes have origins");
    let whole = fs::read(&list).unwrap();
    assert!(store.list(&list, "shop").is_some());
    assert!(store.list(&list, "another source").is_none());
    assert!(store.list(&folder.path().join("deleted"), "shop").is_none());
    let another = ListReader::open(
        &list,
        Arc::new(RecordKeys::new(&client_core::chunk::ChunkIdKey::from_bytes(&[9; 32]))),
        DOMAIN,
        source("shop"),
    );
    assert!(another.is_err(), "of another vault");
    let domain = DomainId::from_bytes([4; 16]);
    assert!(ListReader::open(&list, Arc::clone(&store.keys), domain, source("shop")).is_err());

    let newer = dump.replace("\t2026-11-07", "\t2026-11-30");
    for round in 0..60 {
        let mut damaged = whole.clone();
        let at = random.random_range(0..damaged.len());
        match round % 4 {
            0 => damaged.truncate(at),
            1 => damaged[at] ^= 1 << random.random_range(0..8),
            2 => damaged.extend_from_slice(&whole[..at.min(500)]),
            _ => damaged[at..].iter_mut().take(64).for_each(|byte| *byte = 0),
        }
        if damaged == whole {
            continue;
        }
        fs::write(&list, &damaged).unwrap();
        // Either opening fails, or reading the damaged part does.
        if let Some(opened) = store.list(&list, "shop") {
            let rows = opened.rows().len() as u32;
            let read = (0..rows).try_for_each(|row| {
                opened.records_of(row)?;
                opened.stored(row).map(drop)
            });
            assert!(read.is_err(), "round {round}: damage at {at} of {} was not noticed", whole.len());
        }
        let mut fresh = Store::new();
        fresh.chunks = store.chunks.clone();
        let (names, _) = fresh.back_up(&list, newer.as_bytes());
        assert!(fresh.restore(&names) == newer.as_bytes(), "round {round}");
    }
}
