//! The embedded object store alone: what it refuses, and how it handles strangers, a full disk and odd names.

use std::time::Duration;

use crate::support::{
    http::Body,
    stores::{MAX, TestStore},
};

#[test]
fn keys_are_names_and_not_paths() {
    let store = TestStore::embedded();
    let long = "k".repeat(900);
    let odd = ["a/../../etc/x", "../../other/objects/x", "..", "dir", "dir/sub", long.as_str()];
    for key in odd {
        let body = key.as_bytes();
        let response = store.put(key, body);
        assert_eq!(response.status, 200, "{key}: {}", response.text());
        assert_eq!(store.get(key).body, body, "{key}");
    }
    let dotted = store.sign("GET", "../../other/objects/x", &[]).replace("..", "%2e%2e");
    assert_eq!(store.send("GET", &dotted, &[], &Body::None).unwrap().body, b"../../other/objects/x");
    let top: Vec<_> = std::fs::read_dir(store.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(top, ["objects"]);
    let mut buckets: Vec<_> = std::fs::read_dir(store.dir.path().join("objects"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    buckets.sort();
    assert_eq!(buckets, ["conformance", "other"]);
    let other = store.sign_query("GET", "/other/a/../../etc/x", &[], &[]);
    assert_eq!(store.send("GET", &other, &[], &Body::None).unwrap().status, 404, "no way across buckets");
    let path = format!("/conformance/{}", "k".repeat(1025));
    let target = store.sign_query("PUT", &path, &[("content-length", "1")], &[]);
    let response = store.send("PUT", &target, &[("content-length", "1")], &Body::Whole(b"x")).unwrap();
    assert_eq!(response.status, 400, "a key that is too long");
    let absent = store.sign_query("GET", "/absent/k", &[], &[]);
    assert_eq!(
        store.send("GET", &absent, &[], &Body::None).unwrap().status,
        404,
        "a bucket that is not there"
    );
}

#[test]
fn uploads_have_a_signed_and_bounded_length() {
    let store = TestStore::embedded();
    let bare = store.sign("PUT", "k", &[]);
    let response = store.send("PUT", &bare, &[], &Body::Whole(b"x")).unwrap();
    assert_eq!(response.status, 403, "length not signed");
    let response = store.send("PUT", &bare, &[], &Body::Chunked(b"x")).unwrap();
    assert!((400..500).contains(&response.status), "no length: {}", response.status);
    assert!(response.text().contains("MissingContentLength"), "{}", response.text());
    let announced = MAX + 1;
    let length = announced.to_string();
    let headers = [("content-length", length.as_str())];
    let target = store.sign("PUT", "k", &headers);
    let response = store.send("PUT", &target, &headers, &Body::Withheld { announced }).unwrap();
    assert_eq!(response.status, 400);
    assert!(response.text().contains("EntityTooLarge"), "{}", response.text());
    assert_eq!(store.head("k").status, 404);
}

#[test]
fn only_six_operations_exist() {
    let store = TestStore::embedded();
    assert_eq!(store.put("k", b"x").status, 200);
    type Query = &'static [(&'static str, &'static str)];
    let cases: [(&str, &str, Query); 5] = [
        ("PUT", "/new-bucket", &[]),
        ("DELETE", "/conformance", &[]),
        ("GET", "/", &[]),
        ("PUT", "/conformance/k", &[("acl", "")]),
        ("GET", "/conformance", &[("versions", "")]),
    ];
    for (method, path, query) in cases {
        let target = store.sign_query(method, path, &[], query);
        let response = store.send(method, &target, &[], &Body::Whole(b"")).unwrap();
        assert_eq!(response.status, 501, "{method} {path} {query:?}: {}", response.text());
    }
    let copy = [("content-length", "0"), ("x-amz-copy-source", "/conformance/k")];
    let target = store.sign("PUT", "copied", &copy);
    assert_eq!(store.send("PUT", &target, &copy, &Body::Whole(b"")).unwrap().status, 501);
    for method in ["POST", "OPTIONS", "PATCH"] {
        let target = store.sign_query(method, "/conformance/k", &[], &[("uploads", "")]);
        let response = store.send(method, &target, &[], &Body::Whole(b"")).unwrap();
        assert_eq!(response.status, 405, "{method}");
    }
    assert_eq!(store.get("k").body, b"x");
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(dir.path())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("skipped: a small tmpfs cannot be mounted here (not root)");
        return;
    }
    let mount = Unmount(dir.path().to_owned());
    let store = TestStore::embedded_in(dir);
    let bytes = vec![9; 1_500_000];
    assert_eq!(store.put("one", &bytes).status, 200);
    assert_eq!(store.put("two", &bytes).status, 200);
    let full = store.put("three", &bytes);
    assert_eq!(full.status, 507, "{}", full.text());
    assert_eq!(store.head("three").status, 404);
    assert_eq!(store.get("one").body, bytes);
    assert_eq!(std::fs::read_dir(mount.0.join("objects/conformance/.tmp")).unwrap().count(), 0);
    assert_eq!(store.delete("one").status, 204);
    assert_eq!(store.put("three", &bytes).status, 200, "there is room again");
    drop(mount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A refusal is useless if the client, still sending, only sees a broken connection.
#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let store = TestStore::embedded();
    let target = store.sign("PUT", "k", &[("content-length", "4000000")]).replace("/k?", "/other?");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = reqwest::Client::new();
    for attempt in 0..20 {
        let url = format!("http://{}{target}", store.signer.host);
        let response = runtime.block_on(client.put(url).body(vec![0; 4_000_000]).send());
        assert_eq!(response.unwrap().status(), 403, "attempt {attempt}");
    }
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Announces a gigabyte and sends as much as is accepted; returns the bytes sent and the response's first line.
fn pour(host: &str, head: &str) -> (usize, String) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    // The response arrives although no body was sent.
    let mut response = [0; 12];
    stream.read_exact(&mut response).unwrap();
    let chunk = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < 256 * 1024 * 1024 && stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
    }
    (sent, String::from_utf8_lossy(&response).into_owned())
}

/// A stranger's body uses no memory, whatever it claims to be, and is not drained.
#[test]
fn unsigned_bodies_are_not_read() {
    // Runs alone in its process, so that other tests' memory is not counted.
    const ALONE: &str = "SEALKEEP_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "object_store_embedded::unsigned_bodies_are_not_read"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let store = TestStore::embedded();
    let host = store.signer.host.clone();
    let gigabyte = "content-length: 1073741824";
    let form = "content-type: multipart/form-data; boundary=b";
    let garbage = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00";
    let heads = [
        (format!("POST /conformance HTTP/1.1\r\nhost: {host}\r\n{form}\r\n{gigabyte}\r\n\r\n"), "405"),
        (
            format!("POST /conformance{garbage} HTTP/1.1\r\nhost: {host}\r\n{form}\r\n{gigabyte}\r\n\r\n"),
            "405",
        ),
        (format!("PUT /conformance/k HTTP/1.1\r\nhost: {host}\r\n{gigabyte}\r\n\r\n"), "403"),
        (format!("PUT /conformance/k HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n"), "403"),
        (format!("PUT /conformance/k{garbage} HTTP/1.1\r\nhost: {host}\r\n{gigabyte}\r\n\r\n"), "400"),
        (
            format!(
                "PUT /conformance/k{garbage} HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n"
            ),
            "400",
        ),
        (format!("GET /conformance/k{garbage} HTTP/1.1\r\nhost: {host}\r\n{gigabyte}\r\n\r\n"), "400"),
        (format!("DELETE /conformance/k HTTP/1.1\r\nhost: {host}\r\n{gigabyte}\r\n\r\n"), "403"),
    ];
    let before = resident();
    for (head, status) in &heads {
        for _ in 0..3 {
            let (sent, response) = pour(&host, head);
            assert!(response.ends_with(status), "{head}: {response}");
            // At most what two sockets' buffers hold.
            assert!(sent < 16 * 1024 * 1024, "{head}: {sent} bytes were taken");
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "{grown} bytes");
    assert_eq!(store.put("k", b"x").status, 200, "and honest uploads go on");
}
