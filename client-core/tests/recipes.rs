//! Recipes: what they build, what they cost, and what readers refuse.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::HashMap;

use client_core::{
    encode::{Compressor, EncodeError, Encoded, Op, Recipe, decode},
    id::ChunkId,
};
use common::*;

fn recipe_of(ops: &[Op], refs: &[ChunkId], literals: &[u8]) -> Result<Encoded, EncodeError> {
    Recipe { refs: refs.to_vec(), ops: ops.to_vec() }.encode(literals, &mut Compressor::new(3).unwrap())
}

#[test]
fn recipes_copy_from_literals_only_and_within_bounds() {
    let other = rows("other", 4000);
    let other_id = ids().chunk_id(&other);
    let copy = |offset, len| Op::Copy { reference: 0, offset, len };
    let own = rows("own", 100);
    let ops = [copy(1000, 500), Op::Literal { len: 60 }, copy(1500, 20), copy(0, 7), Op::Literal { len: 40 }];
    let encoded = recipe_of(&ops, &[other_id], &own).unwrap();
    let expected = [&other[1000..1500], &own[..60], &other[1500..1520], &other[..7], &own[60..]].concat();
    let id = ids().chunk_id(&expected);
    let mut source = HashMap::from([(other_id, other.clone())]);
    assert_eq!(decode(&id, &encoded, &mut source).unwrap(), expected);
    assert_eq!(client_core::encode::recipe_refs(&encoded).unwrap(), [other_id]);
    // What others may copy from it is its own literals, not what it copied.
    assert_eq!(client_core::encode::literal_section(&encoded).unwrap(), own);

    let refused =
        |encoded: &Encoded, source: &mut HashMap<ChunkId, Vec<u8>>| decode(&id, encoded, source).unwrap_err();
    assert_eq!(refused(&encoded, &mut HashMap::new()), EncodeError::MissingReference(other_id));
    assert!(matches!(
        decode(&other_id, &encoded, &mut source),
        Err(EncodeError::Damaged("it copies from itself"))
    ));
    let beyond = recipe_of(&[copy(3999, 2)], &[other_id], &[]).unwrap();
    assert!(matches!(refused(&beyond, &mut source), EncodeError::Damaged(_)));
    let mut lie = encoded.clone();
    lie.plain_len += 1;
    assert!(matches!(refused(&lie, &mut source), EncodeError::Damaged(_)));

    assert!(recipe_of(&[copy(0, 0)], &[other_id], &[]).is_err());
    assert!(recipe_of(&[copy(0, 1)], &[], &[]).is_err());
    assert!(recipe_of(&[copy(0, 1)], &[other_id, other_id], &[]).is_err());
    assert!(recipe_of(&[Op::Literal { len: 99 }], &[], &own).is_err());
    assert!(recipe_of(&[copy(0, 16 << 20), copy(0, 1)], &[other_id], &[]).is_err());
    let many: Vec<ChunkId> = (0..257_u32).map(|n| ids().chunk_id(&n.to_be_bytes())).collect();
    assert!(recipe_of(&[copy(0, 1)], &many, &[]).is_err());
    assert!(recipe_of(&vec![copy(0, 1); 65_537], &[other_id], &[]).is_err());
    // The largest that is allowed still reads.
    let largest = recipe_of(&vec![copy(0, 256); 65_536], &[other_id], &[]).unwrap();
    assert_eq!(decode(&id, &largest, &mut source).unwrap().len(), 16 << 20);
}

#[test]
fn two_hundred_copies_cost_less_than_a_kilobyte() {
    let refs: Vec<ChunkId> = (0..3_u32).map(|n| ids().chunk_id(&n.to_be_bytes())).collect();
    let mut ops = Vec::new();
    let mut offsets = [0_u32; 3];
    let noise = random("where rows changed", 400);
    for pair in noise.as_chunks::<2>().0 {
        let reference = usize::from(pair[0] < 20);
        let len = 2000 + u32::from(pair[1]) * 26;
        ops.push(Op::Copy { reference: reference as u16, offset: offsets[reference] + 120, len });
        offsets[reference] += len + 120;
        ops.push(Op::Literal { len: 120 });
    }
    let literals = random("new rows", 200 * 120);
    let encoded = recipe_of(&ops, &refs, &literals).unwrap();
    let cost = encoded.bytes.len() - literals.len();
    assert!(cost < 1024, "{cost} bytes");
}
