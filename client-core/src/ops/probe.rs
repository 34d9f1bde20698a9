//! Examines a source before it is saved: reachable, encrypted, readable, how large, dumped by which program.

use crate::{
    error::Error,
    source::{AnySource, Copying, Opening, Preflight, Stopper},
};

/// Connects and inspects; dumps and saves nothing.
///
/// # Errors
/// The source is unreachable, refuses the user, or no installed program can dump it.
pub async fn probe(source: AnySource) -> Result<Preflight, Error> {
    let look = move || {
        // A backup starts by opening the source, too.
        let looking = Opening { copy: Copying::Never, ..Opening::default() };
        Ok(source.connect(&Stopper::default(), &looking)?.preflight())
    };
    tokio::task::spawn_blocking(look).await.map_err(|e| Error::internal("the test died", &e))?
}
