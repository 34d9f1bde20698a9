//! Counters shared by all replicas. A key does not reveal whom it counts.

use super::{at, pre_auth::PreAuthTx};

/// A counter and its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) kind: &'static str,
    pub(crate) key: [u8; 32],
    /// Seconds after the first count at which the counter restarts.
    pub(crate) window: i64,
}

impl Counter {
    /// The count in the current window.
    pub(crate) async fn read(&self, tx: &mut PreAuthTx, now: i64) -> Result<i32, sqlx::Error> {
        let count: Option<i32> = sqlx::query_scalar(
            "SELECT count FROM app.rate_counter WHERE kind = $1 AND key = $2 AND expires_at > $3",
        )
        .bind(self.kind)
        .bind(self.key.as_slice())
        .bind(at(now))
        .fetch_optional(tx.conn())
        .await?;
        Ok(count.unwrap_or(0))
    }

    /// Adds one. Returns the new count and the seconds until it resets. A refused caller's transaction is rolled back,
    /// so that repeated attempts do not keep the window full.
    pub(crate) async fn add(&self, tx: &mut PreAuthTx, now: i64) -> Result<(i32, u64), sqlx::Error> {
        let (count, left): (i32, i64) = sqlx::query_as(
            "INSERT INTO app.rate_counter AS r (kind, key, expires_at, count) VALUES ($1, $2, $3, 1)
             ON CONFLICT (kind, key) DO UPDATE SET
                 count = CASE WHEN r.expires_at <= $4 THEN 1 ELSE LEAST(r.count, 1000000) + 1 END,
                 expires_at = CASE WHEN r.expires_at <= $4 THEN $3 ELSE r.expires_at END
             RETURNING count, EXTRACT(EPOCH FROM expires_at - $4)::bigint",
        )
        .bind(self.kind)
        .bind(self.key.as_slice())
        .bind(at(now + self.window))
        .bind(at(now))
        .fetch_one(tx.conn())
        .await?;
        Ok((count, u64::try_from(left).unwrap_or(1).max(1)))
    }
}

/// Undoes the counts of an attempt that succeeded.
pub(crate) async fn give_back(tx: &mut PreAuthTx, counted: &[(String, Vec<u8>)]) -> Result<(), sqlx::Error> {
    for (kind, key) in counted {
        sqlx::query(
            "UPDATE app.rate_counter SET count = GREATEST(count - 1, 0) WHERE kind = $1 AND key = $2",
        )
        .bind(kind)
        .bind(key)
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Deletes expired counters.
pub(crate) async fn delete_expired(tx: &mut PreAuthTx, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM app.rate_counter WHERE expires_at <= $1")
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}
