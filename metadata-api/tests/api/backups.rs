//! Lease, grants, confirm, commit: refused requests change nothing.

use api_types::{
    HeadHash, ObjectKind, RunId, SourceId,
    backup::{Abort, Committed, Confirm, Confirmed, Lease, RunStart, UploadState, WantUpload},
    envelope::SnapshotEnvelope,
    vault::{Objects, ReadGrants, ReadUrls, RunState, Runs, Snapshots},
};
use ed25519_dalek::SigningKey;
use uuid::Uuid;

use crate::support::{
    http::{Body, send},
    member::{Member, announce, commit, id_of, member, objects, random, split},
    service::SERVICE,
};

/// A backup with two stored packs and a stored snapshot object.
struct Ready {
    run: RunId,
    packs: Vec<Vec<u8>>,
    numbers: Vec<u32>,
    snapshot: Vec<u8>,
}

impl Ready {
    fn new(member: &Member) -> Self {
        let run = member.begin();
        let packs = vec![random(5_000), random(7_000)];
        let numbers = member.store(run, ObjectKind::Pack, &[&packs[0], &packs[1]]);
        let snapshot = random(900);
        member.store(run, ObjectKind::Snapshot, &[&snapshot]);
        Self { run, packs, numbers, snapshot }
    }

    fn packs(&self) -> Vec<&[u8]> {
        self.packs.iter().map(Vec::as_slice).collect()
    }

    fn good(&self, member: &Member) -> api_types::backup::Commit {
        let head = member.sign(&member.envelope(&self.snapshot, &self.packs()));
        commit(&self.snapshot, head, &self.numbers)
    }

    fn path(&self) -> String {
        format!("runs/{}/commit", self.run)
    }
}

fn snapshots(member: &Member) -> Snapshots {
    member.get("snapshots").ok()
}

#[test]
fn a_backup_becomes_a_snapshot_that_another_reader_finds() {
    let mut member = member();
    let ready = Ready::new(&member);
    let body = ready.good(&member);
    let first: Committed = member.post(&ready.path(), &body).ok();
    assert_eq!(first.position, 1);
    // A lost response can be requested again.
    let again: Committed = member.post(&ready.path(), &body).ok();
    assert_eq!(again.position, 1);

    let listed = snapshots(&member);
    assert_eq!(listed.snapshots.len(), 1);
    assert_eq!(listed.snapshots[0].head, body.head);
    assert_eq!(listed.snapshots[0].snapshot_id, id_of(&ready.snapshot));
    let after: Snapshots = member.get("snapshots?after=1&limit=10").ok();
    assert!(after.snapshots.is_empty());

    let packs: Objects = member.get("objects?kind=pack").ok();
    assert_eq!(packs.objects.iter().map(|o| o.number).collect::<Vec<_>>(), ready.numbers);
    let wanted =
        ReadUrls { objects: vec![id_of(&ready.packs[1]), id_of(b"unknown"), id_of(&ready.snapshot)] };
    let grants: ReadGrants = member.post("objects/read-urls", &wanted).ok();
    assert_eq!(grants.grants.len(), 2);
    let (host, target) = split(&grants.grants[0].url);
    assert_eq!(host, SERVICE.store);
    assert_eq!(send(&host, "GET", &target, &[], &Body::None).unwrap().body, ready.packs[1]);

    let runs: Runs = member.get("runs").ok();
    assert_eq!(runs.runs.len(), 1);
    assert_eq!(runs.runs[0].state, RunState::Committed);
    assert_eq!(runs.runs[0].bytes_stored, 5_000 + 7_000 + 900);
    assert_eq!(runs.runs[0].bytes_read, Some(1000));
    assert_eq!(runs.runs[0].snapshot_id, Some(id_of(&ready.snapshot)));

    // The next snapshot of the chain, with an old pack and a new one.
    member.head = Some((0, body.head.head_hash()));
    let run = member.begin();
    let grants = member.want(run, &[(ObjectKind::Pack, &ready.packs[0])]);
    assert_eq!((grants[0].number, &grants[0].state), (ready.numbers[0], &UploadState::Stored));
    let new = random(100);
    let number = member.store(run, ObjectKind::Pack, &[&new])[0];
    assert!(number > *ready.numbers.iter().max().unwrap(), "numbers are never reused");
    let snapshot = random(50);
    member.store(run, ObjectKind::Snapshot, &[&snapshot]);
    let head = member.sign(&member.envelope(&snapshot, &[&ready.packs[0], &new]));
    let body = commit(&snapshot, head, &[ready.numbers[0], number]);
    let second: Committed = member.post(&format!("runs/{run}/commit"), &body).ok();
    assert_eq!(second.position, 2);
}

