//! A little fuzzing in every build, without nightly: mutated vectors go through every parser, and none may panic. The
//! full version is `fuzz/`.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use client_core::{
    crypto::{Amk, DeviceSigningKey, IndexKey, Keyring, wrap},
    encode::{Encoded, Encoding, decode},
    format::{
        behind_the_seal,
        index::{open_segment, read_segment_header},
        manifest::read_piece,
        snapshot::{SnapshotBody, read_snapshot},
    },
    id::ChunkId,
};
use common::*;
use serde_json::Value;
use sha2::Digest;

#[test]
fn mutated_vectors_never_panic() {
    let (pack, index, snapshot) = (vector("pack"), vector("index"), vector("snapshot"));
    let (wraps, manifest, recipes) = (vector("wrap"), vector("manifest"), vector("recipe"));
    let header = read_segment_header(&bytes(&index["segment"])).unwrap();
    let index_key = IndexKey::from_bytes(&array(&index["index_key"]));
    let public = DeviceSigningKey::from_seed(&array(&index["device_seed"])).verifying_key();
    let amk = Amk::from_bytes(&array(&wraps["amk"]));
    let ids = identities();
    type Parser<'a> = (Vec<u8>, &'a dyn Fn(&[u8]));
    let parsers: [Parser<'_>; 11] = [
        // Unsealed, so that mutations reach the parsers behind the seals.
        (directory_of(&pack), &|b| drop(behind_the_seal::directory(b, 629, 8000))),
        (content_of_segment(&index), &|b| drop(behind_the_seal::segment(b))),
        (content_of_snapshot(&snapshot), &|b| drop(behind_the_seal::snapshot(b))),
        (bytes(&pack["pack"]), &|b| drop(read_all(b, VAULT, &ids))),
        (bytes(&index["segment"]), &|b| drop(open_segment(b, &header, &index_key, &public))),
        (bytes(&snapshot["snapshot"]), &|b| {
            if let Ok(parts) = read_snapshot(b)
                && let Ok(envelope) = parts.head.verify(&public)
            {
                drop(SnapshotBody::open(parts.body, &envelope, &ids));
            }
        }),
        (bytes(&manifest["first_piece_of_3"]), &|b| drop(read_piece(b))),
        (bytes(&wraps["keyring_wrap"]), &|b| drop(wrap::open_keyring(b, &amk, VAULT))),
        (bytes(&wraps["keyring"]), &|b| drop(Keyring::from_bytes(b))),
        (bytes(&recipes["cases"][0]["encoded"]), &decode_any),
        (bytes(&recipes["cases"][1]["encoded"]), &decode_any),
    ];
    for (whole, parse) in parsers {
        let noise = random("mutations", 8 * 600);
        for seed in noise.as_chunks::<8>().0 {
            let mut mutated = whole.clone();
            let at = usize::from(u16::from_le_bytes([seed[0], seed[1]])) % mutated.len();
            match seed[2] % 5 {
                0 => mutated[at] ^= seed[3],
                1 => mutated.truncate(at),
                2 => mutated.splice(at..at, seed[3..].iter().copied()).for_each(drop),
                3 => mutated.drain(at..(at + usize::from(seed[3])).min(whole.len())).for_each(drop),
                _ => mutated[at..].iter_mut().take(4).for_each(|b| *b = 0xff),
            }
            parse(&mutated);
        }
    }
}

/// The opened contents, from the description and not from our code; they must parse before they are mutated.
fn directory_of(vector: &Value) -> Vec<u8> {
    let (pack, age) = (bytes(&vector["pack"]), bytes(&vector["age_file"]));
    let hash = sha2::Sha256::digest(&pack[..64 + age.len()]);
    let end = pack.len() - 12;
    let start = end - u32::from_be_bytes(pack[end..end + 4].try_into().unwrap()) as usize;
    let nonce = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    let secret = bytes(&vector["pack_secret"]);
    let plain = open_sealed(&secret, &hash, "sealkeep/v1/pack/dir", nonce, &hash, &pack[start..end]);
    let first = (64 + age.len()) as u64;
    assert_eq!(behind_the_seal::directory(&plain, first, start as u64 - 16).unwrap().len(), 3);
    plain
}

fn unpadded(plain: &[u8]) -> Vec<u8> {
    plain[4..4 + u32::from_be_bytes(plain[..4].try_into().unwrap()) as usize].to_vec()
}

fn content_of_segment(vector: &Value) -> Vec<u8> {
    let segment = bytes(&vector["segment"]);
    let (front, body) = segment[..segment.len() - 64].split_at(121);
    let key = bytes(&vector["index_key"]);
    let cbor = unpadded(&open_sealed(&key, &front[57..89], "sealkeep/v1/index", [0; 12], front, body));
    assert_eq!(behind_the_seal::segment(&cbor).unwrap().len(), 2);
    cbor
}

fn content_of_snapshot(vector: &Value) -> Vec<u8> {
    let (object, age) = (bytes(&vector["snapshot"]), bytes(&vector["age_file"]));
    let (header, sealed) = read_snapshot(&object).unwrap().body.split_at(64 + age.len());
    let hash = sha2::Sha256::digest(header);
    let secret = bytes(&vector["body_secret"]);
    let plain = open_sealed(&secret, &hash, "sealkeep/v1/snapshot/body", [0; 12], &hash, sealed);
    let cbor = unpadded(&plain);
    assert_eq!(behind_the_seal::snapshot(&cbor).unwrap().source_name, "shop");
    cbor
}

fn decode_any(bytes: &[u8]) {
    for (encoding, plain_len) in
        [(Encoding::Recipe, 2110), (Encoding::Zstd, 3000), (Encoding::Raw, 5), (Encoding::Recipe, u32::MAX)]
    {
        let encoded = Encoded { encoding, plain_len, bytes: bytes.to_vec() };
        drop(decode(&ChunkId::new([0; 32]), &encoded, &mut Others::new(encode([rows("other", 3000)]))));
    }
}
