#![no_main]
//! Scripts for psql: cuts do not matter, and what is let through holds no command of psql's and ends no transaction
//! when a slow and simple reader looks at it.

use client_core::source::script::{Policy, ScriptFilter};
use libfuzzer_sys::fuzz_target;

fn filter(script: &[u8], step: usize) -> Option<Vec<u8>> {
    let mut filter = ScriptFilter::new(Policy::default());
    let mut out = Vec::new();
    for piece in script.chunks(step.max(1)) {
        filter.push(piece, &mut out).ok()?;
    }
    filter.finish(&mut out).ok()?;
    Some(out)
}

/// What stands outside of quotes, comments and the data of a COPY; only for scripts with plain strings.
fn bare(script: &[u8]) -> Vec<u8> {
    let (mut bare, mut at) = (Vec::new(), 0);
    while let Some(rest) = script.get(at..).filter(|rest| !rest.is_empty()) {
        let skip = |from: usize, end: &[u8]| {
            rest[from..].windows(end.len()).position(|part| part == end).map_or(rest.len(), |n| from + n + end.len())
        };
        at += match rest {
            [b'\'', ..] => skip(1, b"'"),
            [b'"', ..] => skip(1, b"\""),
            [b'-', b'-', ..] => rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len()),
            [first, ..] => {
                bare.push(*first);
                1
            }
            [] => 0,
        };
    }
    bare
}

fuzz_target!(|data: &[u8]| {
    let Some((step, script)) = data.split_first() else { return };
    let whole = filter(script, usize::MAX);
    assert!(whole == filter(script, usize::from(*step)));
    let Some(out) = whole else { return };
    let lower = script.to_ascii_lowercase();
    let holds = |text: &[u8]| lower.windows(text.len()).any(|part| part == text);
    let simple = !["$", "copy", "/*", "standard", "restrict", "connect", "e'"].iter().any(|text| holds(text.as_bytes()));
    if simple {
        assert!(!bare(&out).contains(&b'\\'));
    }
    // What was let through once is let through again, unchanged.
    if !holds(b"connect") && !holds(b"database") && !script.starts_with(b"\xef\xbb\xbf") {
        assert!(filter(&out, 7).as_deref() == Some(&*out));
    }
});
