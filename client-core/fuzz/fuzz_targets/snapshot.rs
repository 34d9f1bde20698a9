#![no_main]
//! A whole object, its envelope, and a body as somebody with the key could have sealed it.

use api_types::envelope::SnapshotEnvelope;
use client_core::format::{
    behind_the_seal,
    snapshot::{heads_hash, pack_set_hash, read_snapshot},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(parts) = read_snapshot(data) {
        drop(SnapshotEnvelope::from_bytes(&parts.head.envelope.0));
    }
    drop(SnapshotEnvelope::from_bytes(data));
    if let Ok(body) = behind_the_seal::snapshot(data) {
        assert_eq!(pack_set_hash(&body.packs), pack_set_hash(&body.packs.clone()));
        assert_eq!(heads_hash(&body.heads), heads_hash(&body.heads.clone()));
    }
});
