//! What was tried on this device, and how it ended. Needs no network.

use super::Client;
use crate::error::Error;
pub use crate::state::{Run, RunState};

/// Newest first, at most `most`.
///
/// # Errors
/// The local state cannot be read.
pub fn recent(client: &Client, most: u32) -> Result<Vec<Run>, Error> {
    Ok(client.open()?.state().runs(most)?)
}
