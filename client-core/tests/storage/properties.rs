//! Round trips of random data, chunk → encode → pack → read, and the cost of insertions and deletions.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read},
};

use client_core::{
    chunk::{ChunkerParams, Cutter},
    encode::{Compressor, Encoded, Op, Opened, Recipe, decode},
    format::{
        manifest::{ManifestCutter, read_piece},
        pack::{PackReader, PackWriter},
    },
    id::ChunkId,
};
use common::*;
use proptest::prelude::*;

/// Delivers bytes in portions of varying size with interruptions, as pipes do.
struct Portions<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Portions<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.step = self.step * 31 % 65_521 + 1;
        if self.step.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = self.step.min(out.len()).min(self.rest.len());
        out[..len].copy_from_slice(&self.rest[..len]);
        self.rest = &self.rest[len..];
        Ok(len)
    }
}

fn cut(data: &[u8], params: ChunkerParams) -> Vec<Vec<u8>> {
    Cutter::new(data, &chunker().gear_table(), params).map(|chunk| chunk.unwrap().to_vec()).collect()
}

/// The complete round trip: cut, named, encoded, packed, indexed; then read through the manifest alone.
fn round_trip(keys: &Keys, data: &[u8], params: ChunkerParams, level: i32) {
    let gear = chunker().gear_table();
    let mut compressor = Compressor::new(level).unwrap();
    let mut cutter = Cutter::new(Portions { rest: data, step: data.len() % 997 + 1 }, &gear, params);
    let (mut manifest, mut pieces, mut seen) = (ManifestCutter::default(), Vec::new(), HashSet::new());
    let mut writer = PackWriter::new(VAULT, EPOCH, &keys.recipients).unwrap();
    let mut packs = Vec::new();
    let mut total = 0;
    while let Some(plain) = cutter.next_chunk().unwrap() {
        let (id, len) = (ids().chunk_id(&plain), plain.len());
        total += len;
        assert!(len <= params.max() as usize && (len >= params.min() as usize || total == data.len()));
        pieces.extend(manifest.push(id, len as u32));
        if seen.insert(id) {
            writer.push(id, &compressor.compress(&plain).unwrap()).unwrap();
        }
        if writer.len_estimate() > 2 << 20 {
            let next = PackWriter::new(VAULT, EPOCH, &keys.recipients).unwrap();
            packs.push(std::mem::replace(&mut writer, next).finish().unwrap());
        }
    }
    pieces.extend(manifest.finish());
    packs.push(writer.finish().unwrap());

    let mut places = HashMap::new();
    for pack in &packs {
        let reader = PackReader::open(&pack.bytes, VAULT, &keys.identities).unwrap();
        assert_eq!(reader.entries(), pack.entries);
        for entry in reader.entries() {
            places.insert(entry.chunk_id, reader.open_record_in(entry, &pack.bytes).unwrap());
        }
    }
    let mut restored = Vec::with_capacity(data.len());
    for entry in pieces.iter().flat_map(|piece| read_piece(piece).unwrap()) {
        let plain = decode(&entry.chunk_id, &places[&entry.chunk_id], &mut Others::default()).unwrap();
        assert_eq!(ids().chunk_id(&plain), entry.chunk_id);
        restored.extend_from_slice(&plain);
    }
    assert!(restored == data, "{} bytes", data.len());
}

#[test]
fn sizes_around_every_edge_come_back() {
    let keys = Keys::new();
    let small = small_params();
    let edges = [0, 1, 2, 1023, 1024, 1025, 4095, 4096, 4097, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537];
    for len in edges {
        round_trip(&keys, &random("edge", len), small, 3);
        round_trip(&keys, &rows("edge", len), small, 3);
        round_trip(&keys, &vec![0; len], small, 3);
    }
}

