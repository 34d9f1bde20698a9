//! 52, 53: the service cannot change the trail, and a change by anybody else shows.

use api_types::{
    ErrorCode, VaultId,
    account::{SecondFactor, SignInFinish},
    vault::Audit,
};
use metadata_api::db::audit::{BrokenAt, Wire, verify};
use metadata_api::jobs;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};

use crate::support::{
    client::{Device, Person},
    fixture::Fixture,
};

async fn trail(fixture: &Fixture, person: &Person) -> Audit {
    fixture.call(person.request(fixture, "GET", "/audit")).await.ok()
}

#[tokio::test]
async fn n52_the_trail_is_append_only() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let before = fixture.fingerprint(&[]).await;
    for table in ["audit_event", "directory_entry"] {
        let statements = [
            format!("UPDATE app.{table} SET vault_id = vault_id"),
            format!("DELETE FROM app.{table}"),
            format!("TRUNCATE app.{table}"),
        ];
        for statement in statements {
            for role in ["sealkeep_api", "sealkeep_owner", "sealkeep_admin"] {
                let mut connection =
                    PgConnection::connect(fixture.database.url(role).expose_secret()).await.unwrap();
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
                    // Row-level security binds the owner too: no row matches.
                    Ok(done) => {
                        assert_eq!((role, done.rows_affected()), ("sealkeep_owner", 0), "{statement}")
                    }
                }
            }
        }
    }
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

#[tokio::test]
async fn n53_a_changed_row_shows() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.sign_in(&person, &person.device).await;
    let whole = trail(&fixture, &person).await;
    assert_eq!(whole.events.len(), 3);
    verify(person.vault, &whole.events).unwrap();
    assert_eq!(verify(VaultId::from_bytes([1; 16]), &whole.events), Err(BrokenAt(1)));

    // A superuser can change a row, but not unnoticed.
    sqlx::raw_sql("ALTER TABLE app.audit_event DISABLE TRIGGER ALL").execute(&fixture.admin).await.unwrap();
    sqlx::query("UPDATE app.audit_event SET event = overlay(event placing '\\x00'::bytea from 20 for 1) WHERE position = 2")
        .execute(&fixture.admin)
        .await
        .unwrap();
    assert_eq!(verify(person.vault, &trail(&fixture, &person).await.events), Err(BrokenAt(2)));
    sqlx::query("DELETE FROM app.audit_event WHERE position = 2").execute(&fixture.admin).await.unwrap();
    assert_eq!(verify(person.vault, &trail(&fixture, &person).await.events), Err(BrokenAt(2)));
    let mut exchanged = whole.events.clone();
    exchanged.swap(0, 1);
    assert_eq!(verify(person.vault, &exchanged), Err(BrokenAt(1)));
}

/// Concurrent writers leave no gap and no fork.
#[tokio::test]
async fn concurrent_events_make_one_chain() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let reads = (0..20).map(|_| fixture.call(person.request(&fixture, "GET", "/keys/keyring")));
    for reply in futures_util::future::join_all(reads).await {
        assert_eq!(reply.status, 200);
    }
    let whole = trail(&fixture, &person).await;
    assert_eq!(whole.events.len(), 22);
    verify(person.vault, &whole.events).unwrap();
}

/// Requests under the owner's device id from a stranger are not attributed to that device.
#[tokio::test]
async fn an_event_names_a_device_only_if_its_key_was_proven() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let mut liar = Device::new();
    liar.id = person.device.id;
    let half = fixture.sign_in_start(&liar, &person.email, "wrong").await;
    let wrong = SignInFinish { sign_in_id: half.started.sign_in_id, ke3: vec![7; 64].into() };
    fixture.post(&liar, "/v1/sign-in/finish", &wrong).await.refused(ErrorCode::SignInFailed);
    fixture.work(&mut jobs::all()).await;
    // Not even with the password.
    let started = fixture.half_sign_in(&person, &liar).await;
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 900));
    fixture.second_factor(&liar, &started, code).await.refused(ErrorCode::SecondFactorFailed);
    fixture.sign_in(&person, &person.device).await;

    let events: Vec<Wire> = trail(&fixture, &person)
        .await
        .events
        .iter()
        .map(|row| api_types::canonical::decode(&row.event.0).unwrap())
        .collect();
    let find = |action: &str| events.iter().find(|event| event.4 == action).unwrap();
    for action in ["sign_in_failed", "second_factor_failed"] {
        let event = find(action);
        assert_eq!(event.6, None, "{action} is put down to a device");
        let detail = |name: &str| &event.7.iter().find(|(n, _)| n == name).unwrap().1;
        assert_eq!(detail("claimed_device"), &person.device.id.to_string());
        let key = <sha2::Sha256 as sha2::Digest>::digest(liar.key.verifying_key().to_bytes());
        assert_eq!(detail("key"), &hex::encode(key));
    }
    assert_eq!(find("signed_in").6, Some(person.device.id));
}
