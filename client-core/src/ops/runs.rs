//! The backup attempts on this device and their results. Needs no network.

use super::Client;
use crate::error::Error;
pub use crate::state::{Run, RunState};

/// Newest first, at most `most` entries.
///
/// # Errors
/// The local state cannot be read.
pub fn recent(client: &Client, most: u32) -> Result<Vec<Run>, Error> {
    Ok(client.open()?.state().runs(most)?)
}
