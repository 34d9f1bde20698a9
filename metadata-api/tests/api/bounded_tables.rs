//! Tables that one account could fill without end are bounded: audit, sessions, refresh tokens, runs (M-1 and related).

use api_types::{
    RunId, SourceId,
    backup::{Lease, RunStart},
    vault::AUDIT_KEPT,
};
use metadata_api::jobs;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::{
    client::{Device, Person},
    fixture::Fixture,
};

async fn number(admin: &PgPool, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(admin).await.unwrap()
}

async fn change(admin: &PgPool, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(admin).await.unwrap();
}

#[tokio::test]
async fn the_newest_rows_of_a_trail_are_kept_and_no_more() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let vault = person.vault;
    let first = 1 + number(&fixture.admin, "SELECT max(position) FROM app.audit_event").await;
    let last = AUDIT_KEPT.cast_signed() + 500;
    change(
        &fixture.admin,
        format!(
            "INSERT INTO app.audit_event SELECT '{vault}', n, '\\x00', sha256('x') FROM generate_series({first}, {last}) n"
        ),
    )
    .await;
    for _ in 0..64 {
        assert_eq!(fixture.call(person.request(&fixture, "GET", "/keys/keyring")).await.status, 200);
    }
    let (kept, newest) = (
        number(&fixture.admin, "SELECT count(*) FROM app.audit_event").await,
        number(&fixture.admin, "SELECT max(position) FROM app.audit_event").await,
    );
    assert_eq!(newest, last + 64);
    assert!((AUDIT_KEPT.cast_signed()..AUDIT_KEPT.cast_signed() + 64).contains(&kept), "{kept}");
}

#[tokio::test]
async fn expired_sessions_and_all_but_the_newest_are_deleted() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let Person { account, device, .. } = &person;
    let device = device.id;
    for (count, expires) in [(300, "interval '1 day'"), (5, "interval '-1 day'")] {
        change(
            &fixture.admin,
            format!(
                "WITH s AS (INSERT INTO app.session (account_id, session_id, device_id, amr, created_at, expires_at)
                            SELECT '{account}', gen_random_uuid(), '{device}', 'pwd+otp', now() - n * interval '2 days',
                                   now() + {expires}
                            FROM generate_series(1, {count}) n RETURNING account_id, session_id)
                 INSERT INTO app.refresh_token (account_id, session_id, token_hash, issued_at, expires_at)
                 SELECT account_id, session_id, sha256(session_id::text::bytea), now(), now() FROM s"
            ),
        )
        .await;
    }
    fixture.sign_in(&person, &person.device).await;
    // The newest two hundred, minus the five of them that had expired.
    assert_eq!(number(&fixture.admin, "SELECT count(*) FROM app.session").await, 195);
    assert_eq!(number(&fixture.admin, "SELECT count(*) FROM app.session WHERE expires_at <= now()").await, 0);
    assert!(number(&fixture.admin, "SELECT count(*) FROM app.refresh_token").await <= 201);
    // The session from the sign-up still works.
    assert_eq!(fixture.call(person.request(&fixture, "GET", "/keys/keyring")).await.status, 200);
}

#[tokio::test]
async fn runs_that_left_nothing_are_deleted_and_others_stay() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let source = SourceId::from_bytes([3; 16]);
    let start = || RunStart { run_id: RunId::from_bytes(rand::random()), source_id: source };
    let begin = async || {
        let _: Lease = fixture.call(person.request(&fixture, "POST", "/runs").json(&start())).await.ok();
    };
    begin().await;
    let (vault, device) = (person.vault, person.device.id);
    change(
        &fixture.admin,
        format!(
            "INSERT INTO app.run (vault_id, run_id, source_id, device_id, state, started_at, lease_expires_at,
                                     ended_at, failure)
             SELECT '{vault}', gen_random_uuid(), '{source}', '{device}', 'failed', now() - n * interval '2 hours',
                    now() - n * interval '1 hour', now(), 'cancelled'
             FROM generate_series(1, 2000) n"
        ),
    )
    .await;
    // The oldest run left an object.
    change(
        &fixture.admin,
        format!(
            "INSERT INTO app.object (vault_id, object_id, number, kind, size, state, run_id, granted_at, stored_at)
             SELECT '{vault}', sha256('x'), 4000, 'pack', 1, 'stored', run_id, now(), now()
             FROM app.run ORDER BY started_at LIMIT 1"
        ),
    )
    .await;
    begin().await;
    // The newest thousand, plus that one.
    assert_eq!(number(&fixture.admin, "SELECT count(*) FROM app.run").await, 1001);
    assert_eq!(number(&fixture.admin, "SELECT count(*) FROM app.run WHERE state = 'running'").await, 2);
}

#[tokio::test]
async fn what_strangers_leave_is_deleted_when_it_expires() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let stranger = Device::new();
    fixture.sign_up_start(&stranger, "stranger@example.com", "password").await;
    fixture.sign_in_start(&stranger, &person.email, "a guess").await;
    fixture.sign_in_start(&stranger, "nobody@example.com", "a guess").await;
    let passing = ["nonce", "rate_counter", "pending_sign_up", "pending_sign_in"];
    for table in passing {
        assert!(fixture.rows(table).await > 0, "{table} was not written");
    }
    // The longest window is the monthly account limit.
    fixture.clock.shift(31 * 86_400);
    fixture.work(&mut jobs::all()).await;
    for table in passing {
        assert_eq!(fixture.rows(table).await, 0, "{table}");
    }
}
