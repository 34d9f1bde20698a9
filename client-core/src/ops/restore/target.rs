//! Inspects the target of a restore before it starts. Changes nothing.

use super::{Destination, no_database, sink::informed};
use crate::{
    error::Error,
    ops::{Client, select::Selector},
    output,
    source::{Finding, SourceError, Stopper},
};

/// What a restore of this snapshot would find at its target.
///
/// # Errors
/// Those with which the restore would be refused before it changes anything.
pub async fn inspect_target(
    client: &Client,
    snapshot: &Selector,
    destination: Destination,
) -> Result<Finding, Error> {
    match destination {
        Destination::File { path, .. } => {
            output::refuse_existing(&path)?;
            Ok(Finding::Absent)
        }
        Destination::Pipe(_) | Destination::Nowhere => Ok(Finding::Empty),
        Destination::Database { database, choices, onto_source, to_copy_of_source } => {
            let vault = client.open_history().await?;
            let (_, body) = vault.select(snapshot).await?;
            let choices = informed(*choices, &body, onto_source, to_copy_of_source);
            let looking = tokio::task::spawn_blocking(move || {
                let target = database.database().ok_or_else(|| no_database(&*database))?;
                target.inspect(choices, &Stopper::default())
            });
            looking.await.map_err(|e| Error::internal("the check died", &e))?.map_err(SourceError::of_restore)
        }
    }
}
