#![no_main]
//! A whole segment, and a content as somebody with the key could have sealed it.

use client_core::{
    crypto::{DeviceSigningKey, IndexKey},
    format::{
        behind_the_seal,
        index::{open_segment, read_segment_header},
    },
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = read_segment_header(data) {
        let device = DeviceSigningKey::from_seed(&[0x74; 32]).verifying_key();
        drop(open_segment(data, &header, &IndexKey::from_bytes(&[0x73; 32]), &device));
    }
    if let Ok(packs) = behind_the_seal::segment(data) {
        assert!(packs.iter().all(|pack| pack.entries.iter().all(|entry| entry.place.end() <= pack.size)));
    }
});