#[test]
fn n70_commit_without_upload_names_what_is_missing() {
    let member = member();
    let ready = Ready::new(&member);
    // Granted, but never uploaded.
    let absent = random(300);
    let grant = &member.want(ready.run, &[(ObjectKind::Pack, &absent)])[0];
    let packs = [ready.packs(), vec![&absent]].concat();
    let head = member.sign(&member.envelope(&ready.snapshot, &packs));
    let numbers = [ready.numbers.clone(), vec![grant.number]].concat();
    let reply = member.post(&ready.path(), &commit(&ready.snapshot, head, &numbers));
    assert_eq!(reply.refusal(), (409, "missing_objects".into()));
    assert_eq!(reply.named_objects(), [id_of(&absent)]);

    // A snapshot object that was never uploaded.
    let unsent = random(10);
    member.want(ready.run, &[(ObjectKind::Snapshot, &unsent)]);
    let head = member.sign(&member.envelope(&unsent, &ready.packs()));
    let reply = member.post(&ready.path(), &commit(&unsent, head, &ready.numbers));
    assert_eq!(reply.refusal(), (409, "missing_objects".into()));
    assert_eq!(reply.named_objects(), [id_of(&unsent)]);

    assert!(snapshots(&member).snapshots.is_empty());
    let committed: Committed = member.post(&ready.path(), &ready.good(&member)).ok();
    assert_eq!(committed.position, 1, "nothing had changed");
}

