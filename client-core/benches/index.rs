//! `cargo bench -p client-core --bench index`: the local index of 100 GB, 1 TB and 10 TB. A quarter of an hour.

#[path = "../tests/storage/big_index/mod.rs"]
mod big_index;

use big_index::measure;

fn main() {
    let small = measure(100, 1_000);
    assert!(measure(1_000, 1_000) > 5_000.0);
    let large = measure(10_000, 1_000);
    assert!(large > 5_000.0 && large > small / 10.0);
}
