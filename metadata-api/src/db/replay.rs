//! Nonces of request signatures, shared by all replicas.

use super::{Db, at};

/// One request in this many also deletes expired nonces.
const CLEAN_EVERY: u8 = 64;

/// Stores a nonce until `until`; false if it was seen before.
pub(crate) async fn first_use(
    db: &Db,
    key_hash: &[u8; 32],
    nonce: &[u8; 16],
    now: i64,
    until: i64,
) -> Result<bool, sqlx::Error> {
    if rand::random::<u8>().is_multiple_of(CLEAN_EVERY) {
        delete_expired(db, now).await?;
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

/// Deletes expired nonces.
pub(crate) async fn delete_expired(db: &Db, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM app.nonce WHERE expires_at < $1").bind(at(now)).execute(&db.pool).await?;
    Ok(())
}

/// Whether a nonce is stored.
pub(crate) async fn known(db: &Db, key_hash: &[u8; 32], nonce: &[u8; 16]) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM app.nonce WHERE key_hash = $1 AND nonce = $2)")
        .bind(key_hash.as_slice())
        .bind(nonce.as_slice())
        .fetch_one(&db.pool)
        .await
}
