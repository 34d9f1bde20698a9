#![no_main]
//! Dumps as they go by: nothing panics, whatever comes, and the steps in which it comes make no difference.

use client_core::source::completeness::{Seen, CompletenessCheck};
use libfuzzer_sys::fuzz_target;

fn see(bytes: &[u8], step: usize) -> Option<Seen> {
    let mut check = CompletenessCheck::new();
    for piece in bytes.chunks(step) {
        check.feed(piece).ok()?;
    }
    check.finish().ok()
}

fuzz_target!(|data: &[u8]| {
    let Some((step, data)) = data.split_first() else { return };
    assert!(see(data, usize::from(*step) + 1) == see(data, data.len().max(1)));
});
