//! The properties we rely on in an object store, tested on the embedded one and, if installed, on Garage.

use std::{sync::Arc, time::Duration};

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::support::{
    http::Body,
    sigv4::{Request, Signer},
    stores::{Kind, TestStore},
    until,
};

/// Clients treat both alike and ask for a new URL.
fn refused(status: u16) -> bool {
    status == 400 || status == 403
}

fn checksum(bytes: &[u8]) -> String {
    Base64::encode_string(&Sha256::digest(bytes))
}

/// The headers that the service signs into an upload URL.
fn profile<'a>(length: &'a str, checksum: &'a str) -> [(&'a str, &'a str); 3] {
    [("content-length", length), ("if-none-match", "*"), ("x-amz-checksum-sha256", checksum)]
}

#[test]
fn what_is_stored_comes_back_whole_and_in_parts() {
    for store in TestStore::all() {
        for size in [1, 100, 65_536, 1_048_577, 3_000_000] {
            let key = format!("v1/vault/packs/{size}");
            let bytes: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
            let (length, sum) = (bytes.len().to_string(), checksum(&bytes));
            let headers = profile(&length, &sum);
            let target = store.sign("PUT", &key, &headers);
            let put = store.send("PUT", &target, &headers, &Body::Whole(&bytes)).unwrap();
            assert_eq!(put.status, 200, "{:?} {}", store.kind, put.text());
            assert_eq!(store.get(&key).body, bytes);
            let head = store.head(&key);
            assert_eq!(head.status, 200);
            assert_eq!(head.headers["content-length"], length);
            assert_eq!(head.headers["x-amz-checksum-sha256"], sum, "{:?}", store.kind);
        }
        let ranged = |range: &str| {
            let target = store.sign("GET", "v1/vault/packs/100", &[]);
            store.send("GET", &target, &[("range", range)], &Body::None).unwrap()
        };
        let whole = store.get("v1/vault/packs/100").body;
        for (range, expected) in [
            ("bytes=0-0", &whole[..1]),
            ("bytes=10-19", &whole[10..20]),
            ("bytes=90-", &whole[90..]),
            ("bytes=-5", &whole[95..]),
            ("bytes=95-200", &whole[95..]),
        ] {
            let part = ranged(range);
            assert_eq!((part.status, part.body.as_slice()), (206, expected), "{range}");
            assert!(part.headers["content-range"].ends_with("/100"));
        }
        assert_eq!(ranged("bytes=100-").status, 416);
        assert_eq!(store.get("v1/vault/packs/absent").status, 404);
        assert_eq!(store.head("v1/vault/packs/absent").status, 404);
    }
}

#[test]
fn a_url_expires_on_time() {
    for store in TestStore::all() {
        assert_eq!(store.put("k", b"x").status, 200);
        let sign = |at: OffsetDateTime, expires| {
            let path = store.path("k");
            store.signer.presign(&Request {
                method: "GET",
                path: &path,
                headers: &[],
                query: &[],
                expires,
                at,
            })
        };
        let now = OffsetDateTime::now_utc();
        let get = |target: String| store.send("GET", &target, &[], &Body::None).unwrap().status;
        assert_eq!(get(sign(now - Duration::from_secs(899), 900)), 200);
        assert!(refused(get(sign(now - Duration::from_secs(902), 900))), "{:?}", store.kind);
        assert!(refused(get(sign(now - Duration::from_secs(2), 1))), "{:?}", store.kind);
        if store.kind == Kind::Embedded {
            assert!(refused(get(sign(now + Duration::from_secs(7200), 900))), "signed in the future");
        }
    }
}

