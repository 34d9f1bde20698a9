//! Counters that replicas share.

use api_types::ErrorCode;

use super::{Db, at, pre_auth::PreAuthTx};
use crate::error::ApiError;

/// Counts one more `kind` for `key` and refuses when there were more than `limit` in `window` seconds.
pub(crate) async fn count(
    db: &Db,
    kind: &'static str,
    key: &[u8; 32],
    limit: i32,
    window: i64,
    now: i64,
) -> Result<(), ApiError> {
    let mut tx = PreAuthTx::begin(db).await?;
    if rand::random::<u8>() == 0 {
        sqlx::query("DELETE FROM app.rate_counter WHERE window_start < $1")
            .bind(at(now - 86_400))
            .execute(tx.conn())
            .await?;
    }
    let (count, age): (i32, i64) = sqlx::query_as(
        "INSERT INTO app.rate_counter AS r (kind, key, window_start, count) VALUES ($1, $2, $3, 1)
         ON CONFLICT (kind, key) DO UPDATE SET
             count = CASE WHEN r.window_start <= $4 THEN 1 ELSE LEAST(r.count, 1000000) + 1 END,
             window_start = CASE WHEN r.window_start <= $4 THEN $3 ELSE r.window_start END
         RETURNING count, EXTRACT(EPOCH FROM $3 - window_start)::bigint",
    )
    .bind(kind)
    .bind(key.as_slice())
    .bind(at(now))
    .bind(at(now - window))
    .fetch_one(tx.conn())
    .await?;
    tx.commit().await?;
    if count > limit {
        let wait = u64::try_from((window - age).max(1)).unwrap_or(1);
        return Err(ApiError::new(ErrorCode::RateLimited).retry_after(wait));
    }
    Ok(())
}
