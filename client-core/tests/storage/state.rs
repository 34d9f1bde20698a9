//! The local index at scale and shared by several processes. Larger sizes: `cargo bench -p client-core --bench index`.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::big_index;

use std::{
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use api_types::{DeviceId, HeadHash, Sha256};
use big_index::{fill, measure, open};
use client_core::{
    device::{DirectoryPin, Head, Pins},
    state::StateError,
};

#[test]
fn lookups_are_far_faster_than_chunks_arrive() {
    // A 300 MB/s dump has 300 chunks per second.
    assert!(measure(200, 500) > 5_000.0);
}

#[test]
fn every_file_is_private_to_its_owner() {
    let home = tempfile::tempdir().unwrap();
    // A file that an older program or another umask left readable.
    std::fs::write(home.path().join("pins.db"), b"").unwrap();
    std::fs::set_permissions(home.path().join("pins.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let state = open(home.path());
    let pin = DirectoryPin { len: 1, hash: Sha256::new([1; 32]) };
    state.pins().rise(&Pins { directory: Some(pin), ..Pins::default() }).unwrap();
    fill(&state, 0..3, 10);
    let mut seen = 0;
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        seen += 1;
    }
    assert!(seen >= 4, "two databases and their journals, not {seen} files");
}

#[test]
fn two_processes_pin_in_any_order() {
    let home = tempfile::tempdir().unwrap();
    let pin = |len: u64, hash: u8| Pins {
        directory: Some(DirectoryPin { len, hash: Sha256::new([hash; 32]) }),
        ..Pins::default()
    };
    std::thread::scope(|scope| {
        for start in 0..2 {
            let home = home.path();
            scope.spawn(move || {
                let state = open(home);
                for len in (1 + start..60).step_by(2) {
                    state.pins().rise(&pin(len, len as u8)).unwrap();
                }
            });
        }
    });
    let state = open(home.path());
    assert_eq!(state.pins().load().unwrap(), pin(59, 59), "a pin went backwards");
    assert!(!state.pins().rise(&pin(3, 3)).unwrap());
    assert_eq!(state.pins().load().unwrap(), pin(59, 59));
    // Equally long but different: two histories were shown.
    assert!(matches!(state.pins().rise(&pin(59, 1)), Err(StateError::Forked(_))));
    let device = DeviceId::from_bytes([2; 16]);
    let head = |hash| Pins {
        directory: None,
        heads: [(device, Head { sequence: 5, hash: HeadHash::new([hash; 32]) })].into(),
    };
    assert!(state.pins().rise(&head(1)).unwrap());
    assert!(matches!(state.pins().rise(&head(2)), Err(StateError::Forked(_))));
}

#[test]
fn two_processes_write_at_once() {
    let home = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let home = home.path();
            scope.spawn(move || fill(&open(home), part * 25..(part + 1) * 25, 10));
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!(open(home.path()).index_size().unwrap(), (1000, 100));
}
