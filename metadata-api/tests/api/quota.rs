//! Quotas on bytes and counts, counted under one lock, so that replicas cannot grant the same room twice.

use api_types::{
    BackupId, ErrorCode, ObjectId, ObjectKind, SourceId,
    backup::{BackupStart, Lease, NewObject, UploadGrants, WantUpload},
};
use metadata_api::config::Limits;
use uuid::Uuid;

use crate::{
    client::Person,
    stage::{Database, Stage, secrets, wide_limits},
};

const SIZE: u64 = 1000;

fn uuid() -> Uuid {
    Uuid::from_bytes(rand::random())
}

fn start() -> BackupStart {
    BackupStart { backup_id: BackupId(uuid()), source_id: SourceId(uuid()) }
}

async fn begin(stage: &Stage, person: &Person) -> BackupId {
    let start = start();
    let lease: Lease = stage.call(person.request(stage, "POST", "/backups").json(&start)).await.ok();
    lease.backup_id
}

fn object() -> NewObject {
    NewObject { kind: ObjectKind::Pack, size: SIZE, id: ObjectId::new(rand::random()) }
}

async fn want(
    stage: &Stage,
    person: &Person,
    backup: BackupId,
    objects: Vec<NewObject>,
) -> crate::client::Reply {
    let path = format!("/backups/{backup}/objects");
    stage.call(person.request(stage, "POST", &path).json(&WantUpload { objects })).await
}

/// Granted bytes and objects: from the counters, and from the rows.
async fn promised(stage: &Stage) -> ((i64, i64), (i64, i64)) {
    let counted = sqlx::query_as("SELECT granted_bytes, granted_objects FROM app.vault_counter")
        .fetch_one(&stage.admin)
        .await
        .unwrap();
    let rows = sqlx::query_as(
        "SELECT COALESCE(sum(size), 0)::bigint, count(*) FROM app.object WHERE state = 'granted'",
    )
    .fetch_one(&stage.admin)
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
    let one = Stage::on(database.clone(), limits.clone(), &shared, None).await;
    let two = Stage::on(database, limits, &shared, Some(&one.authority)).await;
    let person = one.member().await;
    two.clock.shift(one.clock.now() - two.clock.now());
    let backup = begin(&one, &person).await;
    let calls = (0..100).map(|n| {
        let stage = if n % 2 == 0 { &one } else { &two };
        // The same host name on both, as behind a load balancer.
        let mut call = person
            .request(&one, "POST", &format!("/backups/{backup}/objects"))
            .json(&WantUpload { objects: vec![object()] });
        call.created = one.clock.now();
        async move { stage.call(call).await }
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
    let stage = Stage::new().await;
    let person = stage.member().await;
    sqlx::query("UPDATE app.vault SET quota_bytes = 2500").execute(&stage.admin).await.unwrap();
    let backup = begin(&stage, &person).await;
    let (a, b, c) = (object(), object(), object());
    // All or nothing: three do not fit, so none is granted.
    let problem = want(&stage, &person, backup, vec![a, b, c]).await.refused(ErrorCode::QuotaExceeded);
    assert_eq!((problem.used, problem.quota), (Some(0), Some(2500)));
    assert_eq!(promised(&stage).await.1, (0, 0));
    for _ in 0..3 {
        let grants: UploadGrants = want(&stage, &person, backup, vec![a, b]).await.ok();
        assert_eq!(grants.grants.len(), 2);
        assert_eq!(promised(&stage).await, ((2000, 2), (2000, 2)));
    }
    let problem = want(&stage, &person, backup, vec![c]).await.refused(ErrorCode::QuotaExceeded);
    assert_eq!(problem.used, Some(2000));
}

/// While the store is unreachable, grants stay: room is freed only for objects known not to exist.
#[tokio::test]
async fn grants_are_not_deleted_without_asking_the_store() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let backup = begin(&stage, &person).await;
    let _: UploadGrants = want(&stage, &person, backup, vec![object()]).await.ok();
    stage.clock.shift(3600);
    let session = stage.login(&person, &person.device).await;
    let person = Person { session, ..person };
    begin(&stage, &person).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    // The test's store is not reachable.
    assert_eq!(promised(&stage).await, ((1000, 1), (1000, 1)));
}

#[tokio::test]
async fn open_backups_are_bounded() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    let started: Vec<BackupStart> = (0..100).map(|_| start()).collect();
    for body in &started {
        let _: Lease = stage.call(person.request(&stage, "POST", "/backups").json(body)).await.ok();
    }
    let problem = stage
        .call(person.request(&stage, "POST", "/backups").json(&start()))
        .await
        .refused(ErrorCode::LimitReached);
    assert_eq!((problem.used, problem.quota), (Some(100), Some(100)));
    assert_eq!((stage.rows("backup").await, stage.rows("source").await), (100, 100));
    // An open backup can be renewed, and an ended one makes room.
    let _: Lease = stage.call(person.request(&stage, "POST", "/backups").json(&started[0])).await.ok();
    let abort = api_types::backup::Abort { failure: "enough".into(), bytes_read: 0 };
    let path = format!("/backups/{}/abort", started[1].backup_id);
    stage.call(person.request(&stage, "POST", &path).json(&abort)).await.done();
    begin(&stage, &person).await;
}
