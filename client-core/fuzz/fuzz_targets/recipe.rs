#![no_main]
//! Every encoding: what decodes has the stated length and never more.

use std::collections::HashMap;

use client_core::{
    encode::{Encoded, Encoding, decode, literal_section, recipe_refs},
    id::ChunkId,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_first_chunk::<4>() else { return };
    let Ok(encoding) = Encoding::try_from(head[0] % 4) else { return };
    let plain_len = u32::from_be_bytes([0, head[1], head[2], head[3]]);
    let encoded = Encoded { encoding, plain_len, bytes: bytes.to_vec() };
    let mut source: HashMap<ChunkId, Vec<u8>> =
        recipe_refs(&encoded).unwrap_or_default().into_iter().map(|id| (id, vec![7; 5000])).collect();
    if let Ok(plain) = decode(&ChunkId::new([0; 32]), &encoded, &mut source) {
        assert_eq!(plain.len(), plain_len as usize);
    }
    if let Ok(section) = literal_section(&encoded) {
        assert!(section.len() <= plain_len as usize);
    }
});
