//! 52, 53: the trail cannot be changed by the service, and shows when somebody else changed it.

use api_types::{VaultId, vault::Audit};
use metadata_api::db::audit::{BrokenAt, verify};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};

use crate::{client::Person, stage::Stage};

async fn trail(stage: &Stage, person: &Person) -> Audit {
    stage.call(person.request(stage, "GET", "/audit")).await.ok()
}

#[tokio::test]
async fn n52_the_trail_is_append_only() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let before = stage.fingerprint(&[]).await;
    for table in ["audit_event", "directory_entry"] {
        let statements = [
            format!("UPDATE app.{table} SET vault_id = vault_id"),
            format!("DELETE FROM app.{table}"),
            format!("TRUNCATE app.{table}"),
        ];
        for statement in statements {
            for role in ["sealkeep_api", "sealkeep_owner", "sealkeep_admin"] {
                let mut connection =
                    PgConnection::connect(stage.database.url(role).expose_secret()).await.unwrap();
                let mut tx = connection.begin().await.unwrap();
                sqlx::query(
                    "SELECT set_config('app.account_id', $1, true), set_config('app.vault_id', $2, true)",
                )
                .bind(person.account.to_string())
                .bind(person.vault.to_string())
                .execute(&mut *tx)
                .await
                .unwrap();
                let done = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut *tx).await;
                match done {
                    Err(refused) => {
                        let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
                        assert_eq!(code, "42501", "{role}: {statement}");
                    }
                    // The owner is bound by row-level security: it reaches no row.
                    Ok(done) => {
                        assert_eq!((role, done.rows_affected()), ("sealkeep_owner", 0), "{statement}")
                    }
                }
            }
        }
    }
    assert_eq!(stage.fingerprint(&[]).await, before);
}

#[tokio::test]
async fn n53_a_changed_row_shows() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    stage.login(&person, &person.device).await;
    let whole = trail(&stage, &person).await;
    assert_eq!(whole.events.len(), 3);
    verify(person.vault, &whole.events).unwrap();
    assert_eq!(verify(VaultId::from_bytes([1; 16]), &whole.events), Err(BrokenAt(1)));

    // A superuser can do it; it does not stay unnoticed.
    sqlx::raw_sql("ALTER TABLE app.audit_event DISABLE TRIGGER ALL").execute(&stage.admin).await.unwrap();
    sqlx::query("UPDATE app.audit_event SET event = overlay(event placing '\\x00'::bytea from 20 for 1) WHERE position = 2")
        .execute(&stage.admin)
        .await
        .unwrap();
    assert_eq!(verify(person.vault, &trail(&stage, &person).await.events), Err(BrokenAt(2)));
    sqlx::query("DELETE FROM app.audit_event WHERE position = 2").execute(&stage.admin).await.unwrap();
    assert_eq!(verify(person.vault, &trail(&stage, &person).await.events), Err(BrokenAt(2)));
    let mut exchanged = whole.events.clone();
    exchanged.swap(0, 1);
    assert_eq!(verify(person.vault, &exchanged), Err(BrokenAt(1)));
}

/// Many writers at once: no gap, no fork.
#[tokio::test]
async fn concurrent_events_make_one_chain() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let reads = (0..20).map(|_| stage.call(person.request(&stage, "GET", "/keys/keyring")));
    for reply in futures_util::future::join_all(reads).await {
        assert_eq!(reply.status, 200);
    }
    let whole = trail(&stage, &person).await;
    assert_eq!(whole.events.len(), 22);
    verify(person.vault, &whole.events).unwrap();
}
