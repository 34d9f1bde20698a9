//! URLs run out, maybe while they wait to be used: another one is asked for, a few times.

use super::StoreError;
use crate::error::Error;

/// URLs that are tried for one object before its failure is final.
const URL_TRIES: usize = 4;

/// Asks for a grant and tries with it, again with a new one as long as the store refuses its URL. The inner result is
/// the store's; no grant means [`StoreError::NotFound`].
///
/// # Errors
/// As `ask`.
pub async fn with_urls<G, T, A, F>(
    mut ask: impl FnMut() -> A,
    mut attempt: impl FnMut(G) -> F,
) -> Result<Result<T, StoreError>, Error>
where
    A: Future<Output = Result<Option<G>, Error>>,
    F: Future<Output = Result<T, StoreError>>,
{
    let mut left = URL_TRIES;
    loop {
        left -= 1;
        let Some(grant) = ask().await? else { return Ok(Err(StoreError::NotFound)) };
        match attempt(grant).await {
            Err(StoreError::NeedNewUrl) if left > 0 => {}
            done => return Ok(done),
        }
    }
}