#[test]
fn a_changed_url_is_refused() {
    for store in TestStore::all() {
        assert_eq!(store.put("k", b"x").status, 200);
        assert_eq!(store.put("other", b"y").status, 200);
        let good = store.sign("GET", "k", &[]);
        let status =
            |method: &str, target: &str| store.send(method, target, &[], &Body::None).unwrap().status;
        assert_eq!(status("GET", &good), 200);
        let last = if good.ends_with('0') { '1' } else { '0' };
        let signature = format!("{}{last}", &good[..good.len() - 1]);
        assert!(refused(status("GET", &signature)), "signature");
        assert!(refused(status("GET", &good.replace("/k?", "/other?"))), "key");
        assert!(refused(status("GET", &good.replace("Expires=60", "Expires=86400"))), "expiry");
        assert!(refused(status("GET", &good.replace("/conformance/", "/other/"))), "bucket");
        assert!(refused(status("DELETE", &good)), "method");
        assert!(refused(status("GET", &store.path("k"))), "anonymous");
        let stranger = Signer { secret_key: "another-secret-altogether".into(), ..store.signer.clone() };
        let path = store.path("k");
        let at = OffsetDateTime::now_utc();
        let theirs = stranger.presign(&Request {
            method: "GET",
            path: &path,
            headers: &[],
            query: &[],
            expires: 60,
            at,
        });
        assert!(refused(status("GET", &theirs)), "secret");
        assert_eq!(status("GET", &good), 200, "still there");
    }
}

#[test]
fn the_signed_length_is_the_length() {
    for store in TestStore::all() {
        let bytes = b"0123456789";
        let sum = checksum(bytes);
        let headers = profile("10", &sum);
        let target = store.sign("PUT", "k", &headers);
        let longer = profile("11", &sum);
        let response = store.send("PUT", &target, &longer, &Body::Whole(b"0123456789+")).unwrap();
        assert!(refused(response.status), "longer: {}", response.status);
        let shorter = profile("9", &sum);
        let response = store.send("PUT", &target, &shorter, &Body::Whole(b"012345678")).unwrap();
        assert!(refused(response.status), "shorter: {}", response.status);
        let chunked = store.send("PUT", &target, &headers[1..], &Body::Chunked(bytes));
        assert!(chunked.is_none_or(|response| refused(response.status)), "chunked");
        assert_eq!(store.head("k").status, 404, "{:?}", store.kind);
        assert_eq!(store.send("PUT", &target, &headers, &Body::Whole(bytes)).unwrap().status, 200);
    }
}

