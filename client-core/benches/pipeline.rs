//! `cargo bench -p client-core`: the bare stages on one core, MB/s of plaintext. Best of five runs.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people")]

use std::{hint::black_box, time::Instant};

use api_types::VaultId;
use client_core::{
    chunk::{ChunkIdKey, ChunkerKey, ChunkerParams, Cutter},
    crypto::{ReadIdentity, RecoveryWords},
    encode::{Compressor, Encoded},
    format::{Recipients, pack::PackWriter},
    id::ChunkId,
};

const SIZE: usize = 256 * 1024 * 1024;
const PACK: usize = 16 * 1024 * 1024;

fn rows(len: usize) -> Vec<u8> {
    let mut noise = vec![0; len / 20];
    blake3::Hasher::new().update(b"rows").finalize_xof().fill(&mut noise);
    let mut out = Vec::with_capacity(len + 200);
    for (number, word) in noise.as_chunks::<8>().0.iter().cycle().enumerate() {
        if out.len() >= len {
            break;
        }
        let line = format!(
            "{number}\t{}\tcustomer {} of some street\t2026-11-20 10:{:02}:{:02}\t{}\n",
            hex::encode(word),
            word[0],
            word[1] % 60,
            word[2] % 60,
            u16::from_le_bytes([word[3], word[4]])
        );
        out.extend_from_slice(line.as_bytes());
    }
    out.truncate(len);
    out
}

fn measure<T>(what: &str, bytes: usize, mut run: impl FnMut() -> T) -> T {
    let mut best = f64::MAX;
    let mut last = None;
    for _ in 0..5 {
        let start = Instant::now();
        last = Some(black_box(run()));
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{what:<28} {:>8.0} MB/s", bytes as f64 / 1e6 / best);
    last.unwrap()
}

fn seal(recipients: &Recipients, chunks: &[(ChunkId, Encoded)]) -> usize {
    let vault = VaultId::from_bytes([1; 16]);
    let mut writer = PackWriter::new(vault, 1, recipients).unwrap();
    let mut stored = 0;
    for (id, encoded) in chunks {
        writer.push(*id, encoded).unwrap();
        if writer.len_estimate() >= PACK {
            let next = PackWriter::new(vault, 1, recipients).unwrap();
            stored += std::mem::replace(&mut writer, next).finish().unwrap().bytes.len();
        }
    }
    stored + writer.finish().unwrap().bytes.len()
}

fn main() {
    let data = rows(SIZE);
    let (ids, gear) = (ChunkIdKey::generate(), ChunkerKey::generate().gear_table());
    let params = ChunkerParams::default();
    let recovery = RecoveryWords::generate().unwrap().recipient().unwrap();
    let recipients = Recipients::new(ReadIdentity::generate(1).recipient(), recovery);

    measure("cutter, from memory", SIZE, || {
        Cutter::new(data.as_slice(), &gear, params).flatten().map(|c| c.len()).sum::<usize>()
    });
    let chunks: Vec<_> = Cutter::new(data.as_slice(), &gear, params).map(Result::unwrap).collect();
    measure("chunk id (keyed BLAKE3)", SIZE, || chunks.iter().map(|c| ids.chunk_id(c)).max());
    let encoded = measure("zstd -3", SIZE, || {
        let mut zstd = Compressor::new(3).unwrap();
        chunks.iter().map(|c| (ids.chunk_id(c), zstd.compress(c).unwrap())).collect::<Vec<_>>()
    });
    let stored: usize = encoded.iter().map(|(_, e)| e.bytes.len()).sum();
    measure("seal, per stored byte", stored, || seal(&recipients, &encoded));
    measure("whole pipeline, one thread", SIZE, || {
        let mut zstd = Compressor::new(3).unwrap();
        let chunks: Vec<_> = Cutter::new(data.as_slice(), &gear, params)
            .flatten()
            .map(|c| (ids.chunk_id(&c), zstd.compress(&c).unwrap()))
            .collect();
        seal(&recipients, &chunks)
    });
    println!(
        "{} chunks, mean {} KiB, zstd ratio {:.2}",
        chunks.len(),
        SIZE / chunks.len() / 1024,
        SIZE as f64 / stored as f64
    );
}
