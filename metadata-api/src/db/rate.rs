//! Counters that replicas share. A key says nothing of whom it counts.

use super::{at, pre_auth::PreAuthTx};

/// What is counted, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) kind: &'static str,
    pub(crate) key: [u8; 32],
    /// Seconds after its first count when it begins anew.
    pub(crate) window: i64,
}

impl Counter {
    /// How many there were in the present window.
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

    /// Counts one more: how many there are now, and seconds until they are forgotten. A refused caller's transaction
    /// is dropped, so that asking again and again does not keep the window full.
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

/// Takes back what was counted for something that turned out well.
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

/// Forgets what is over.
pub(crate) async fn forget(tx: &mut PreAuthTx, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM app.rate_counter WHERE expires_at <= $1")
        .bind(at(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}