#[test]
fn a_head_that_is_not_this_devices_next_is_refused() {
    let mut member = member();
    let other = self::member();
    let ready = Ready::new(&member);
    let good = member.envelope(&ready.snapshot, &ready.packs());
    let refusal = |body: &api_types::backup::Commit| member.post(&ready.path(), body).refusal();
    let signed = |envelope: &SnapshotEnvelope| commit(&ready.snapshot, member.sign(envelope), &ready.numbers);

    let mut flipped = ready.good(&member);
    flipped.head.envelope.0[20] ^= 1;
    assert_eq!(refusal(&flipped), (422, "snapshot_invalid".into()), "a changed byte");
    let mut foreign = ready.good(&member);
    foreign.head =
        api_types::envelope::SignedEnvelope::sign(&good, &SigningKey::from_bytes(&[9; 32])).unwrap();
    assert_eq!(refusal(&foreign), (422, "snapshot_invalid".into()), "another key");
    for wrong in [
        SnapshotEnvelope { vault: other.vault, ..good.clone() },
        SnapshotEnvelope { device: other.device, ..good.clone() },
        SnapshotEnvelope { source: other.source, ..good.clone() },
        SnapshotEnvelope { sequence: u64::MAX, ..good.clone() },
        SnapshotEnvelope { body_len: 901, ..good.clone() },
        SnapshotEnvelope { pack_set_hash: api_types::Sha256::new([0; 32]), ..good.clone() },
    ] {
        assert_eq!(refusal(&signed(&wrong)), (422, "snapshot_invalid".into()), "{wrong:?}");
    }
    for wrong in [
        SnapshotEnvelope { sequence: 1, ..good.clone() },
        SnapshotEnvelope { previous: HeadHash::new([1; 32]), ..good.clone() },
    ] {
        assert_eq!(refusal(&signed(&wrong)), (409, "snapshot_conflict".into()), "{wrong:?}");
    }
    // Fewer packs than were signed, and objects that are not packs.
    let mut fewer = ready.good(&member);
    fewer.packs = crate::support::member::bitmap(&ready.numbers[..1]);
    assert_eq!(refusal(&fewer), (422, "snapshot_invalid".into()));
    let mut no_pack = ready.good(&member);
    no_pack.packs = crate::support::member::bitmap(&[3]);
    assert_eq!(refusal(&no_pack), (422, "content_invalid".into()), "number 3 is the snapshot object");
    for garbage in [vec![], vec![0; 8], vec![0xff; 100]] {
        let mut body = ready.good(&member);
        body.packs = garbage.into();
        assert_eq!(refusal(&body), (422, "content_invalid".into()));
    }
    // A pack cannot be the snapshot object.
    let head = member.sign(&member.envelope(&ready.packs[0], &ready.packs()));
    assert_eq!(refusal(&commit(&ready.packs[0], head, &ready.numbers)), (422, "snapshot_invalid".into()));

    assert!(snapshots(&member).snapshots.is_empty());
    let body = ready.good(&member);
    let _: Committed = member.post(&ready.path(), &body).ok();
    // A fork: another snapshot at the same position of the chain.
    let fork = Ready::new(&member);
    assert_eq!(member.post(&fork.path(), &fork.good(&member)).refusal(), (409, "snapshot_conflict".into()));
    // The same snapshot under another backup.
    member.head = Some((0, body.head.head_hash()));
    let head = member.sign(&member.envelope(&ready.snapshot, &ready.packs()));
    let reply = member.post(&fork.path(), &commit(&ready.snapshot, head, &ready.numbers));
    assert_eq!(reply.refusal(), (409, "conflict".into()));
    assert_eq!(snapshots(&member).snapshots.len(), 1);
}

#[test]
fn what_ended_stays_ended() {
    let member = member();
    let ready = Ready::new(&member);
    let body = ready.good(&member);
    let _: Committed = member.post(&ready.path(), &body).ok();
    let closed = (409, "backup_closed".to_owned());
    let path = |what: &str| format!("runs/{}/{what}", ready.run);
    let mut other = body.clone();
    other.snapshot_id = id_of(b"another");
    assert_eq!(member.post(&ready.path(), &other).refusal(), closed);
    let want = WantUpload { objects: vec![announce(ObjectKind::Pack, b"late")] };
    assert_eq!(member.post(&path("objects"), &want).refusal(), closed);
    let confirm = Confirm { objects: vec![id_of(&ready.packs[0])] };
    assert_eq!(member.post(&path("confirm"), &confirm).refusal(), closed);
    let abort = Abort { failure: "dump_failed".into(), bytes_read: 1 };
    assert_eq!(member.post(&path("abort"), &abort).refusal(), closed);
    let start = RunStart { run_id: ready.run, source_id: member.source };
    assert_eq!(member.post("runs", &start).refusal(), closed);

    let second = member.begin();
    assert_eq!(member.post(&format!("runs/{second}/abort"), &abort).status, 204);
    assert_eq!(member.post(&format!("runs/{second}/abort"), &abort).status, 204, "again");
    assert_eq!(member.post(&format!("runs/{second}/objects"), &want).refusal(), closed);
    let runs: Runs = member.get("runs?limit=1").ok();
    assert_eq!(runs.runs.len(), 1);
    assert_eq!(
        (runs.runs[0].state, runs.runs[0].failure.as_deref()),
        (RunState::Failed, Some("dump_failed"))
    );
    for failure in ["", "Has Space", "ERROR: relation \"secret\" does not exist", &"a".repeat(41)] {
        let third = member.begin();
        let abort = Abort { failure: failure.into(), bytes_read: 0 };
        let reply = member.post(&format!("runs/{third}/abort"), &abort);
        assert_eq!(reply.refusal(), (400, "invalid_request".into()), "{failure:?}");
    }
    assert_eq!(snapshots(&member).snapshots.len(), 1);
}

