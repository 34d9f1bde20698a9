//! PostgreSQL. The pool is private: queries run in a [`TenantTx`] or, before sign-in, in a [`pre_auth::PreAuthTx`].

use std::time::Duration;

use api_types::ErrorCode;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use time::OffsetDateTime;

use crate::error::ApiError;

pub mod pre_auth;
pub mod tenant_tx;

pub mod account;
pub mod audit;
pub mod boot;
pub mod device;
pub mod directory;
pub(crate) mod failed_sign_in;
pub mod key;
pub(crate) mod object;
pub mod pending;
pub mod rate_limit;
pub mod replay;
pub(crate) mod run;
pub mod session;
pub(crate) mod snapshot;
pub mod vault;

pub use boot::{CheckError, MigrateError, check, migrate};
pub use tenant_tx::{ActiveDevice, AnyDevice, TenantTx};

/// The service's connection pool.
#[derive(Clone)]
pub struct Db {
    pool: PgPool,
}

/// Opens a pool for the api role. Does not check the database: see [`check`].
///
/// # Errors
/// The URL is invalid, or the database refused.
pub async fn connect(url: &SecretString, max_connections: u32) -> Result<Db, sqlx::Error> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    let options = options.options([
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("row_security", "on"),
        ("search_path", "pg_catalog"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await?;
    Ok(Db { pool })
}

impl Db {
    /// Whether the database responds.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Converts seconds since 1970 to a PostgreSQL timestamp.
pub(crate) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The part of a database error that may be logged; server messages can quote values.
#[derive(Debug, thiserror::Error)]
#[error("database: {0}")]
struct DatabaseFault(String);

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let (code, text) = match &error {
            sqlx::Error::Database(e) => {
                let state = e.code().unwrap_or_default();
                // 53: insufficient resources, 57: operator intervention, 08: connection
                let gone = ["53", "57", "08"].iter().any(|class| state.starts_with(class));
                let code = if gone { ErrorCode::Unavailable } else { ErrorCode::Internal };
                (code, format!("SQLSTATE {state}, table {:?}, constraint {:?}", e.table(), e.constraint()))
            }
            sqlx::Error::Io(e) => (ErrorCode::Unavailable, e.to_string()),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                (ErrorCode::Unavailable, error.to_string())
            }
            other => (ErrorCode::Internal, other.to_string()),
        };
        ApiError::because(code, DatabaseFault(text))
    }
}

/// A column violates what the schema promises.
pub(crate) fn corrupt(what: &'static str) -> ApiError {
    ApiError::internal(format!("database: {what} is not what the schema promises"))
}
