//! The device's signature on every request.

use api_types::{
    ErrorCode, Problem, RunId, SourceId,
    backup::{Lease, RunStart},
    vault::VaultInfo,
};
use reqwest::header::{HeaderMap, HeaderValue};

use crate::support::{
    client::{Call, Device, Person},
    fixture::{Fixture, secrets, wide_limits},
};

/// A request that would change something if it were accepted.
fn change(fixture: &Fixture, person: &Person) -> Call {
    person.request(fixture, "POST", "/runs").json(&backup(1))
}

fn backup(n: u8) -> RunStart {
    RunStart { run_id: RunId::from_bytes([n; 16]), source_id: SourceId::from_bytes([n; 16]) }
}

/// Sends a variant, expects its refusal, and checks that nothing changed.
async fn refused(fixture: &Fixture, call: &Call, headers: HeaderMap, code: ErrorCode) -> Problem {
    let before = fixture.fingerprint(&[]).await;
    let problem = fixture.send(call, headers).await.refused(code);
    assert_eq!(fixture.fingerprint(&[]).await, before);
    problem
}

async fn ready() -> (Fixture, Person) {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    // The first request of the hour updates `last_seen_at`; send it before comparing.
    fixture.call(person.request(&fixture, "GET", "")).await.ok::<VaultInfo>();
    (fixture, person)
}

#[tokio::test]
async fn n21_missing_signature() {
    let (fixture, person) = ready().await;
    for missing in ["signature", "signature-input", "content-digest"] {
        let call = change(&fixture, &person);
        let mut headers = call.sign();
        headers.remove(missing);
        refused(&fixture, &call, headers, ErrorCode::SignatureMissing).await;
    }
    // The unchanged request succeeds.
    fixture.call(change(&fixture, &person)).await.ok::<Lease>();
}

#[tokio::test]
async fn n22_to_n25_what_is_signed_cannot_be_changed() {
    let (fixture, person) = ready().await;
    // 22: the body, with and without its digest
    let mut call = change(&fixture, &person);
    let headers = call.sign();
    call.body = serde_json::to_vec(&backup(2)).unwrap();
    refused(&fixture, &call, headers.clone(), ErrorCode::SignatureInvalid).await;
    let mut with_digest = headers;
    let digest = api_types::signature::content_digest(&call.body);
    with_digest.insert("content-digest", HeaderValue::from_str(&digest).unwrap());
    refused(&fixture, &call, with_digest, ErrorCode::SignatureInvalid).await;
    // 23: the query
    let mut call = person.request(&fixture, "GET", "/audit");
    call.query = "after=0".into();
    let headers = call.sign();
    call.query = "after=1".into();
    refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    // 24: the method
    let mut call = change(&fixture, &person);
    call.method = "GET";
    let headers = call.sign();
    call.method = "POST";
    refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    // the path
    let mut call = change(&fixture, &person);
    let headers = call.sign();
    call.path = call.path.replace("runs", "directory");
    refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    // 25: another host, whatever the forwarded headers say
    let mut call = change(&fixture, &person);
    call.authority = "api.elsewhere.example".into();
    let mut headers = call.sign();
    for name in ["x-forwarded-host", "forwarded", "x-host"] {
        headers.insert(name, HeaderValue::from_static("api.elsewhere.example"));
    }
    refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    // the token
    let call = change(&fixture, &person);
    let mut headers = call.sign();
    let other = fixture.sign_in(&person, &person.device).await;
    let bearer = format!("Bearer {}", other.access_token);
    headers.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
    refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
}

#[tokio::test]
async fn n26_a_request_counts_once_on_all_replicas() {
    let (fixture, person) = ready().await;
    let call = person.request(&fixture, "GET", "/directory");
    let headers = call.sign();
    assert_eq!(fixture.send(&call, headers.clone()).await.status, 200);
    refused(&fixture, &call, headers, ErrorCode::SignatureReplayed).await;

    // A second replica with the same secrets and name.
    let database = fixture.database.clone();
    let shared = secrets();
    let one = Fixture::on(database.clone(), wide_limits(), &shared, Some("api.test")).await;
    let two = Fixture::on(database, wide_limits(), &shared, Some("api.test")).await;
    let member = one.member().await;
    let call = member.request(&one, "GET", "/directory");
    let headers = call.sign();
    two.clock.shift(one.clock.now() - two.clock.now());
    assert_eq!(two.send(&call, headers.clone()).await.status, 200);
    refused(&one, &call, headers, ErrorCode::SignatureReplayed).await;

    // The same before sign-in.
    let device = Device::new();
    let start = crate::limits::well_formed(&device, &person.email);
    let call = Call::new(&fixture, &device, "POST", "/v1/sign-in/start").json(&start);
    let headers = call.sign();
    assert_eq!(fixture.send(&call, headers.clone()).await.status, 200);
    refused(&fixture, &call, headers, ErrorCode::SignatureReplayed).await;
    // Forged and refused requests are not remembered, so that they fill no table.
    let nonces = fixture.rows("nonce").await;
    for _ in 0..3 {
        let junk = api_types::account::SignInStart { ke1: vec![0; 96].into(), ..start.clone() };
        fixture.post(&device, "/v1/sign-in/start", &junk).await.refused(ErrorCode::ContentInvalid);
    }
    assert_eq!(fixture.rows("nonce").await, nonces);
}

