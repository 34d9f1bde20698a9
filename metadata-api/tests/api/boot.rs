//! 51: databases on which the service refuses to start.

use metadata_api::db::{self, CheckError, MigrateError};
use secrecy::ExposeSecret;

use crate::support::fixture::Database;

async fn refusal(database: &Database, role: &str) -> CheckError {
    let db = db::connect(&database.url(role), 1).await.unwrap();
    db::check(&db).await.unwrap_err()
}

#[tokio::test]
async fn n51_roles_that_row_security_does_not_bind() {
    let database = Database::new().await;
    db::check(&db::connect(&database.url("sealkeep_api"), 1).await.unwrap()).await.unwrap();
    for (role, words) in [("sealkeep_admin", "superuser"), ("sealkeep_owner", "owns tables")] {
        let refused = refusal(&database, role).await;
        assert!(matches!(&refused, CheckError::Role { .. }), "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_table_without_forced_row_security() {
    for statement in [
        "CREATE TABLE app.forgotten (vault_id uuid)",
        "ALTER TABLE app.wrapped_key NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE app.session DISABLE ROW LEVEL SECURITY",
    ] {
        let database = Database::new().await;
        let admin = database.pool("sealkeep_admin").await;
        sqlx::query(statement).execute(&admin).await.unwrap();
        let refused = refusal(&database, "sealkeep_api").await;
        assert!(matches!(refused, CheckError::Unprotected(_)), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn migrations_pending_foreign_or_missing() {
    let database = Database::new().await;
    let admin = database.pool("sealkeep_admin").await;
    sqlx::query("UPDATE app._sqlx_migrations SET checksum = 'x' WHERE version = 3")
        .execute(&admin)
        .await
        .unwrap();
    assert!(matches!(refusal(&database, "sealkeep_api").await, CheckError::Foreign(3)));
    sqlx::query("DELETE FROM app._sqlx_migrations WHERE version = 3").execute(&admin).await.unwrap();
    let refused = refusal(&database, "sealkeep_api").await;
    assert!(matches!(refused, CheckError::Pending(3)));
    assert!(refused.to_string().contains("metadata-api migrate"), "{refused}");
    sqlx::query("DROP SCHEMA app CASCADE").execute(&admin).await.unwrap();
    assert!(matches!(refusal(&database, "sealkeep_api").await, CheckError::Empty));
    // Follow the message's advice:
    db::migrate(&database.url("sealkeep_owner")).await.unwrap();
    db::migrate(&database.url("sealkeep_owner")).await.unwrap();
    db::check(&db::connect(&database.url("sealkeep_api"), 1).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn the_service_cannot_migrate() {
    let database = Database::new().await;
    let refused = db::migrate(&database.url("sealkeep_api")).await.unwrap_err();
    assert!(matches!(&refused, MigrateError::NotOwner(_)), "{refused}");
    assert!(!refused.to_string().contains(database.url("sealkeep_api").expose_secret()));
}

/// A database of another build is refused with instructions for starting afresh, and nothing is changed.
#[tokio::test]
async fn a_database_of_another_build_is_refused_with_instructions() {
    let database = Database::new().await;
    let admin = database.pool("sealkeep_admin").await;
    sqlx::query("UPDATE app._sqlx_migrations SET checksum = 'x' WHERE version = 3")
        .execute(&admin)
        .await
        .unwrap();
    let refused = db::migrate(&database.url("sealkeep_owner")).await.unwrap_err();
    assert!(matches!(refused, MigrateError::OtherBuild(3)), "{refused}");
    for said in [refused.to_string(), refusal(&database, "sealkeep_api").await.to_string()] {
        assert!(said.contains("another build") && said.contains("--embedded NEW_FOLDER"), "{said}");
    }
}
