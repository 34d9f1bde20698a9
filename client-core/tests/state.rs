//! The local index at some size, and from several processes. Larger ones: `cargo bench -p client-core --bench index`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod big_index;

use std::time::{Duration, Instant};

use big_index::{fill, measure, open};

#[test]
fn looking_up_is_far_faster_than_chunks_come() {
    // A dump of 300 MB/s has 300 chunks a second.
    assert!(measure(200, 500) > 5_000.0);
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