/// A nonce is remembered longer than its signature stays fresh.
#[tokio::test]
async fn a_replay_never_becomes_fresh_again() {
    let (fixture, person) = ready().await;
    let mut call = person.request(&fixture, "GET", "/directory");
    call.created += 60;
    let headers = call.sign();
    assert_eq!(fixture.send(&call, headers.clone()).await.status, 200);
    // Fresh for two minutes; the test's own seconds count too.
    for _ in 0..11 {
        fixture.clock.shift(9);
        fixture.send(&call, headers.clone()).await.refused(ErrorCode::SignatureReplayed);
    }
    for _ in 0..11 {
        fixture.clock.shift(2);
        assert_eq!(fixture.send(&call, headers.clone()).await.status, 401);
    }
    fixture.send(&call, headers).await.refused(ErrorCode::ClockSkew);
}

#[tokio::test]
async fn n27_n28_a_wrong_clock() {
    let (fixture, person) = ready().await;
    for offset in [-62, 62, -86_400 * 400] {
        let mut call = change(&fixture, &person);
        call.created += offset;
        let headers = call.sign();
        let problem = refused(&fixture, &call, headers, ErrorCode::ClockSkew).await;
        assert!((problem.server_time.unwrap() - fixture.clock.now()).abs() <= 5);
    }
    // Within the minute it is accepted; a skewed clock learns nothing without the key.
    for offset in [-55, 55] {
        let mut call = person.request(&fixture, "GET", "");
        call.created += offset;
        assert_eq!(fixture.call(call).await.status, 200);
    }
    let mut call = change(&fixture, &person);
    call.created -= 1000;
    call.device.key = Device::new().key;
    let headers = call.sign();
    let problem = refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    assert_eq!(problem.server_time, None);
}

#[tokio::test]
async fn n29_n30_n31_any_other_profile() {
    let (fixture, person) = ready().await;
    let call = change(&fixture, &person);
    let good = call.sign();
    let input = good["signature-input"].to_str().unwrap().to_owned();
    let signature = good["signature"].to_str().unwrap().to_owned();
    let changed = [
        (format!("{input}, b=();created=1"), format!("{signature}, b=:AA==:")),
        (input.replace(" \"content-digest\"", ""), signature.clone()),
        (input.replace(" \"authorization\"", ""), signature.clone()),
        (input.replace("ed25519", "hmac-sha256"), signature.clone()),
        (input.replace(";alg=\"ed25519\"", ""), signature.clone()),
        (input.replace("sealkeep-v1", "sealkeep-v2"), signature.clone()),
        (input.clone(), "sealkeep=:AAAA:".to_owned()),
        (input.clone(), String::new()),
    ];
    for (input, signature) in changed {
        let mut headers = good.clone();
        headers.insert("signature-input", HeaderValue::from_str(&input).unwrap());
        headers.insert("signature", HeaderValue::from_str(&signature).unwrap());
        refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    }
    // The same header twice, with equal or different values.
    for name in ["signature", "signature-input", "content-digest"] {
        let mut headers = good.clone();
        headers.append(name, good[name].clone());
        refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
    }
    fixture.send(&call, good).await.ok::<Lease>();
}

#[tokio::test]
async fn n33_n34_another_key_than_the_tokens() {
    let (fixture, person) = ready().await;
    // 33: another device of the same account, with a session of its own
    let second = Device::new();
    let session = fixture.sign_in(&person, &second).await;
    let mut call = change(&fixture, &person);
    call.device = second.clone();
    let headers = call.sign();
    refused(&fixture, &call, headers, ErrorCode::TokenInvalid).await;
    let mut call = change(&fixture, &person).bearer(&session);
    call.device = person.device.clone();
    let headers = call.sign();
    refused(&fixture, &call, headers, ErrorCode::TokenInvalid).await;
    // 34: a stolen token and no key
    let mut call = change(&fixture, &person);
    call.device.key = Device::new().key;
    let headers = call.sign();
    refused(&fixture, &call, headers, ErrorCode::SignatureInvalid).await;
}

#[tokio::test]
async fn n45_bodies() {
    let (fixture, person) = ready().await;
    let bodies: [(&[u8], ErrorCode); 7] = [
        (&vec![b' '; 1024 * 1024 + 1], ErrorCode::BodyTooLarge),
        (&[b"[".repeat(100_000), b"]".repeat(100_000)].concat(), ErrorCode::InvalidRequest),
        (br#"{"run_id":"00000000-0000-4000-8000-000000000001","run_id":"00000000-0000-4000-8000-000000000001","source_id":"00000000-0000-4000-8000-000000000001"}"#, ErrorCode::InvalidRequest),
        (br#"{"run_id":"00000000-0000-4000-8000-000000000001","source_id":"00000000-0000-4000-8000-000000000001","more":1}"#, ErrorCode::InvalidRequest),
        (br#"{"run_id":"AA","source_id":"00000000-0000-4000-8000-000000000001"}"#, ErrorCode::InvalidRequest),
        (br#"{"run_id":-2,"source_id":"00000000-0000-4000-8000-000000000001"}"#, ErrorCode::InvalidRequest),
        (b"", ErrorCode::InvalidRequest),
    ];
    for (body, code) in bodies {
        let mut call = person.request(&fixture, "POST", "/runs");
        call.body = body.to_vec();
        let headers = call.sign();
        refused(&fixture, &call, headers, code).await;
    }
    for query in ["limit=0", "limit=1001", "after=-1", "after=x", "more=1", "after=1&after=2"] {
        let mut call = person.request(&fixture, "GET", "/audit");
        call.query = query.into();
        let headers = call.sign();
        refused(&fixture, &call, headers, ErrorCode::InvalidRequest).await;
    }
}
