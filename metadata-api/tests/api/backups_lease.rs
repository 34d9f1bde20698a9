//! An expired lease, with the service in this process and a shifted clock.

use std::{net::SocketAddr, os::unix::fs::PermissionsExt, time::Duration};

use api_types::{
    ObjectKind, Region,
    backup::{Abort, Confirm, LEASE_SECS, Lease, RunStart, WantUpload},
    vault::{RunState, Runs, Snapshots},
};
use metadata_api::{
    app,
    clock::Clock,
    config::{Limits, Listen},
    db,
    embedded::{Embedded, Options},
    serve,
};

use crate::support::member::{Member, announce, commit};

#[test]
fn an_expired_lease_allows_nothing_more() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (listener, addr) = serve::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let clock = Clock::default();
    let embedded = runtime.block_on(async {
        let options = Options {
            dir: dir.path().to_owned(),
            s3_listen: "127.0.0.1:0".parse().unwrap(),
            s3_endpoint: None,
            listen: Listen { addr, tls: None, behind_proxy: false },
            public_authority: None,
            bounds: metadata_api::listener::Bounds::default(),
        };
        let embedded = Embedded::start(&options).await.unwrap();
        db::migrate(&embedded.owner_url).await.unwrap();
        let state = serve::boot(&embedded.config, Limits::default(), clock.clone(), 8).await.unwrap();
        let service = app(state).into_make_service_with_connect_info::<SocketAddr>();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move { axum::serve(listener, service).await });
        embedded
    });

    let mut member = Member::sign_up(&addr.to_string(), Region::Ca);
    let run = member.begin();
    let pack = vec![7; 1000];
    let number = member.store(run, ObjectKind::Pack, &[&pack])[0];
    let snapshot = vec![8; 100];
    member.store(run, ObjectKind::Snapshot, &[&snapshot]);
    let body = commit(&snapshot, member.sign(&member.envelope(&snapshot, &[&pack])), &[number]);
    let start = RunStart { run_id: run, source_id: member.source };

    let forward = |member: &mut Member, seconds| {
        clock.shift(seconds);
        member.ahead += seconds;
    };
    forward(&mut member, LEASE_SECS - 100);
    let renewed: Lease = member.post("runs", &start).ok();
    forward(&mut member, LEASE_SECS - 100);
    let again: Lease = member.post("runs", &start).ok();
    assert!(again.expires_at >= renewed.expires_at + LEASE_SECS - 100, "held as long as it is renewed");

    forward(&mut member, LEASE_SECS + 1);
    let closed = (409, "backup_closed".to_owned());
    let path = |what: &str| format!("runs/{run}/{what}");
    assert_eq!(member.post("runs", &start).refusal(), closed);
    let want = WantUpload { objects: vec![announce(ObjectKind::Pack, b"late")] };
    assert_eq!(member.post(&path("objects"), &want).refusal(), closed);
    let confirm = Confirm { objects: vec![announce(ObjectKind::Pack, &pack).id] };
    assert_eq!(member.post(&path("confirm"), &confirm).refusal(), closed);
    assert_eq!(member.post(&path("commit"), &body).refusal(), closed);

    let listed: Snapshots = member.get("snapshots").ok();
    assert!(listed.snapshots.is_empty());
    let runs: Runs = member.get("runs").ok();
    let silent = (RunState::Failed, Some("lease_expired"));
    assert_eq!((runs.runs[0].state, runs.runs[0].failure.as_deref()), silent);
    assert_eq!(runs.runs[0].bytes_stored, 1100, "what was stored stays stored");
    let abort = Abort { failure: "network".into(), bytes_read: 5 };
    assert_eq!(member.post(&path("abort"), &abort).status, 204, "the reason can still be told");

    // Confirmed objects are not uploaded again.
    let next = member.begin();
    let grants = member.want(next, &[(ObjectKind::Pack, &pack)]);
    assert_eq!(grants[0].number, number);
    assert_eq!(grants[0].state, api_types::backup::UploadState::Stored);

    runtime.block_on(embedded.stop(Duration::from_secs(2)));
}
