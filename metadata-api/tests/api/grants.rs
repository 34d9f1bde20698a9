//! Upload and download URLs from the service against its own store (numbers 65–68, 70 and 72 of
//! tests/negative-tests.md), and the whole program killed while it writes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use api_types::{
    ObjectKind, Region,
    backup::{Confirm, Confirmed, URL_SECS, UploadGrant, UploadState},
    vault::{Objects, ReadGrants, ReadUrls},
};
use base64ct::{Base64, Encoding};
use time::OffsetDateTime;

use crate::support::{
    http::{Body, send},
    member::{Member, id_of, random, split, upload},
    service::{SERVICE, Service},
    sigv4::{Request, Signer},
    until,
};

struct Granted {
    member: Member,
    backup: api_types::RunId,
    bytes: Vec<u8>,
    grant: UploadGrant,
    host: String,
    target: String,
    headers: BTreeMap<String, String>,
}

impl Granted {
    fn new() -> Self {
        let member = Member::sign_up(&SERVICE.host, Region::Eu);
        let backup = member.begin();
        let bytes = random(4000);
        let grant = member.want(backup, &[(ObjectKind::Pack, &bytes)]).remove(0);
        let UploadState::Put { url, headers, .. } = grant.state.clone() else { panic!("to be sent") };
        let (host, target) = split(&url);
        Self { member, backup, bytes, grant, host, target, headers }
    }