#[test]
fn a_lease_belongs_to_one_device_and_one_source() {
    let member = member();
    let run = member.begin();
    let renewed: Lease = member.post("runs", &RunStart { run_id: run, source_id: member.source }).ok();
    assert_eq!(renewed.run_id, run);
    let other_source = RunStart { run_id: run, source_id: SourceId(Uuid::from_bytes([7; 16])) };
    assert_eq!(member.post("runs", &other_source).refusal(), (409, "conflict".into()));
    let runs: Runs = member.get("runs").ok();
    assert_eq!(runs.runs.len(), 1);
    let unknown = RunId(Uuid::from_bytes([8; 16]));
    let want = WantUpload { objects: vec![announce(ObjectKind::Pack, b"x")] };
    assert_eq!(member.post(&format!("runs/{unknown}/objects"), &want).refusal(), (404, "not_found".into()));
    assert_eq!(member.post("runs/not-an-id/objects", &want).refusal(), (404, "not_found".into()));
}

#[test]
fn another_vault_looks_nonexistent() {
    let (a, b) = (member(), member());
    let ready = Ready::new(&a);
    let _: Committed = a.post(&ready.path(), &ready.good(&a)).ok();
    let body = |value: &serde_json::Value| serde_json::to_vec(value).unwrap();
    let empty = body(&serde_json::json!({}));
    let run = ready.run;
    // B calls every route of backups with A's vault.
    let start = serde_json::to_vec(&RunStart { run_id: run, source_id: a.source }).unwrap();
    let want = serde_json::to_vec(&WantUpload { objects: vec![announce(ObjectKind::Pack, b"x")] }).unwrap();
    let confirm = serde_json::to_vec(&Confirm { objects: vec![id_of(b"x")] }).unwrap();
    let abort = serde_json::to_vec(&Abort { failure: "x".into(), bytes_read: 0 }).unwrap();
    let commit = serde_json::to_vec(&ready.good(&a)).unwrap();
    let urls = serde_json::to_vec(&ReadUrls { objects: vec![id_of(&ready.packs[0])] }).unwrap();
    for (method, path, body) in [
        ("GET", "runs".to_owned(), &empty),
        ("POST", "runs".to_owned(), &start),
        ("POST", format!("runs/{run}/objects"), &want),
        ("POST", format!("runs/{run}/confirm"), &confirm),
        ("POST", format!("runs/{run}/commit"), &commit),
        ("POST", format!("runs/{run}/abort"), &abort),
        ("GET", "objects".to_owned(), &empty),
        ("POST", "objects/read-urls".to_owned(), &urls),
        ("GET", "snapshots".to_owned(), &empty),
    ] {
        let body: &[u8] = if method == "GET" { b"" } else { body };
        let reply = b.call(method, a.vault, &path, body);
        assert_eq!(reply.refusal(), (404, "not_found".into()), "{method} {path}");
    }
    // A's ids in B's own vault.
    let grants: ReadGrants =
        b.post("objects/read-urls", &ReadUrls { objects: vec![id_of(&ready.packs[0])] }).ok();
    assert!(grants.grants.is_empty());
    let mine = b.begin();
    let confirmed: Confirmed =
        b.post(&format!("runs/{mine}/confirm"), &Confirm { objects: vec![id_of(&ready.packs[0])] }).ok();
    assert_eq!(confirmed.absent, [id_of(&ready.packs[0])]);
    assert_eq!(b.post(&ready.path(), &ready.good(&b)).refusal(), (404, "not_found".into()));
    // The same bytes are a different object in B's vault: nothing reveals that A has them.
    let grant = &b.want(mine, &[(ObjectKind::Pack, &ready.packs[0])])[0];
    assert!(matches!(grant.state, UploadState::Put { .. }));
    assert!(objects(&b).objects.is_empty());
    assert_eq!(snapshots(&a).snapshots.len(), 1);
}
