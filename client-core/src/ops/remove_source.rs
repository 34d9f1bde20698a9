//! Removes a saved source with everything that would start its backups.

use uuid::Uuid;

use super::{Client, sources, timer};
use crate::error::Error;

/// Removes the source and its timer; its snapshots stay. Returns what became of the timer.
///
/// # Errors
/// As [`timer::remove`]: the source stays then, so that its timer can still be found.
pub fn remove(client: &Client, id: Uuid) -> Result<timer::Removed, Error> {
    let removed = timer::remove(client, id)?;
    sources::forget(client, id)?;
    Ok(removed)
}
