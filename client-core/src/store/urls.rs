//! URLs expire, sometimes before they are used: a few new ones are requested.

use super::StoreError;
use crate::error::Error;

/// How many URLs are tried for one object.
const URL_TRIES: usize = 4;

/// Requests a grant and uses it, and repeats both while the store rejects the URL. The inner result is the store's;
/// no grant means [`StoreError::NotFound`].
///
/// # Errors
/// Any error of `ask`.
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
