//! The presigned store client against a misbehaving server.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;
use crate::tiny_server;

use std::{
    collections::BTreeMap,
    os::unix::fs::FileExt,
    sync::Arc,
    time::{Duration, Instant},
};

use api_types::{
    ObjectId, ObjectKey, ObjectKind, VaultId,
    backup::{UploadGrant, UploadState},
    vault::{ObjectRow, ReadGrant},
};
use bytes::Bytes;
use client_core::{
    event::Silent,
    format::pack::PackReader,
    patience::Patience,
    store::{Lookup, PresignedStore, Reach, StoreError, Verify},
};
use sha2::{Digest, Sha256};
use tiny_server::{Answer, TinyServer};
use tokio_util::sync::CancellationToken;

const VAULT: VaultId = VaultId::from_bytes([7; 16]);
const STALL: Duration = Duration::from_millis(400);
/// Scaled down from a quarter of an hour.
const PATIENCE: Duration = Duration::from_millis(2500);

fn store(origin: &str) -> PresignedStore {
    PresignedStore::new(origin, "bucket", VAULT, &Reach::of_service(origin))
        .unwrap()
        .with_stall(STALL)
        .with_first_pause(Duration::from_millis(5))
        .with_patience(Arc::new(Patience::new(PATIENCE, Arc::new(Silent), CancellationToken::new())))
}

fn id_of(bytes: &[u8]) -> ObjectId {
    ObjectId::new(Sha256::digest(bytes).into())
}

fn url(origin: &str, id: ObjectId) -> String {
    format!("{origin}/bucket/{}?X-Amz-Signature=abc", ObjectKey { vault: VAULT, kind: ObjectKind::Pack, id })
}

fn upload(origin: &str, bytes: &[u8]) -> UploadGrant {
    let headers = BTreeMap::from([
        ("content-length".to_owned(), bytes.len().to_string()),
        ("if-none-match".to_owned(), "*".to_owned()),
        ("x-amz-checksum-sha256".to_owned(), "c3Vt".to_owned()),
    ]);
    let id = id_of(bytes);
    UploadGrant { number: 1, id, state: UploadState::Put { url: url(origin, id), headers, expires_at: 0 } }
}

fn download(origin: &str, bytes: &[u8]) -> ReadGrant {
    let id = id_of(bytes);
    let object = ObjectRow { number: 1, id, kind: ObjectKind::Pack, size: bytes.len() as u64 };
    ReadGrant { object, url: url(origin, id), expires_at: 0 }
}

async fn put(server: &TinyServer, bytes: &[u8]) -> Result<(), StoreError> {
    let origin = server.origin();
    store(&origin).put(&upload(&origin, bytes), ObjectKind::Pack, Bytes::copy_from_slice(bytes)).await
}

