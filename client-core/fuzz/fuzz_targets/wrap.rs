#![no_main]
//! Wraps, the keyring inside them, the recovery file and typed words.

use api_types::VaultId;
use client_core::crypto::{Amk, Keyring, RecoveryIdentity, RecoveryWords, recovery, wrap};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZ9K4CN";

fuzz_target!(|data: &[u8]| {
    drop(wrap::open_keyring(data, &Amk::from_bytes(&[0x63; 32]), VaultId::from_bytes([0x11; 16])));
    if let Ok(keyring) = Keyring::from_bytes(data) {
        assert!(keyring.to_bytes().is_ok_and(|again| again.as_slice() == data));
    }
    if let Ok(identity) = RecoveryIdentity::parse(KEY) {
        drop(recovery::open(data, &identity));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        drop(RecoveryWords::parse(text));
    }
});
