//! Quotas on bytes and counts, counted under one lock, so that replicas cannot grant the same room twice.

use api_types::{
    ErrorCode, ObjectId, ObjectKind, Region, RunId, SourceId,
    backup::{Lease, NewObject, RunStart, UploadGrants, WantUpload},
};
use metadata_api::{
    config::Limits,
    domain::caller::{Caller, Signed},
    settlement::settle,
};
use uuid::Uuid;

use crate::support::{
    client::Person,
    fixture::{Database, Fixture, secrets, wide_limits},
};

const SIZE: u64 = 1000;

fn uuid() -> Uuid {
    Uuid::from_bytes(rand::random())
}

fn start() -> RunStart {
    RunStart { run_id: RunId(uuid()), source_id: SourceId(uuid()) }
}

async fn begin(fixture: &Fixture, person: &Person) -> RunId {
    let start = start();
    let lease: Lease = fixture.call(person.request(fixture, "POST", "/runs").json(&start)).await.ok();
    lease.run_id
}

fn object() -> NewObject {
    NewObject { kind: ObjectKind::Pack, size: SIZE, id: ObjectId::new(rand::random()) }
}

async fn want(
    fixture: &Fixture,
    person: &Person,
    run: RunId,
    objects: Vec<NewObject>,
) -> crate::support::client::Reply {
    let path = format!("/runs/{run}/objects");
    fixture.call(person.request(fixture, "POST", &path).json(&WantUpload { objects })).await
}

/// Granted bytes and objects: from the counters, and from the rows.
async fn promised(fixture: &Fixture) -> ((i64, i64), (i64, i64)) {
    let counted = sqlx::query_as("SELECT granted_bytes, granted_objects FROM app.vault_counter")
        .fetch_one(&fixture.admin)
        .await
        .unwrap();
    let rows = sqlx::query_as(
        "SELECT COALESCE(sum(size), 0)::bigint, count(*) FROM app.object WHERE state = 'granted'",
    )
    .fetch_one(&fixture.admin)
    .await
    .unwrap();
    (counted, rows)
}

/// 71: a hundred concurrent grants on two replicas, with room for thirty-seven.
#[tokio::test]
async fn n71_grants_in_parallel_never_exceed_the_quota() {
    let shared = secrets();
    let database = Database::new().await;
    let limits = Limits { vault_quota: 37 * SIZE + SIZE / 2, ..wide_limits() };
    let one = Fixture::on(database.clone(), limits.clone(), &shared, None).await;
    let two = Fixture::on(database, limits, &shared, Some(&one.authority)).await;
    let person = one.member().await;
    two.clock.shift(one.clock.now() - two.clock.now());
    let run = begin(&one, &person).await;
    let calls = (0..100).map(|n| {
        let fixture = if n % 2 == 0 { &one } else { &two };
        // The same host name on both, as behind a load balancer.
        let mut call = person
            .request(&one, "POST", &format!("/runs/{run}/objects"))
            .json(&WantUpload { objects: vec![object()] });
        call.created = one.clock.now();
        async move { fixture.call(call).await }
    });
    let replies = futures_util::future::join_all(calls).await;
    let granted = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(granted, 37);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        let problem = reply.refused(ErrorCode::QuotaExceeded);
        assert!(problem.used.unwrap() <= 37 * SIZE);
        assert_eq!(problem.quota, Some(37 * SIZE + SIZE / 2));
    }
    let ((bytes, objects), rows) = promised(&one).await;
    assert_eq!((bytes, objects), (37 * 1000, 37));
    assert_eq!((bytes, objects), rows);
}

#[tokio::test]
async fn a_vaults_own_quota_applies_and_a_grant_counts_once() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    sqlx::query("UPDATE app.vault SET quota_bytes = 2500").execute(&fixture.admin).await.unwrap();
    let run = begin(&fixture, &person).await;
    let (a, b, c) = (object(), object(), object());
    // All or nothing: three do not fit, so none is granted.
    let problem = want(&fixture, &person, run, vec![a, b, c]).await.refused(ErrorCode::QuotaExceeded);
    assert_eq!((problem.used, problem.quota), (Some(0), Some(2500)));
    assert_eq!(promised(&fixture).await.1, (0, 0));
    for _ in 0..3 {
        let grants: UploadGrants = want(&fixture, &person, run, vec![a, b]).await.ok();
        assert_eq!(grants.grants.len(), 2);
        assert_eq!(promised(&fixture).await, ((2000, 2), (2000, 2)));
    }
    let problem = want(&fixture, &person, run, vec![c]).await.refused(ErrorCode::QuotaExceeded);
    assert_eq!(problem.used, Some(2000));
}

/// While the store is unreachable, grants stay: room is freed only for objects known not to exist.
#[tokio::test]
async fn grants_are_not_deleted_without_asking_the_store() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let run = begin(&fixture, &person).await;
    let _: UploadGrants = want(&fixture, &person, run, vec![object()]).await.ok();
    fixture.clock.shift(3600);
    let session = fixture.sign_in(&person, &person.device).await;
    let person = Person { session, ..person };
    let caller = Caller {
        account: person.account,
        device: person.device.id,
        session: person.session.session_id,
        stage: Signed { region: Region::Eu },
    };
    // The test's store is not reachable.
    let refused = settle(&fixture.state, &caller, person.vault).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    assert_eq!(promised(&fixture).await, ((1000, 1), (1000, 1)));
}

#[tokio::test]
async fn open_backups_are_bounded() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let started: Vec<RunStart> = (0..100).map(|_| start()).collect();
    for body in &started {
        let _: Lease = fixture.call(person.request(&fixture, "POST", "/runs").json(body)).await.ok();
    }
    let problem = fixture
        .call(person.request(&fixture, "POST", "/runs").json(&start()))
        .await
        .refused(ErrorCode::LimitReached);
    assert_eq!((problem.used, problem.quota), (Some(100), Some(100)));
    assert_eq!((fixture.rows("run").await, fixture.rows("source").await), (100, 100));
    // An open backup can be renewed, and an ended one makes room.
    let _: Lease = fixture.call(person.request(&fixture, "POST", "/runs").json(&started[0])).await.ok();
    let abort = api_types::backup::Abort { failure: "enough".into(), bytes_read: 0 };
    let path = format!("/runs/{}/abort", started[1].run_id);
    fixture.call(person.request(&fixture, "POST", &path).json(&abort)).await.done();
    begin(&fixture, &person).await;
}
