//! Ranges of an object: to check whether the store serves it at all, and how it ends.

use std::ops::Range;

use api_types::{ObjectKey, ObjectKind, backup::MAX_OBJECT_SIZE, vault::ReadGrant};
use reqwest::{StatusCode, header};

use super::{FailedAttempt, PresignedStore, pace::Pace};
use crate::{store::StoreError, text};

impl PresignedStore {
    /// Fetches a range of an object without verifying it: the caller knows what it must be.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Damaged`] if the object is longer or shorter than expected.
    pub async fn get_part(
        &self,
        grant: &ReadGrant,
        kind: ObjectKind,
        part: Range<u64>,
    ) -> Result<Vec<u8>, StoreError> {
        let object = &grant.object;
        if object.kind != kind || object.size > MAX_OBJECT_SIZE || part.is_empty() || part.end > object.size {
            return Err(StoreError::Damaged(text!("object {id} is not what it should be", id = object.id)));
        }
        let key = ObjectKey { vault: self.vault, kind, id: object.id };
        let url = self.address.check(&grant.url, &key)?;
        self.admit().await?;
        let (first, last) = (part.start, part.end - 1);
        let wanted = format!("bytes {first}-{last}/{}", object.size);
        let damaged = || {
            let why = text!("object {id} does not have {size} bytes", id = object.id, size = object.size);
            FailedAttempt::Fatal(StoreError::Damaged(why))
        };
        self.with_retry(|| async {
            let request = self.http.get(url.clone()).header(header::RANGE, format!("bytes={first}-{last}"));
            let mut answer = self.answer(request).await?;
            let skip = match answer.status() {
                StatusCode::PARTIAL_CONTENT => {
                    let given = answer.headers().get(header::CONTENT_RANGE);
                    if given.is_none_or(|given| given.as_bytes() != wanted.as_bytes()) {
                        return Err(damaged());
                    }
                    0
                }
                // The store ignores ranges.
                StatusCode::OK if answer.content_length() == Some(object.size) => first,
                StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE => return Err(damaged()),
                StatusCode::NOT_FOUND => return Err(FailedAttempt::Fatal(StoreError::NotFound)),
                status => return Err(self.refused(status, answer.headers())),
            };
            let (mut out, mut at) = (Vec::new(), 0);
            let mut pace = Pace::new(self.stall);
            let end = skip + (part.end - part.start);
            while at < end
                && let Some(piece) = self.piece(&mut answer, &mut pace).await?
            {
                for byte in piece {
                    if (skip..end).contains(&at) {
                        out.push(byte);
                    }
                    at += 1;
                }
            }
            if at < end { Err(FailedAttempt::retryable(text!("the download was cut off"))) } else { Ok(out) }
        })
        .await
    }
}
