//! Recompression of streams, as a file that never changes: `testdata/vectors/unwrap.json`. Snapshots of compressed
//! dumps can be restored as long as these tests pass.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use client_core::unwrap::{Deflater, Maker, Params, Rewrapper};
use common::*;
use serde_json::{Value, json};
use sha2::Digest;

fn inputs() -> [(&'static str, Vec<u8>); 3] {
    let mixed = [rows("vector", 300_000), random("vector", 100_000), vec![0; 70_000], rows("vector", 90_000)];
    [
        ("rows 1 MiB", rows("vector", 1 << 20)),
        ("random 100 000", random("vector", 100_000)),
        ("mixed", mixed.concat()),
    ]
}

fn deflate(params: Params, data: &[u8]) -> Vec<u8> {
    let (mut deflater, mut out) = (Deflater::new(params), Vec::new());
    deflater.push(data, &mut out);
    deflater.finish(&mut out);
    out
}

fn streams() -> Vec<Value> {
    let mut cases = Vec::new();
    for (name, data) in inputs() {
        for maker in Maker::ALL {
            for level in 1..=9 {
                let made = deflate(Params { maker, level }, &data);
                cases.push(json!({
                    "input": name, "input_sha256": hex::encode(sha2::Sha256::digest(&data)),
                    "maker": maker as u8, "level": level,
                    "len": made.len(), "sha256": hex::encode(sha2::Sha256::digest(&made)),
                }));
            }
        }
    }
    cases
}

/// Raw bytes, a stream, one in pieces of 7 bytes, and one of which 10 bytes are kept.
const PLAN: &str = "01 00 05 01 16 20 02 06 07 2a 05 19 64 0a 00 03";

fn stored() -> Vec<u8> {
    let rows = rows("vector", 1000);
    [b"front", &rows[..32], b"\x78\x9c", &rows[100..142], b"sums", &rows[200..300], b"end"].concat()
}

fn remade(plan: &[u8], stored: &[u8]) -> Vec<u8> {
    let (mut rewrapper, mut out) = (Rewrapper::new(plan.to_vec()).unwrap(), Vec::new());
    rewrapper.push(stored, &mut out).unwrap();
    rewrapper.finish(&mut out).unwrap();
    out
}

fn make() -> Value {
    let plan = hex::decode(PLAN.replace(' ', "")).unwrap();
    json!({
        "about": "inputs: see tests/common; random is the BLAKE3 XOF of the text `vector`. makers: 0 zlib, 1 GNU gzip, 2 zlib with memory level 9",
        "plan": { "plan": hex::encode(&plan), "stored": hex::encode(stored()), "dump": hex::encode(remade(&plan, &stored())) },
        "streams": streams(),
    })
}

#[test]
fn recompression_never_changes() {
    let vector = vector_made_by("unwrap", make);
    assert_eq!(vector["streams"], Value::from(streams()));
    let plan = &vector["plan"];
    assert_eq!(remade(&bytes(&plan["plan"]), &bytes(&plan["stored"])), bytes(&plan["dump"]));
}
