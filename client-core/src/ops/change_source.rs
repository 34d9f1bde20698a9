//! Changes a saved source, and its timer with it.

use uuid::Uuid;

use super::{
    Client,
    schedule::Schedule,
    sources::{self, Edit},
    timer::{self, Followed, Left},
};
use crate::error::Error;

/// Changes when a source is backed up, also by its timer, if it has one.
///
/// # Errors
/// Same as [`sources::set_schedule`]: nothing was changed then. A timer that cannot follow is no error.
pub fn set_schedule(client: &Client, id: Uuid, schedule: Schedule) -> Result<Followed, Error> {
    sources::set_schedule(client, id, schedule)?;
    Ok(follow(client, id))
}

/// Changes a source's name or connection; its timer gets the name, too.
///
/// # Errors
/// Same as [`sources::edit`]: nothing was changed then. A timer that cannot follow is no error.
pub fn edit(client: &Client, id: Uuid, edit: Edit<'_>) -> Result<Followed, Error> {
    sources::edit(client, id, edit)?;
    Ok(follow(client, id))
}

/// Renames a source from now on, also in its timer; its snapshots stay another source's.
///
/// # Errors
/// Same as [`sources::rename`]: nothing was changed then. A timer that cannot follow is no error.
pub fn rename(client: &Client, id: Uuid, name: String) -> Result<Followed, Error> {
    sources::rename(client, id, name)?;
    Ok(follow(client, id))
}

fn follow(client: &Client, id: Uuid) -> Followed {
    timer::follow(client, id).unwrap_or_else(|error| Followed::Left {
        unit: timer::timer_name(id),
        why: Left::Refused(error.happened().to_owned()),
    })
}
