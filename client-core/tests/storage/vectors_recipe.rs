//! Recipes as a file that never changes: `testdata/vectors/recipe.json`. See `vectors.rs`.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use client_core::{
    chunk::ChunkIdKey,
    encode::{Compressor, Encoded, Encoding, Op, Recipe, decode},
    id::ChunkId,
};
use common::*;
use serde_json::{Value, json};

fn make_recipe() -> Value {
    let other = rows("other", 3000);
    let own = rows("own", 200);
    let id = ids().chunk_id(&other);
    let ops = [
        Op::Copy { reference: 0, offset: 500, len: 900 },
        Op::Literal { len: 150 },
        Op::Copy { reference: 0, offset: 1450, len: 800 },
        Op::Copy { reference: 0, offset: 100, len: 10 },
        Op::Literal { len: 50 },
    ];
    let recipe = Recipe { refs: vec![id], ops: ops.to_vec() };
    let mut others = Others::new(encode([other.clone()]));
    let mut cases: Vec<Value> = [-1, 3]
        .into_iter()
        .map(|level| {
            let encoded = if level < 0 {
                uncompressed(&recipe, &own)
            } else {
                recipe.encode(&own, &mut Compressor::new(3).unwrap()).unwrap()
            };
            let plain = decode(&ChunkId::new([0; 32]), &encoded, &mut others).unwrap();
            json!({ "encoding": 3, "plain_len": encoded.plain_len, "encoded": hex::encode(&encoded.bytes),
                    "plain": hex::encode(plain), "literals": hex::encode(&own) })
        })
        .collect();
    // Copies across the boundaries between what another recipe copied and what it added.
    let from = Encoded { encoding: Encoding::Recipe, plain_len: 1910, bytes: bytes(&cases[1]["encoded"]) };
    let from_id = ids().chunk_id(&bytes(&cases[1]["plain"]));
    others.add(from_id, from);
    let newer = rows("newer", 70);
    let ops = [
        Op::Copy { reference: 0, offset: 800, len: 1110 },
        Op::Literal { len: 70 },
        Op::Copy { reference: 0, offset: 1, len: 1000 },
    ];
    let encoded = Recipe { refs: vec![from_id], ops: ops.to_vec() }
        .encode(&newer, &mut Compressor::new(3).unwrap())
        .unwrap();
    let plain = decode(&ChunkId::new([0; 32]), &encoded, &mut others).unwrap();
    cases
        .push(json!({ "encoding": 3, "plain_len": encoded.plain_len, "encoded": hex::encode(&encoded.bytes),
        "plain": hex::encode(plain), "literals": hex::encode(&newer), "copies_from_case": 1 }));
    let zstd = Compressor::new(3).unwrap().compress(&other).unwrap();
    json!({ "chunk_id_key": hex::encode(ids().expose()),
            "copied_from": { "chunk_id": id.to_string(), "encoding": 2, "plain_len": 3000, "encoded": hex::encode(&zstd.bytes), "plain": hex::encode(&other) },
            "cases": cases })
}

/// Both flags clear: hand-written from the description.
fn uncompressed(recipe: &Recipe, literals: &[u8]) -> Encoded {
    fn varint(out: &mut Vec<u8>, mut n: u64) {
        while n > 127 {
            out.push(n as u8 | 128);
            n >>= 7;
        }
        out.push(n as u8);
    }
    let mut body = Vec::new();
    varint(&mut body, recipe.refs.len() as u64);
    recipe.refs.iter().for_each(|id| body.extend_from_slice(id.as_bytes()));
    varint(&mut body, recipe.ops.len() as u64);
    let (mut end, mut total) = (0_i64, 0);
    for op in &recipe.ops {
        match *op {
            Op::Literal { len } => {
                varint(&mut body, u64::from(len) * 2);
                total += len;
            }
            Op::Copy { len, offset, .. } => {
                varint(&mut body, u64::from(len) * 2 + 1);
                varint(&mut body, 0);
                let step = i64::from(offset) - end;
                varint(&mut body, if step < 0 { (-step * 2 - 1) as u64 } else { step as u64 * 2 });
                end = i64::from(offset + len);
                total += len;
            }
        }
    }
    let mut bytes = vec![0];
    varint(&mut bytes, body.len() as u64);
    varint(&mut bytes, body.len() as u64);
    varint(&mut bytes, literals.len() as u64);
    bytes.extend(body);
    bytes.extend_from_slice(literals);
    Encoded { encoding: Encoding::Recipe, plain_len: total, bytes }
}

#[test]
fn recipes_decode_forever() {
    let vector = vector_made_by("recipe", make_recipe);
    let from = &vector["copied_from"];
    let id: ChunkId = from["chunk_id"].as_str().unwrap().parse().unwrap();
    let stored = Encoded {
        encoding: Encoding::try_from(number(&from["encoding"]) as u8).unwrap(),
        plain_len: number(&from["plain_len"]),
        bytes: bytes(&from["encoded"]),
    };
    let plain = decode(&id, &stored, &mut Others::default()).unwrap();
    assert_eq!(plain, bytes(&from["plain"]));
    let key = ChunkIdKey::from_bytes(&array(&vector["chunk_id_key"]));
    assert_eq!(key.chunk_id(&plain), id);
    let mut others = Others::new([(id, stored)]);
    for case in vector["cases"].as_array().unwrap() {
        let encoded = Encoded {
            encoding: Encoding::Recipe,
            plain_len: number(&case["plain_len"]),
            bytes: bytes(&case["encoded"]),
        };
        let plain = bytes(&case["plain"]);
        let id = key.chunk_id(&plain);
        assert_eq!(decode(&id, &encoded, &mut others).unwrap(), plain);
        // A case may copy from the previous one.
        others.add(id, encoded);
    }
}
