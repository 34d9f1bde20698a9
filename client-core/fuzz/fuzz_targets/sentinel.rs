#![no_main]
//! Dumps as they go by: nothing panics, whatever comes, and the steps in which it comes make no difference.

use client_core::source::sentinel::{Seen, Sentinel};
use libfuzzer_sys::fuzz_target;

fn see(bytes: &[u8], step: usize) -> Option<Seen> {
    let mut sentinel = Sentinel::new();
    for piece in bytes.chunks(step) {
        sentinel.feed(piece).ok()?;
    }
    sentinel.finish().ok()
}

fuzz_target!(|data: &[u8]| {
    let Some((step, data)) = data.split_first() else { return };
    assert!(see(data, usize::from(*step) + 1) == see(data, data.len().max(1)));
});
