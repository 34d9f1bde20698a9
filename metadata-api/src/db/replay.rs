//! Nonces of request signatures, shared by all replicas.

use super::{Db, at};

/// One request in this many also clears out what is past remembering.
const CLEAN_EVERY: u8 = 64;

/// Remembers a nonce until `until`; false when it was seen before.
pub(crate) async fn first_use(
    db: &Db,
    key_hash: &[u8; 32],
    nonce: &[u8; 16],
    now: i64,
    until: i64,
) -> Result<bool, sqlx::Error> {
    if rand::random::<u8>().is_multiple_of(CLEAN_EVERY) {
        sqlx::query("DELETE FROM app.nonce WHERE expires_at < $1").bind(at(now)).execute(&db.pool).await?;
    }
    let done = sqlx::query(
        "INSERT INTO app.nonce (key_hash, nonce, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(key_hash.as_slice())
    .bind(nonce.as_slice())
    .bind(at(until))
    .execute(&db.pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
