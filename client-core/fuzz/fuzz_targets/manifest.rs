#![no_main]
//! One piece of a manifest: what is read is what is written again.

use client_core::format::manifest::{MAX_ENTRIES, read_piece};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(entries) = read_piece(data) {
        assert!(!entries.is_empty() && entries.len() <= MAX_ENTRIES);
        assert_eq!(data.len(), 12 + 36 * entries.len());
    }
});
