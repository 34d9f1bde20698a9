#![no_main]
//! Every encoding: what decodes has the stated length and never more.

use client_core::{
    encode::{EncodeError, Encoded, Encoding, Opened, Plaintexts, Stretch, decode},
    id::ChunkId,
};
use libfuzzer_sys::fuzz_target;

/// Every other chunk: 5,000 sevens.
struct Sevens;

impl Plaintexts for Sevens {
    fn copy(&mut self, _: &ChunkId, stretch: Stretch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Stretch { offset, len, .. } = stretch;
        if offset.checked_add(len).is_none_or(|end| end > 5000) {
            return Err(EncodeError::Damaged("beyond"));
        }
        out.resize(out.len() + len as usize, 7);
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_first_chunk::<4>() else { return };
    let Ok(encoding) = Encoding::try_from(head[0] % 4) else { return };
    let plain_len = u32::from_be_bytes([0, head[1], head[2], head[3]]);
    let encoded = Encoded { encoding, plain_len, bytes: bytes.to_vec() };
    let id = ChunkId::new([0; 32]);
    let Ok(plain) = decode(&id, &encoded, &mut Sevens) else { return };
    assert_eq!(plain.len(), plain_len as usize);
    // Any stretch of it is that stretch of the whole.
    let (offset, len) = (u32::from(head[1]) * 97, u32::from(head[3]) * 31);
    let mut out = Vec::new();
    let stretch = Opened::read(&id, &encoded).and_then(|o| o.stretch(Stretch { offset, len, hops: 0 }, &mut Sevens, &mut out, &mut 9));
    match plain.get(offset as usize..(offset + len) as usize) {
        Some(expected) => assert!(stretch.is_ok() && out == expected),
        None => assert!(stretch.is_err()),
    }
});
