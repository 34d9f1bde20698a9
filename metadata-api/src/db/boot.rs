//! Migrations, and what the database must satisfy before the service starts.

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use super::Db;

const TABLE: &str = "app._sqlx_migrations";

/// Tables of schema `app` without row-level security, each with the reason.
const WITHOUT_ROW_SECURITY: &[(&str, &str)] =
    &[("_sqlx_migrations", "names of migrations; no tenant's data, written by the owner alone")];

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../migrations");
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema("app");
    migrator
}

/// Why migrations could not run.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A role does not exist.
    #[error("the role {0} is missing: run migrations/roles.sql as an administrator first")]
    RoleMissing(&'static str),
    /// Connected as the wrong role.
    #[error("migrations run as sealkeep_owner, and {0} is neither it nor may become it")]
    NotOwner(String),
    /// An error from the database.
    #[error("the database refused: {0}")]
    Database(#[from] sqlx::Error),
    /// The database was created by another build with different tables.
    #[error(
        "this database was created by another build of metadata-api (migration {0} differs); this one does not read it. Nothing was changed. Run the build that created it, or start afresh: `metadata-api --embedded NEW_FOLDER`; on a database of your own, `psql -c 'DROP SCHEMA app CASCADE'` as its owner and then `metadata-api migrate`"
    )]
    OtherBuild(i64),
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

/// Brings the schema up to date as `sealkeep_owner`, or as a role that may become it.
pub async fn migrate(owner_url: &SecretString) -> Result<(), MigrateError> {
    let options: PgConnectOptions = owner_url.expose_secret().parse()?;
    let mut connection = PgConnection::connect_with(&options).await?;
    for role in ["sealkeep_owner", "sealkeep_api", "sealkeep_auth"] {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut connection)
            .await?;
        if !known {
            return Err(MigrateError::RoleMissing(role));
        }
    }
    let user: String = sqlx::query_scalar("SELECT session_user::text").fetch_one(&mut connection).await?;
    sqlx::query("SET ROLE sealkeep_owner")
        .execute(&mut connection)
        .await
        .map_err(|_| MigrateError::NotOwner(user))?;
    migrator().run_direct(None, &mut connection, false).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::VersionMismatch(version)
        | sqlx::migrate::MigrateError::VersionMissing(version) => MigrateError::OtherBuild(version),
        other => other.into(),
    })?;
    connection.close().await?;
    Ok(())
}

/// Why the service must not start with this database.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The role would see every tenant's rows.
    #[error("the database role {role} {why}: row-level security would not bind it; connect as sealkeep_api")]
    Role {
        /// The connected role.
        role: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A table without row-level security.
    #[error("table app.{0} has no enabled and forced row-level security")]
    Unprotected(String),
    /// `metadata-api migrate` has to run.
    #[error("migration {0} has not run: run `metadata-api migrate`")]
    Pending(i64),
    /// The database is newer, or a migration was edited.
    #[error(
        "this database was created by another build of metadata-api (migration {0} differs); this one does not read it: run the build that created it, or start afresh with `metadata-api --embedded NEW_FOLDER`, or with an empty database and `metadata-api migrate`"
    )]
    Foreign(i64),
    /// The schema is missing.
    #[error("the database has no schema `app`: run `metadata-api migrate`")]
    Empty,
    /// An error from the database.
    #[error("the database refused: {0}")]
    Database(#[from] sqlx::Error),
}

/// The boot check: role, row-level security on every table, migrations.
pub async fn check(db: &Db) -> Result<(), CheckError> {
    let mut connection = db.pool.acquire().await?;
    check_role(&mut connection).await?;
    check_migrations(&mut connection).await?;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'app' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
         ORDER BY 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    match open.into_iter().find(|table| !WITHOUT_ROW_SECURITY.iter().any(|(name, _)| name == table)) {
        Some(table) => Err(CheckError::Unprotected(table)),
        None => Ok(()),
    }
}

async fn check_role(connection: &mut PgConnection) -> Result<(), CheckError> {
    let (role, super_or_bypass, owns, becomes_owner): (String, bool, bool, bool) = sqlx::query_as(
        "SELECT current_user::text,
                (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
                EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname = 'app' AND pg_get_userbyid(c.relowner) = current_user),
                EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname = 'app' AND pg_has_role(current_user, c.relowner, 'MEMBER'))",
    )
    .fetch_one(connection)
    .await?;
    let why = match (super_or_bypass, owns, becomes_owner) {
        (true, ..) => "is a superuser or has BYPASSRLS",
        (_, true, _) => "owns tables",
        (.., true) => "may become the owner of the tables",
        _ => return Ok(()),
    };
    Err(CheckError::Role { role, why })
}

async fn check_migrations(connection: &mut PgConnection) -> Result<(), CheckError> {
    let present: bool = sqlx::query_scalar("SELECT to_regclass('app._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !present {
        return Err(CheckError::Empty);
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("SELECT version, checksum, success FROM app._sqlx_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let migrator = migrator();
    for migration in migrator.iter() {
        let found = applied.iter().find(|(version, ..)| *version == migration.version);
        match found {
            Some((_, checksum, true)) if checksum[..] == migration.checksum[..] => {}
            Some((_, _, true)) => return Err(CheckError::Foreign(migration.version)),
            _ => return Err(CheckError::Pending(migration.version)),
        }
    }
    match applied.iter().find(|(version, ..)| !migrator.version_exists(*version)) {
        Some((version, ..)) => Err(CheckError::Foreign(*version)),
        None => Ok(()),
    }
}