async fn get(server: &TinyServer, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let origin = server.origin();
    store(&origin).get(&download(&origin, bytes), ObjectKind::Pack, Verify::Whole).await
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn an_upload_carries_exactly_what_the_grant_says() {
    let server = TinyServer::start(|_, _| Answer::status(200));
    let bytes = pattern(1_000_003);
    put(&server, &bytes).await.unwrap();
    let request = server.seen().pop().unwrap();
    assert_eq!(request.method, "PUT");
    assert!(request.target.ends_with("?X-Amz-Signature=abc"));
    assert_eq!(request.body, bytes);
    let mut names: Vec<&str> = request.headers.keys().map(String::as_str).collect();
    names.retain(|name| !matches!(*name, "host" | "accept"));
    assert_eq!(names, ["content-length", "if-none-match", "x-amz-checksum-sha256"]);
    assert_eq!(request.headers["content-length"], "1000003");
    // A stored object is not sent.
    let stored = UploadGrant { number: 1, id: id_of(b"x"), state: UploadState::Stored };
    store(&server.origin()).put(&stored, ObjectKind::Pack, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    type Expected = fn(&StoreError) -> bool;
    let cases: [(u16, Expected, usize); 9] = [
        (400, |e| *e == StoreError::NeedNewUrl, 1),
        (403, |e| *e == StoreError::NeedNewUrl, 1),
        (412, |e| *e == StoreError::AlreadyThere, 1),
        (301, |e| matches!(e, StoreError::Refused { .. }), 1),
        (404, |e| matches!(e, StoreError::Refused { .. }), 1),
        (507, |e| matches!(e, StoreError::Refused { .. }), 1),
        (500, |e| matches!(e, StoreError::Unreachable { .. }), 2),
        (503, |e| matches!(e, StoreError::Unreachable { .. }), 2),
        (429, |e| matches!(e, StoreError::Unreachable { .. }), 2),
    ];
    for (status, expected, requests) in cases {
        let server = TinyServer::start(move |_, _| Answer::status(status));
        let error = put(&server, b"bytes").await.unwrap_err();
        assert!(expected(&error), "{status}: {error:?}");
        // Temporary failures are retried until the time limit.
        let seen = server.seen().len();
        assert!(seen == requests || (requests > 1 && seen > 4), "{status}: {seen}");
    }
    let server = TinyServer::start(|_, _| Answer::status(404));
    assert_eq!(get(&server, b"bytes").await.unwrap_err(), StoreError::NotFound);
}

#[tokio::test]
async fn temporary_failures_are_retried() {
    let bytes = pattern(300_000);
    let server = TinyServer::start_deaf(
        |number| (number == 2).then_some(Duration::from_secs(2)),
        |number, _| match number {
            0 => Answer::status(503),
            1 => Answer::Close,
            _ => Answer::status(200),
        },
    );
    put(&server, &bytes).await.unwrap();
    assert_eq!(server.seen().len(), 4);
    let body = bytes.clone();
    let server = TinyServer::start(move |number, _| match number {
        0 => Answer::Close,
        1 => Answer::Cut(body[..1000].to_vec(), body.len()),
        2 => Answer::Stall(body[..1000].to_vec(), body.len(), Duration::from_secs(2)),
        _ => Answer::Full(200, Vec::new(), body.clone()),
    });
    assert_eq!(get(&server, &bytes).await.unwrap(), bytes);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_stalled_store_is_abandoned_in_time() {
    let stall = || Answer::Stall(vec![0; 10], 300_000, Duration::from_secs(30));
    for deaf in [true, false] {
        let server =
            TinyServer::start_deaf(move |_| deaf.then_some(Duration::from_secs(30)), move |_, _| stall());
        let begun = Instant::now();
        let bytes = pattern(300_000);
        assert!(matches!(get(&server, &bytes).await, Err(StoreError::Unreachable { .. })));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    let server = TinyServer::start_deaf(|_| Some(Duration::from_secs(30)), |_, _| Answer::status(200));
    let begun = Instant::now();
    // More than the sockets' buffers hold, so that sending itself stalls.
    assert!(matches!(put(&server, &pattern(20_000_000)).await, Err(StoreError::Unreachable { .. })));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn bytes_other_than_the_stored_ones_are_damage() {
    let bytes = pattern(100_000);
    let (mut flipped, mut longer) = (bytes.clone(), bytes.clone());
    flipped[50_000] ^= 1;
    longer.push(0);
    let shorter = bytes[..99_999].to_vec();
    for body in [flipped, longer, shorter] {
        for endless in [false, true] {
            let body = body.clone();
            let server = TinyServer::start(move |_, _| {
                if endless {
                    Answer::Endless(body.clone())
                } else {
                    Answer::Full(200, Vec::new(), body.clone())
                }
            });
            assert!(matches!(get(&server, &bytes).await, Err(StoreError::Damaged(_))));
        }
    }
    // Far more bytes than requested are not read.
    let server = TinyServer::start(|_, _| Answer::Endless(vec![0; 50_000_000]));
    assert!(matches!(get(&server, &bytes).await, Err(StoreError::Damaged(_))));
}

/// N7: a pack sealed by this vault's own devices, under another pack's name. Whoever can write to the bucket or holds
/// the public recipients can do that.
#[tokio::test]
async fn an_authentic_pack_under_another_name_is_damage() {
    let keys = common::Keys::new();
    let packed = |seed| common::pack(&keys, &common::encode([common::random(seed, 30_000)]));
    let (honest, other) = (packed("a"), packed("b"));
    assert_eq!(honest.bytes.len(), other.bytes.len());
    let served = other.bytes.clone();
    let server = TinyServer::start(move |_, _| Answer::Full(200, Vec::new(), served.clone()));
    assert!(matches!(get(&server, &honest.bytes).await, Err(StoreError::Damaged(_))));
    // By its length alone it passes and opens, but none of its records matches the requested chunk.
    let grant = download(&server.origin(), &honest.bytes);
    let taken = store(&server.origin()).get(&grant, ObjectKind::Pack, Verify::Length).await.unwrap();
    let reader = PackReader::open(&taken, common::VAULT, &keys.identities).unwrap();
    assert!(reader.find(&other.entries[0].chunk_id).is_some());
    assert!(reader.find(&honest.entries[0].chunk_id).is_none());
}

#[tokio::test]
async fn a_part_is_the_requested_range_of_an_object_of_the_right_length() {
    let bytes = pattern(100_000);
    let part = 90_000..100_000;
    let wanted = bytes[90_000..].to_vec();
    let range = |text: &str| vec![("content-range".to_owned(), text.to_owned())];
    let right = "bytes 90000-99999/100000";
    let ask = |answer: Answer| {
        let server = TinyServer::start(move |_, _| answer.clone());
        let (grant, part) = (download(&server.origin(), &bytes), part.clone());
        async move {
            let got = store(&server.origin()).get_part(&grant, ObjectKind::Pack, part).await;
            assert_eq!(server.seen()[0].headers["range"], "bytes=90000-99999");
            got
        }
    };
    let longer = [wanted.as_slice(), &[0; 50_000]].concat();
    for answer in [
        Answer::Full(206, range(right), wanted.clone()),
        Answer::Full(206, range(right), longer),
        // It always sends whole objects.
        Answer::Full(200, Vec::new(), bytes.clone()),
    ] {
        assert!(ask(answer).await.unwrap() == wanted);
    }
    for answer in [
        Answer::Full(206, range("bytes 90000-99999/100001"), wanted.clone()),
        Answer::Full(206, range("bytes 80000-89999/100000"), wanted.clone()),
        Answer::Full(206, Vec::new(), wanted.clone()),
        Answer::Full(200, Vec::new(), wanted.clone()),
        Answer::status(416),
    ] {
        assert!(matches!(ask(answer).await, Err(StoreError::Damaged(_))));
    }
    assert!(matches!(ask(Answer::status(404)).await, Err(StoreError::NotFound)));
    let cut = Answer::Full(206, range(right), wanted[..100].to_vec());
    assert!(matches!(ask(cut).await, Err(StoreError::Unreachable { .. })));
    let grant = download("http://127.0.0.1:1", &bytes);
    let beyond = store("http://127.0.0.1:1").get_part(&grant, ObjectKind::Pack, 99_000..100_001).await;
    assert!(matches!(beyond, Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn a_redirect_or_a_foreign_url_gets_nothing() {
    let foreign = TinyServer::start(|_, _| Answer::status(200));
    let elsewhere = foreign.origin();
    let server = TinyServer::start(move |_, request| {
        Answer::Full(307, vec![("location".into(), format!("{elsewhere}{}", request.target))], Vec::new())
    });
    assert!(matches!(put(&server, b"bytes").await, Err(StoreError::Refused { .. })));
    assert!(matches!(get(&server, b"bytes").await, Err(StoreError::Refused { .. })));

    let here = store(&server.origin());
    let grant = upload(&foreign.origin(), b"bytes");
    let put = here.put(&grant, ObjectKind::Pack, Bytes::from_static(b"bytes")).await;
    assert!(matches!(put, Err(StoreError::Foreign(_))));
    assert!(matches!(
        here.get(&download(&foreign.origin(), b"bytes"), ObjectKind::Pack, Verify::Length).await,
        Err(StoreError::Foreign(_))
    ));
    // The right origin, another object.
    let mut other = upload(&server.origin(), b"bytes");
    other.id = id_of(b"other");
    let put = here.put(&other, ObjectKind::Pack, Bytes::from_static(b"bytes")).await;
    assert!(matches!(put, Err(StoreError::Foreign(_))));
    // Headers that would redirect the upload.
    let mut odd = upload(&server.origin(), b"bytes");
    if let UploadState::Put { headers, .. } = &mut odd.state {
        headers.insert("host".into(), "evil.example".into());
    }
    let put = here.put(&odd, ObjectKind::Pack, Bytes::from_static(b"bytes")).await;
    assert!(matches!(put, Err(StoreError::Foreign(_))));
    assert!(foreign.seen().is_empty());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_file_holds_one_attempt_only() {
    let bytes = pattern(1_000_000);
    let (body, dir) = (bytes.clone(), tempfile::tempdir().unwrap());
    let server = TinyServer::start(move |number, _| match number {
        0 => Answer::Cut(body[..600_000].to_vec(), body.len()),
        _ => Answer::Full(200, Vec::new(), body.clone()),
    });
    let grant = download(&server.origin(), &bytes);
    let file =
        store(&server.origin()).get_file(&grant, ObjectKind::Pack, Verify::Whole, dir.path()).await.unwrap();
    let mut found = vec![0; bytes.len() + 1];
    let len = file.read_at(&mut found, 0).unwrap();
    assert!(found[..len] == bytes);
    assert_eq!(server.seen().len(), 2);
    assert_eq!(dir.path().read_dir().unwrap().count(), 0, "the file has no name");
}

#[tokio::test]
async fn a_limit_is_kept_and_is_not_a_stall() {
    let server = TinyServer::start(|_, _| Answer::status(200));
    let (here, bytes) = (store(&server.origin()), pattern(200_000));
    here.limit_upload(Some(100_000));
    let begun = Instant::now();
    here.put(&upload(&server.origin(), &bytes), ObjectKind::Pack, Bytes::from(bytes)).await.unwrap();
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1500) && took < Duration::from_secs(6), "{took:?}");
    assert_eq!(server.seen().len(), 1);
}

/// A name that resolves outside at the check, and inside at the connection.
struct Rebinding(std::sync::atomic::AtomicUsize);

impl Lookup for Rebinding {
    fn addresses(
        &self,
        _: String,
    ) -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<std::net::IpAddr>>> + Send>> {
        let first = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let address = if first { "1.2.3.4" } else { "127.0.0.1" };
        Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
    }
}

#[tokio::test]
async fn n69_a_store_inside_the_network_gets_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let far = Reach::of_service("https://1.2.3.4");
    // Named by its address: refused before anything is sent.
    let inside = format!("https://127.0.0.1:{port}");
    let store = PresignedStore::new(&inside, "bucket", VAULT, &far).unwrap();
    let refused = store.put(&upload(&inside, b"bytes"), ObjectKind::Pack, Bytes::from_static(b"bytes")).await;
    assert!(
        matches!(&refused, Err(StoreError::Foreign(why)) if why.to_string().contains("inside your network")),
        "{refused:?}"
    );
    // By a name that is rebound between check and connection.
    let origin = format!("https://storage.example.com:{port}");
    let store = PresignedStore::new(
        &origin,
        "bucket",
        VAULT,
        &far.with_lookup(std::sync::Arc::new(Rebinding(0.into()))),
    )
    .unwrap()
    .with_first_pause(Duration::from_millis(1));
    let refused = store.get(&download(&origin, b"bytes"), ObjectKind::Pack, Verify::Whole).await;
    assert!(matches!(&refused, Err(StoreError::Foreign(_) | StoreError::Unreachable { .. })), "{refused:?}");
    let connected = listener.accept().map(|(_, peer)| peer);
    assert!(connected.is_err(), "something inside was connected to: {connected:?}");
}

#[tokio::test]
async fn only_headers_that_a_store_needs_are_sent() {
    let server = TinyServer::start(|_, _| Answer::status(200));
    let origin = server.origin();
    for name in [
        "host",
        "cookie",
        "authorization",
        "transfer-encoding",
        "x-forwarded-for",
        "range",
        "metadata-flavor",
    ] {
        let mut grant = upload(&origin, b"bytes");
        if let UploadState::Put { headers, .. } = &mut grant.state {
            headers.insert(name.to_owned(), "x".to_owned());
        }
        let refused = store(&origin).put(&grant, ObjectKind::Pack, Bytes::from_static(b"bytes")).await;
        assert!(matches!(refused, Err(StoreError::Foreign(_))), "{name}: {refused:?}");
    }
    assert!(server.seen().is_empty());
}
