//! Random choices that can be repeated.

use std::env;

use crate::failure::{Context, Result};

/// The seed of a test's random choices: `SEED`, or a new one, which the output of a failed test names.
///
/// # Errors
/// `SEED` is not a number.
#[expect(clippy::print_stdout, reason = "the harness shows it if the test fails")]
pub fn seed() -> Result<u64> {
    let seed = match env::var("SEED") {
        Ok(seed) => seed.parse().context("SEED")?,
        Err(_) => rand::random(),
    };
    println!("SEED={seed} repeats this");
    Ok(seed)
}