    fn put(&self, target: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> u16 {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        send(&self.host, "PUT", target, &headers, &Body::Whole(body)).unwrap().status
    }

    fn with(&self, name: &str, value: &str) -> BTreeMap<String, String> {
        let mut headers = self.headers.clone();
        headers.insert(name.into(), value.into());
        headers
    }

    /// Checks with the service, which asks the store itself, that nothing is stored.
    fn assert_absent(&self) {
        let confirm = Confirm { objects: vec![self.grant.id] };
        let response: Confirmed = self.member.post(&format!("runs/{}/confirm", self.backup), &confirm).ok();
        assert_eq!(response.absent, [self.grant.id]);
        let objects: Objects = self.member.get("objects").ok();
        assert!(objects.objects.is_empty());
    }
}

#[test]
fn n65_other_bytes_than_the_signed_checksum() {
    let granted = Granted::new();
    let other = random(4000);
    assert_eq!(granted.put(&granted.target, &granted.headers, &other), 400);
    let theirs = Base64::encode_string(id_of(&other).as_bytes());
    let changed = granted.with("x-amz-checksum-sha256", &theirs);
    assert_eq!(granted.put(&granted.target, &changed, &other), 403);
    granted.assert_absent();
}

#[test]
fn n66_after_its_time() {
    let granted = Granted::new();
    assert!(granted.target.contains(&format!("X-Amz-Expires={URL_SECS}&")), "15 minutes");
    // The same request signed with the store's own key 16 minutes ago.
    let secrets = std::fs::read_to_string(SERVICE.data().join("secrets")).unwrap();
    let secret = |name: &str| {
        let line = secrets.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='));
        line.unwrap().to_owned()
    };
    let signer = Signer {
        access_key: secret("SEALKEEP_EMBEDDED_STORE_ACCESS_KEY"),
        secret_key: secret("SEALKEEP_EMBEDDED_STORE_SECRET_KEY"),
        region: "embedded".into(),
        host: granted.host.clone(),
    };
    let headers: Vec<_> = granted.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let sign = |ago: u64| {
        signer.presign(&Request {
            method: "PUT",
            path: granted.target.split('?').next().unwrap(),
            headers: &headers,
            query: &[],
            expires: URL_SECS,
            at: OffsetDateTime::now_utc() - Duration::from_secs(ago),
        })
    };
    assert_eq!(granted.put(&sign(960), &granted.headers, &granted.bytes), 403);
    let longer = granted.target.replace("X-Amz-Expires=900", "X-Amz-Expires=90000");
    assert_eq!(granted.put(&longer, &granted.headers, &granted.bytes), 403);
    granted.assert_absent();
    assert_eq!(granted.put(&sign(840), &granted.headers, &granted.bytes), 200, "in time it works");
}

#[test]
fn n67_a_second_time() {
    let granted = Granted::new();
    assert_eq!(upload(&granted.grant, &granted.bytes).status, 200);
    assert_eq!(upload(&granted.grant, &granted.bytes).status, 412);
    let mut without = granted.headers.clone();
    without.remove("if-none-match");
    assert_eq!(granted.put(&granted.target, &without, &granted.bytes), 403);
    let confirm = Confirm { objects: vec![granted.grant.id] };
    let response: Confirmed = granted.member.post(&format!("runs/{}/confirm", granted.backup), &confirm).ok();
    assert_eq!(response.stored, [granted.grant.id]);
}

#[test]
fn n68_longer_or_shorter_than_signed() {
    let granted = Granted::new();
    let longer = [granted.bytes.as_slice(), b"more"].concat();
    assert_eq!(granted.put(&granted.target, &granted.with("content-length", "4004"), &longer), 403);
    let shorter = &granted.bytes[..3999];
    assert_eq!(granted.put(&granted.target, &granted.with("content-length", "3999"), shorter), 403);
    granted.assert_absent();
}

#[test]
fn a_url_is_for_one_object_one_way() {
    let granted = Granted::new();
    let key = granted.target.split('?').next().unwrap();
    assert_eq!(key, format!("/sealkeep-eu/v1/{}/packs/{}", granted.member.vault, granted.grant.id));
    let elsewhere = granted.target.replace(&granted.grant.id.to_string(), &id_of(b"x").to_string());
    assert_eq!(granted.put(&elsewhere, &granted.headers, &granted.bytes), 403);
    for method in ["GET", "DELETE", "HEAD"] {
        let headers: Vec<_> = granted.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let response = send(&granted.host, method, &granted.target, &headers, &Body::None).unwrap();
        // An unexpected body is refused before the signature is checked.
        assert!([400, 403].contains(&response.status), "{method}: {}", response.status);
    }
    granted.assert_absent();
    assert_eq!(upload(&granted.grant, &granted.bytes).status, 200);
    let confirm = Confirm { objects: vec![granted.grant.id] };
    let _: Confirmed = granted.member.post(&format!("runs/{}/confirm", granted.backup), &confirm).ok();
    let urls: ReadGrants =
        granted.member.post("objects/read-urls", &ReadUrls { objects: vec![granted.grant.id] }).ok();
    let (host, target) = split(&urls.grants[0].url);
    for method in ["PUT", "DELETE"] {
        let response = send(&host, method, &target, &[], &Body::Whole(b"x")).unwrap();
        assert!([400, 403].contains(&response.status), "{method} with a read URL: {}", response.status);
    }
    assert_eq!(send(&host, "GET", &target, &[], &Body::None).unwrap().body, granted.bytes);
}

#[test]
fn n72_a_vault_reaches_its_own_regions_bucket_only() {
    for region in Region::ALL {
        let member = Member::sign_up(&SERVICE.host, region);
        let backup = member.begin();
        let bytes = random(10);
        let grant = member.want(backup, &[(ObjectKind::Pack, &bytes)]).remove(0);
        let UploadState::Put { url, headers, .. } = &grant.state else { panic!("to be sent") };
        let (host, target) = split(url);
        let own = format!("/sealkeep-{region}/");
        assert!(target.starts_with(&own), "{target}");
        let info = &member.session.vaults[0];
        assert_eq!((info.region, info.bucket.clone()), (region, format!("sealkeep-{region}")));
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        for other in Region::ALL.into_iter().filter(|r| *r != region) {
            let target = target.replacen(&own, &format!("/sealkeep-{other}/"), 1);
            let response = send(&host, "PUT", &target, &headers, &Body::Whole(&bytes)).unwrap();
            assert_eq!(response.status, 403, "{region} → {other}");
        }
    }
}

/// Kills the whole program during uploads. After a restart every confirmed object is complete, any other is absent or
/// complete, and no partial files are left.
#[test]
fn killed_while_writing_nothing_confirmed_is_lost() {
    let mut dir = Some(Service::new_dir());
    let mut stored: Vec<(api_types::VaultId, api_types::ObjectId)> = Vec::new();
    for round in 0..4 {
        let service = Service::start_in(dir.take().unwrap());
        let member = Arc::new(Member::sign_up(&service.host, Region::Us));
        let backup = member.begin();
        let confirmed = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (member, confirmed, stop) = (member.clone(), confirmed.clone(), stop.clone());
                std::thread::spawn(move || {
                    let attempt = || {
                        let bytes = random(1 + rand::random_range(0..1_500_000));
                        member.store(backup, ObjectKind::Pack, &[&bytes]);
                        confirmed.lock().unwrap().push(id_of(&bytes));
                    };
                    while !stop.load(Ordering::Relaxed) {
                        // The kill interrupts a request.
                        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(attempt)).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        until("the writers are at work", || confirmed.lock().unwrap().len() >= 6 + round);
        dir = Some(service.kill());
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
        stored.extend(confirmed.lock().unwrap().drain(..).map(|id| (member.vault, id)));
    }
    assert!(stored.len() > 20, "the test has to write something: {}", stored.len());

    let mut service = Service::start_in(dir.take().unwrap());
    let objects = service.data().join("objects/sealkeep-us");
    assert_eq!(std::fs::read_dir(objects.join(".tmp")).unwrap().count(), 0, "stale partial files");
    let on_disk = read_all(&objects.join("objects"));
    for (vault, id) in &stored {
        let bytes = &on_disk[&format!("v1/{vault}/packs/{id}")];
        assert_eq!(id_of(bytes), *id);
    }
    for (key, bytes) in &on_disk {
        assert!(key.ends_with(&id_of(bytes).to_string()), "{key} is torn");
    }
    assert!(service.terminate(), "ends well when asked to");
}

/// Keys and bytes of every file, read through the documented header as in a manual restore.
fn read_all(dir: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in std::fs::read_dir(dir).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let raw = std::fs::read(file.unwrap().path()).unwrap();
            assert_eq!(&raw[..8], b"SKOBJ\0\0\x01");
            let size = u64::from_le_bytes(raw[40..48].try_into().unwrap());
            let key_len = usize::from(u16::from_le_bytes(raw[48..50].try_into().unwrap()));
            let key = String::from_utf8(raw[50..50 + key_len].to_vec()).unwrap();
            let bytes = raw[50 + key_len..].to_vec();
            assert_eq!(bytes.len() as u64, size);
            found.insert(key, bytes);
        }
    }
    found
}
