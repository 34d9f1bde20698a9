#![no_main]
//! A whole pack, its end alone, and a directory as somebody with the key could have sealed it.

use api_types::VaultId;
use client_core::{
    crypto::ReadIdentity,
    format::{behind_the_seal, pack::PackReader},
};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZ9K4CN";

fuzz_target!(|data: &[u8]| {
    let vault = VaultId::from_bytes([0x11; 16]);
    let Ok(identity) = ReadIdentity::parse(KEY, 1) else { return };
    if let Ok(reader) = PackReader::open(data, vault, &[identity]) {
        for entry in reader.entries() {
            drop(reader.open_record_in(entry, data));
        }
    }
    drop(PackReader::tail_len(data));
    if let Ok(entries) = behind_the_seal::directory(data, 64, 1 << 24) {
        assert!(entries.windows(2).all(|pair| pair[0].end() == pair[1].offset));
        assert!(entries.iter().all(|entry| entry.end() <= 1 << 24));
    }
});
