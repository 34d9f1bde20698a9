//! Waits for an event, with a deadline: what never happens is a failure with a sentence, not a test that hangs.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::failure::{Failure, Result};

/// Longer than a single event takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks, which may each start a program.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits up to two minutes for `what`.
///
/// # Errors
/// It did not happen.
pub fn until(what: &str, happened: impl FnMut() -> bool) -> Result<()> {
    within(PATIENCE, what, happened)
}

/// Waits for `what`, with another deadline.
///
/// # Errors
/// It did not happen.
pub fn within(patience: Duration, what: &str, mut happened: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + patience;
    while !happened() {
        if Instant::now() > end {
            return Err(Failure::new(format!("{what}: not within {} s", patience.as_secs())));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
