#![no_main]
//! Compressed dumps: whatever is accepted comes back bit for bit, and no plan makes more than it should.

use client_core::unwrap::{Rewrapper, Unwrapper};
use libfuzzer_sys::fuzz_target;

const ARCHIVE: &[u8] = b"PGDMP\x01\x0e\x00\x04\x08\x01\x00\xff\xff\xff\xff";

fn rewrap(stored: &[u8], plan: &[u8]) -> Option<Vec<u8>> {
    let mut rewrapper = Rewrapper::new(plan.to_vec()).ok()?;
    let mut out = Vec::new();
    rewrapper.push(stored, &mut out).ok()?;
    rewrapper.finish(&mut out).ok()?;
    Some(out)
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, data)) = data.split_first() else { return };
    if mode & 1 == 0 {
        let (plan, stored) = data.split_at(data.len() / 2);
        if let Some(out) = rewrap(stored, plan) {
            assert!(out.len() <= 12 * stored.len() + 32 * plan.len());
        }
        return;
    }
    let dump = if mode & 2 == 0 { data.to_vec() } else { [ARCHIVE, data].concat() };
    let (mut unwrapper, mut stored) = (Unwrapper::new(), Vec::new());
    let step = usize::from(mode >> 2) + 1;
    if dump.chunks(step).any(|piece| unwrapper.push(piece, &mut stored, &mut |_| {}).is_err()) {
        return;
    }
    let Ok(report) = unwrapper.finish(&mut stored, &mut |_| {}) else { return };
    let (content, plan) = stored.split_at(stored.len() - report.plan_len as usize);
    let back = if plan.is_empty() { Some(content.to_vec()) } else { rewrap(content, plan) };
    assert!(back.as_deref() == Some(&*dump));
});
