//! Recipes: what they build, what they cost, and which ones readers refuse.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use client_core::{
    encode::{Compressor, EncodeError, Encoded, MAX_HOPS, Op, Opened, Recipe, Stretch, decode},
    id::ChunkId,
};
use common::*;

fn recipe_of(ops: &[Op], refs: &[ChunkId], literals: &[u8]) -> Result<Encoded, EncodeError> {
    Recipe { refs: refs.to_vec(), ops: ops.to_vec() }.encode(literals, &mut Compressor::new(3).unwrap())
}

const fn copy(offset: u32, len: u32) -> Op {
    Op::Copy { reference: 0, offset, len }
}

#[test]
fn recipes_copy_within_bounds() {
    let other = rows("other", 4000);
    let other_id = ids().chunk_id(&other);
    let mut others = Others::new(encode([other.clone()]));
    let own = rows("own", 100);
    let ops = [copy(1000, 500), Op::Literal { len: 60 }, copy(1500, 20), copy(0, 7), Op::Literal { len: 40 }];
    let encoded = recipe_of(&ops, &[other_id], &own).unwrap();
    let expected = [&other[1000..1500], &own[..60], &other[1500..1520], &other[..7], &own[60..]].concat();
    let id = ids().chunk_id(&expected);
    assert_eq!(decode(&id, &encoded, &mut others).unwrap(), expected);
    assert_eq!(Opened::read(&id, &encoded).unwrap().refs(), [other_id]);

    let refused = |encoded: &Encoded, others: &mut Others| decode(&id, encoded, others).unwrap_err();
    assert_eq!(refused(&encoded, &mut Others::default()), EncodeError::MissingReference(other_id));
    assert!(matches!(
        decode(&other_id, &encoded, &mut others),
        Err(EncodeError::Damaged("it copies from itself"))
    ));
    for beyond in [copy(3999, 2), copy(4000, 1), copy(u32::MAX, 1), copy(0, 4001)] {
        let beyond = recipe_of(&[beyond], &[other_id], &[]).unwrap();
        assert!(matches!(refused(&beyond, &mut others), EncodeError::Damaged(_)));
    }
    let mut lie = encoded.clone();
    lie.plain_len += 1;
    assert!(matches!(refused(&lie, &mut others), EncodeError::Damaged(_)));

    assert!(recipe_of(&[copy(0, 0)], &[other_id], &[]).is_err());
    assert!(recipe_of(&[copy(0, 1)], &[], &[]).is_err());
    assert!(recipe_of(&[copy(0, 1)], &[other_id, other_id], &[]).is_err());
    assert!(recipe_of(&[Op::Literal { len: 99 }], &[], &own).is_err());
    assert!(recipe_of(&[copy(0, 16 << 20), copy(0, 1)], &[other_id], &[]).is_err());
    let many: Vec<ChunkId> = (0..257_u32).map(|n| ids().chunk_id(&n.to_be_bytes())).collect();
    assert!(recipe_of(&[copy(0, 1)], &many, &[]).is_err());
    assert!(recipe_of(&vec![copy(0, 1); 65_537], &[other_id], &[]).is_err());
    // The largest allowed recipe is still readable.
    let largest = recipe_of(&vec![copy(0, 256); 65_536], &[other_id], &[]).unwrap();
    assert!(matches!(Opened::read(&id, &largest).unwrap(), Opened::Built(_)));
}

#[test]
fn any_stretch_of_a_recipe_over_recipes_is_that_of_its_plaintext() {
    let mut plain = rows("first", 4000);
    let mut others = Others::new(encode([plain.clone()]));
    let mut last = None;
    for generation in 0..64_u32 {
        // The previous chunk's bytes, rearranged, with a new row in between.
        let id = ids().chunk_id(&plain);
        let row = rows(&generation.to_string(), 50);
        let at = (generation * 61) % 3000;
        let ops =
            [copy(at, 900), Op::Literal { len: 50 }, copy(0, at + 1), copy(at, plain.len() as u32 - at - 51)];
        let encoded = recipe_of(&ops, &[id], &row).unwrap();
        let at = at as usize;
        plain = [&plain[at..at + 900], &row, &plain[..at + 1], &plain[at..plain.len() - 51]].concat();
        plain.truncate(encoded.plain_len as usize);
        let id = ids().chunk_id(&plain);
        others.add(id, encoded.clone());
        last = Some((id, encoded));
    }
    let (id, encoded) = last.unwrap();
    assert_eq!(decode(&id, &encoded, &mut others).unwrap(), plain);
    let opened = Opened::read(&id, &encoded).unwrap();
    let mut hint = 0;
    for word in random("stretches", 4000).as_chunks::<4>().0 {
        let offset = u32::from(u16::from_le_bytes([word[0], word[1]])) % plain.len() as u32;
        let len = u32::from(u16::from_le_bytes([word[2], word[3]])) % (plain.len() as u32 - offset + 1);
        let mut out = Vec::new();
        opened.stretch(Stretch { offset, len, hops: 0 }, &mut others, &mut out, &mut hint).unwrap();
        assert!(out == plain[offset as usize..(offset + len) as usize]);
    }
    let beyond = Stretch { offset: plain.len() as u32, len: 1, hops: 0 };
    let beyond = opened.stretch(beyond, &mut others, &mut Vec::new(), &mut 0);
    assert!(beyond.is_err());
}

#[test]
fn the_depth_of_copies_is_bounded() {
    let first = rows("first", 500);
    let mut others = Others::new(encode([first.clone()]));
    let mut last = ids().chunk_id(&first);
    for hops in 1..=MAX_HOPS + 1 {
        let ops = [copy(0, 500), Op::Literal { len: 1 }];
        let encoded = recipe_of(&ops, &[last], &[hops as u8]).unwrap();
        let plain = [&first[..], &[hops as u8]].concat();
        let id = ids().chunk_id(&plain);
        match decode(&id, &encoded, &mut others) {
            Ok(decoded) => assert!(decoded == plain && hops <= MAX_HOPS),
            Err(error) => {
                assert_eq!(
                    (hops, error),
                    (MAX_HOPS + 1, EncodeError::Damaged("its copies lead in a circle"))
                );
            }
        }
        others.add(id, encoded);
        last = id;
    }
    // Two chunks that are each a copy of the other.
    let [one, two] = [b"one", b"two"].map(|name| ids().chunk_id(name));
    others.add(one, recipe_of(&[copy(0, 9)], &[two], &[]).unwrap());
    let circle = recipe_of(&[copy(0, 9)], &[one], &[]).unwrap();
    others.add(two, circle.clone());
    assert_eq!(
        decode(&two, &circle, &mut others).unwrap_err(),
        EncodeError::Damaged("its copies lead in a circle")
    );
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
