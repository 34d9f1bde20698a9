//! What a source is like, before it is saved: reachable, encrypted, readable, how large, dumped by what.

use crate::{
    error::Error,
    source::{AnySource, Copying, Opening, Preflight, Stopper},
};

/// Connects and looks; nothing is dumped and nothing saved.
///
/// # Errors
/// It cannot be reached, refuses the user, or there is no program that could dump it.
pub async fn probe(source: AnySource) -> Result<Preflight, Error> {
    let look = move || {
        // Opening it is what a backup does first.
        let looking = Opening { copy: Copying::Never, ..Opening::default() };
        Ok(source.connect(&Stopper::default(), &looking)?.preflight())
    };
    tokio::task::spawn_blocking(look).await.map_err(|e| Error::internal("the test died", &e))?
}
