//! The backup attempts on this device and their results. Needs no network.

use super::{Client, sources::SavedSource};
use crate::error::Error;
pub use crate::state::{Run, RunState};

/// Newest first, at most `most` entries.
///
/// # Errors
/// The local state cannot be read.
pub fn recent(client: &Client, most: u32) -> Result<Vec<Run>, Error> {
    Ok(client.open()?.state().runs(most)?)
}

/// The attempts to back up this source since it was added, newest first, out of the last `most` entries.
///
/// # Errors
/// Same as [`recent`].
pub fn of_source(client: &Client, source: &SavedSource, most: u32) -> Result<Vec<Run>, Error> {
    let mut runs = recent(client, most)?;
    runs.retain(|run| is_of(source, run));
    Ok(runs)
}

/// Whether a run was of this source. Runs before it was added may belong to another source of that name.
pub(super) fn is_of(source: &SavedSource, run: &Run) -> bool {
    source.is_named(&run.source) && run.kind == source.address.kind() && run.started_at >= source.created
}