#[test]
fn bytes_with_another_checksum_are_not_stored() {
    for store in TestStore::all() {
        let sum = checksum(b"0123456789");
        let headers = profile("10", &sum);
        let target = store.sign("PUT", "k", &headers);
        let put = |headers: &[(&str, &str)], body: &[u8]| {
            store.send("PUT", &target, headers, &Body::Whole(body)).unwrap()
        };
        let wrong = put(&headers, b"9876543210");
        assert_eq!(wrong.status, 400, "{}", wrong.text());
        assert_eq!(store.head("k").status, 404, "wrong bytes");
        let theirs = checksum(b"9876543210");
        assert!(refused(put(&profile("10", &theirs), b"9876543210").status), "header changed");
        assert!(refused(put(&headers[..2], b"0123456789").status), "header left out");
        assert_eq!(store.head("k").status, 404);
        assert_eq!(put(&headers, b"0123456789").status, 200);

        let md5 = [("content-length", "1"), ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
        let target = store.sign("PUT", "md5", &md5);
        assert_eq!(store.send("PUT", &target, &md5, &Body::Whole(b"x")).unwrap().status, 400);
        assert_eq!(store.head("md5").status, 404);
    }
}

#[test]
fn a_second_upload_changes_nothing() {
    for store in TestStore::all() {
        let sum = checksum(b"0123456789");
        let headers = profile("10", &sum);
        let target = store.sign("PUT", "k", &headers);
        let put = |body: &[u8]| store.send("PUT", &target, &headers, &Body::Whole(body)).unwrap().status;
        assert_eq!(put(b"0123456789"), 200);
        match store.kind {
            Kind::Embedded => assert_eq!(put(b"0123456789"), 412),
            // Garage ignores If-None-Match; the checksum below protects the object.
            Kind::Garage => assert_eq!(put(b"0123456789"), 200),
        }
        assert!((400..500).contains(&put(b"9876543210")));
        assert_eq!(store.get("k").body, b"0123456789");
        let unconditional = [headers[0], headers[2]];
        let response = store.send("PUT", &target, &unconditional, &Body::Whole(b"0123456789")).unwrap();
        assert!(refused(response.status), "If-None-Match signed and not sent");
    }
}

#[test]
fn of_sixteen_racing_uploads_one_wins() {
    let store = Arc::new(TestStore::embedded());
    for round in 0..8 {
        let key = format!("race/{round}");
        let racers: Vec<_> = (0..16u8)
            .map(|i| {
                let (store, key) = (store.clone(), key.clone());
                std::thread::spawn(move || {
                    let body = vec![i; 20_000];
                    let sum = checksum(&body);
                    let headers = profile("20000", &sum);
                    let target = store.sign("PUT", &key, &headers);
                    let status = store.send("PUT", &target, &headers, &Body::Whole(&body)).unwrap().status;
                    (i, status)
                })
            })
            .collect();
        let results: Vec<_> = racers.into_iter().map(|r| r.join().unwrap()).collect();
        let winners: Vec<_> = results.iter().filter(|(_, status)| *status == 200).collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        assert!(results.iter().all(|(_, status)| [200, 412].contains(status)), "{results:?}");
        assert_eq!(store.get(&key).body, vec![winners[0].0; 20_000]);
    }
}

#[test]
fn a_cut_body_is_no_object() {
    for store in TestStore::all() {
        let bytes = vec![5; 2_000_000];
        let sum = checksum(&bytes);
        let headers = profile("2000000", &sum);
        let target = store.sign("PUT", "k", &headers);
        for sent in [0, 1, 1_000_000, 1_999_999] {
            store.send("PUT", &target, &headers, &Body::Cut { announced: bytes.len(), sent: &bytes[..sent] });
            assert_eq!(store.head("k").status, 404, "{:?} {sent}", store.kind);
        }
        if store.kind == Kind::Embedded {
            let temp = store.dir.path().join("objects/conformance/.tmp");
            let left = || std::fs::read_dir(&temp).unwrap().count();
            until("partial files are removed", || left() == 0);
        }
        assert_eq!(store.send("PUT", &target, &headers, &Body::Whole(&bytes)).unwrap().status, 200);
    }
}

#[test]
fn a_bucket_can_be_listed_without_the_service() {
    for store in TestStore::all() {
        let mut keys: Vec<String> = (0..25).map(|i| format!("v1/a/packs/{i:02}")).collect();
        keys.extend(["v1/a/snapshots/x".to_owned(), "v1/b/packs/00".to_owned()]);
        for key in &keys {
            assert_eq!(store.put(key, key.as_bytes()).status, 200);
        }
        let list = |query: &[(&str, &str)]| {
            let path = format!("/{}", store.bucket);
            let target = store.sign_query("GET", &path, &[], query);
            let response = store.send("GET", &target, &[], &Body::None).unwrap();
            assert_eq!(response.status, 200, "{}", response.text());
            response.text()
        };
        let values = |xml: &str, tag: &str| -> Vec<String> {
            xml.split(&format!("<{tag}>")).skip(1).map(|s| s.split('<').next().unwrap().to_owned()).collect()
        };
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let mut query = vec![("list-type", "2"), ("max-keys", "10"), ("prefix", "v1/a/")];
            if !token.is_empty() {
                query.push(("continuation-token", &token));
            }
            let page = list(&query);
            seen.extend(values(&page, "Key"));
            match values(&page, "NextContinuationToken").pop() {
                Some(next) => token = next,
                None => break,
            }
        }
        assert_eq!(seen, keys[..26], "{:?}", store.kind);
        let folders = list(&[("list-type", "2"), ("prefix", "v1/"), ("delimiter", "/")]);
        let prefixes: Vec<_> = values(&folders, "Prefix").into_iter().filter(|p| p.len() > 3).collect();
        assert_eq!(prefixes, ["v1/a/", "v1/b/"], "{folders}");
        // An earlier listing is kept up to date.
        assert_eq!(store.put("v1/c", b"new").status, 200);
        assert_eq!(store.delete("v1/b/packs/00").status, 204);
        let after = values(
            &list(&[("list-type", "2"), ("start-after", "v1/a/snapshots/x"), ("prefix", "v1/")]),
            "Key",
        );
        assert_eq!(after, ["v1/c"]);
        assert_eq!(store.get("v1/b/packs/00").status, 404);
        assert_eq!(store.delete("v1/b/packs/00").status, 204, "deleting again");
    }
}