#[test]
fn large_dumps_come_back() {
    let keys = Keys::new();
    let default = ChunkerParams::default();
    round_trip(&keys, &random("large", (64 << 20) + 1), default, 1);
    round_trip(&keys, &rows("large", 48 << 20), default, 1);
    round_trip(&keys, &vec![0; (8 << 20) + 3], default, 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_dump_comes_back(seed in any::<u32>(), len in 0_usize..400_000, kind in 0..3, level in -5..6) {
        let seed = seed.to_string();
        let data = match kind {
            0 => random(&seed, len),
            1 => rows(&seed, len),
            _ => [rows(&seed, len / 3), random(&seed, len / 3), vec![0; len / 3]].concat(),
        };
        round_trip(&Keys::new(), &data, small_params(), level);
    }

    #[test]
    fn insertions_and_deletions_cost_a_few_chunks(at in 0_usize..1_000_000, change in 1_usize..2000, insert: bool) {
        let before = random("edited", 1_000_000);
        let mut after = before.clone();
        if insert {
            after.splice(at..at, random("inserted", change));
        } else {
            after.drain(at..(at + change).min(1_000_000));
        }
        let known: HashSet<ChunkId> = cut(&before, small_params()).iter().map(|c| ids().chunk_id(c)).collect();
        let new = cut(&after, small_params()).iter().filter(|c| !known.contains(&ids().chunk_id(c))).count();
        prop_assert!(new <= 30, "{new} of {} chunks", known.len());
    }

    #[test]
    fn any_recipe_comes_back(seed in any::<u32>(), count in 0_usize..300, refs in 1_usize..20) {
        let noise = random(&seed.to_string(), count * 8);
        let sections: Vec<Vec<u8>> = (0..refs).map(|n| rows(&n.to_string(), 2000)).collect();
        let names: Vec<ChunkId> = sections.iter().map(|s| ids().chunk_id(s)).collect();
        let (mut ops, mut literals, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        for word in noise.as_chunks::<8>().0 {
            let len = usize::from(word[0]) + 1;
            if word[1] < 100 {
                let piece = random("literal", len);
                literals.extend_from_slice(&piece);
                plain.extend_from_slice(&piece);
                ops.push(Op::Literal { len: len as u32 });
            } else {
                let reference = usize::from(word[2]) % refs;
                let offset = usize::from(u16::from_le_bytes([word[3], word[4]])) % (2000 - len);
                plain.extend_from_slice(&sections[reference][offset..offset + len]);
                ops.push(Op::Copy { reference: reference as u16, offset: offset as u32, len: len as u32 });
            }
        }
        let encoded = Recipe { refs: names.clone(), ops }.encode(&literals, &mut Compressor::new(3).unwrap()).unwrap();
        let id = ids().chunk_id(&plain);
        let opened = Opened::read(&id, &encoded).unwrap();
        prop_assert_eq!(opened.refs(), names);
        prop_assert_eq!(decode(&id, &encoded, &mut Others::new(encode(sections))).unwrap(), plain);
    }

    #[test]
    fn rubbish_never_decodes_beyond_its_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..300), encoding in 1_u8..4, plain_len in 0_u32..100_000) {
        let encoded = Encoded { encoding: encoding.try_into().unwrap(), plain_len, bytes };
        if let Ok(plain) = decode(&ChunkId::new([0; 32]), &encoded, &mut Others::default()) {
            prop_assert_eq!(plain.len(), plain_len as usize);
        }
    }
}

#[test]
fn a_reader_that_fails_loses_nothing_and_ends_nothing() {
    struct Failing<'a>(&'a [u8], bool);
    impl Read for Failing<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 && self.0.len() < 50_000 && !self.0.is_empty() {
                return Err(io::Error::other("the dump died"));
            }
            let len = out.len().min(999);
            self.0.read(&mut out[..len])
        }
    }
    let data = random("failing", 100_000);
    let gear = chunker().gear_table();
    let mut cutter = Cutter::new(Failing(&data, false), &gear, small_params());
    let (mut chunks, mut errors) = (Vec::new(), 0);
    loop {
        match cutter.next_chunk() {
            Ok(Some(chunk)) => chunks.push(chunk),
            Ok(None) => break,
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 0);
    assert_eq!(chunks, cut(&data, small_params()));
}
