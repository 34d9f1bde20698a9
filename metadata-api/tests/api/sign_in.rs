//! Password proof.

use std::time::{Duration, Instant};

use api_types::{ErrorCode, Region, account::SignInFinish, opaque::Binding};
use metadata_api::jobs;

use crate::support::{
    client::{Call, Device},
    fixture::{Fixture, secrets, wide_limits},
};

#[tokio::test]
async fn n01_wrong_password() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let before = fixture.fingerprint(&["pending_sign_in", "audit_event"]).await;
    let device = Device::new();
    let half = fixture.sign_in_start(&device, &person.email, "wrong").await;
    // An honest client notices by itself; one that continues has no proof to send.
    assert!(half.finish().is_none());
    let made_up =
        SignInFinish { sign_in_id: half.started.sign_in_id, ke3: rand::random::<[u8; 64]>().to_vec().into() };
    fixture.post(&device, "/v1/sign-in/finish", &made_up).await.refused(ErrorCode::SignInFailed);
    assert_eq!(fixture.fingerprint(&["pending_sign_in", "audit_event"]).await, before);
    // The trail gets it a little later: the response does not wait, and takes equally long for an unknown address.
    assert_eq!(fixture.audited().await.last().unwrap(), "vault_created");
    fixture.work(&mut jobs::all()).await;
    assert_eq!(fixture.audited().await.last().unwrap(), "sign_in_failed");
}

#[tokio::test]
async fn n02_an_unknown_address_gets_the_same_responses() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let known = fixture.sign_in_start(&device, &person.email, "any").await;
    let unknown = fixture.sign_in_start(&device, "nobody@example.com", "any").await;
    let again = fixture.sign_in_start(&device, "Nobody@Example.com", "any").await;
    assert_eq!(known.started.ke2.0.len(), unknown.started.ke2.0.len());
    // The substitute stays the same across attempts; a change would give it away.
    assert_eq!(unknown.started.account_id, again.started.account_id);
    assert_eq!(unknown.started.region, again.started.region);
    assert_eq!(unknown.started.account_id.0.get_version_num(), 4);
    assert!(unknown.finish().is_none());
    for (half, email) in [(&known, "known"), (&unknown, "unknown")] {
        let finish = SignInFinish { sign_in_id: half.started.sign_in_id, ke3: vec![7; 64].into() };
        let reply = fixture.post(&device, "/v1/sign-in/finish", &finish).await;
        let mut problem = reply.refused(ErrorCode::SignInFailed);
        problem.request_id.clear();
        assert_eq!(problem.retry_after, None, "{email}");
    }

    // Alternating, so that load affects both; medians, so that outliers do not count.
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..15 {
        for (times, email) in times.iter_mut().zip([person.email.as_str(), "nobody@example.com"]) {
            let started = Instant::now();
            fixture.sign_in_start(&device, email, "any").await;
            times.push(started.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut t| {
        t.sort();
        t[t.len() / 2]
    });
    assert!(known < unknown * 3 && unknown < known * 3, "known {known:?}, unknown {unknown:?}");
}

#[tokio::test]
async fn n03_a_changed_last_message() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    for bit in [0, 255, 511] {
        let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
        let mut finish = half.finish().unwrap();
        finish.ke3.0[bit / 8] ^= 1 << (bit % 8);
        let before = fixture.fingerprint(&["pending_sign_in", "audit_event"]).await;
        fixture.post(&device, "/v1/sign-in/finish", &finish).await.refused(ErrorCode::SignInFailed);
        assert_eq!(fixture.fingerprint(&["pending_sign_in", "audit_event"]).await, before);
    }
    let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
    let mut finish = half.finish().unwrap();
    finish.ke3.0.pop();
    fixture.post(&device, "/v1/sign-in/finish", &finish).await.refused(ErrorCode::SignInFailed);
}

#[tokio::test]
async fn n04_a_service_with_another_setup() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let impostor = Fixture::on(fixture.database.clone(), wide_limits(), &secrets(), None).await;
    let half = impostor.sign_in_start(&Device::new(), &person.email, &person.password).await;
    assert!(half.finish().is_none());
}

#[tokio::test]
async fn n06_another_context() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let half = fixture.sign_in_start(&Device::new(), &person.email, &person.password).await;
    assert!(half.finish_as(&Binding::new(person.account, Region::Ca)).is_none());
    assert!(half.finish_as(&Binding::new(person.account, Region::Eu)).is_some());
}

#[tokio::test]
async fn n07_a_sign_in_is_good_for_one_try() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    // after success
    let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
    let finish = half.finish().unwrap();
    fixture.post(&device, "/v1/sign-in/finish", &finish).await.done();
    fixture.post(&device, "/v1/sign-in/finish", &finish).await.refused(ErrorCode::SignInExpired);
    // after failure
    let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
    let good = half.finish().unwrap();
    let bad = SignInFinish { sign_in_id: good.sign_in_id, ke3: vec![0; 64].into() };
    fixture.post(&device, "/v1/sign-in/finish", &bad).await.refused(ErrorCode::SignInFailed);
    let before = fixture.fingerprint(&[]).await;
    fixture.post(&device, "/v1/sign-in/finish", &good).await.refused(ErrorCode::SignInExpired);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

#[tokio::test]
async fn n08_a_password_proof_takes_at_most_a_minute() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
    fixture.clock.shift(61);
    let before = fixture.fingerprint(&[]).await;
    fixture
        .post(&device, "/v1/sign-in/finish", &half.finish().unwrap())
        .await
        .refused(ErrorCode::SignInExpired);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

/// There is no token before the second factor, so protected routes have nothing to accept.
#[tokio::test]
async fn n09_n17_a_password_alone_opens_nothing() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let started = fixture.half_sign_in(&person, &device).await;
    for path in ["/keys/password", "/keys/recovery", "/keys/keyring", "/directory", ""] {
        let mut call = person.request_as(&fixture, &device, &person.session, "GET", path);
        // The pending sign-in's id is not a token.
        call.bearer = Some(format!("Bearer {}", started.sign_in_id));
        fixture.call(call.clone()).await.refused(ErrorCode::TokenInvalid);
        call.bearer = None;
        call.nonce = rand::random();
        fixture.call(call).await.refused(ErrorCode::TokenMissing);
        // Somebody else's session on this device does not count as its own.
        let call = person.request_as(&fixture, &device, &person.session, "GET", path);
        fixture.call(call).await.refused(ErrorCode::TokenInvalid);
    }
    let rows = fixture.rows("session").await;
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_sign_in_belongs_to_the_device_that_began_it() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
    let finish = half.finish().unwrap();
    let before = fixture.fingerprint(&[]).await;
    let mut thief = Device::new();
    fixture.post(&thief, "/v1/sign-in/finish", &finish).await.refused(ErrorCode::SignatureInvalid);
    thief.id = device.id;
    fixture.post(&thief, "/v1/sign-in/finish", &finish).await.refused(ErrorCode::SignatureInvalid);
    let with_token =
        Call::new(&fixture, &device, "POST", "/v1/sign-in/finish").json(&finish).bearer(&person.session);
    fixture.call(with_token).await.refused(ErrorCode::SignatureInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);
    fixture.post(&device, "/v1/sign-in/finish", &finish).await.done();
}

#[tokio::test]
async fn n32_weak_keys_are_refused() {
    let fixture = Fixture::new().await;
    let before = fixture.fingerprint(&[]).await;
    let device = Device::new();
    let mut identity = vec![0; 32];
    identity[0] = 1;
    let weak_signing = [vec![0; 32], identity.clone(), vec![1; 31]];
    let weak_sealing = [vec![0; 32], identity, vec![9; 33]];
    let mut bad = Vec::new();
    for key in weak_signing {
        let mut keys = device.keys();
        keys.signing_key = key.into();
        bad.push(keys);
    }
    for key in weak_sealing {
        let mut keys = device.keys();
        keys.sealing_key = key.into();
        bad.push(keys);
    }
    for keys in bad {
        // With another length they are not even keys.
        let whole = keys.signing_key.0.len() == 32 && keys.sealing_key.0.len() == 32;
        let code = if whole { ErrorCode::WeakKey } else { ErrorCode::InvalidRequest };
        let sign_in = api_types::account::SignInStart {
            email: "a@example.com".into(),
            ke1: vec![0; 96].into(),
            device: keys.clone(),
            puzzle: None,
        };
        fixture.post(&device, "/v1/sign-in/start", &sign_in).await.refused(code);
        let sign_up = api_types::account::SignUpStart {
            email: "a@example.com".into(),
            region: Region::Eu,
            registration_request: vec![0; 32].into(),
            device: keys,
            puzzle: None,
        };
        fixture.post(&device, "/v1/sign-up/start", &sign_up).await.refused(code);
    }
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

#[tokio::test]
async fn a_known_device_with_other_keys_is_refused() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let mut impostor = Device::new();
    impostor.id = person.device.id;
    fixture.clock.shift(30);
    let started = fixture.half_sign_in(&person, &impostor).await;
    let sessions =
        fixture.fingerprint(&["pending_sign_in", "audit_event", "totp", "second_factor_failure"]).await;
    let code = api_types::account::SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    fixture.second_factor(&impostor, &started, code).await.refused(ErrorCode::Conflict);
    assert_eq!(
        fixture.fingerprint(&["pending_sign_in", "audit_event", "totp", "second_factor_failure"]).await,
        sessions
    );
}

/// Whether `a` and `b` could come from one distribution: Mann–Whitney's U as a standard normal deviate.
fn rank_deviate(a: &[Duration], b: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> =
        a.iter().map(|t| (*t, true)).chain(b.iter().map(|t| (*t, false))).collect();
    all.sort();
    let ranks: f64 =
        (1_u32..).zip(&all).filter(|(_, (_, of_a))| *of_a).map(|(rank, _)| f64::from(rank)).sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u = ranks - n * (n + 1.0) / 2.0;
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// 2: the time to refuse a wrong password reveals nothing about the address. 40 pairs; 200 with LONG=1.
#[tokio::test]
async fn n02_the_time_of_a_refusal_does_not_reveal_an_account() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let pairs = if std::env::var_os("LONG").is_some() { 200 } else { 40 };
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..pairs {
        let first = usize::from(rand::random::<bool>());
        for which in [first, 1 - first] {
            let email = [person.email.as_str(), "nobody@example.com"][which];
            let device = Device::new();
            let half = fixture.sign_in_start(&device, email, "wrong").await;
            let wrong = SignInFinish { sign_in_id: half.started.sign_in_id, ke3: vec![7; 64].into() };
            let started = Instant::now();
            fixture.post(&device, "/v1/sign-in/finish", &wrong).await.refused(ErrorCode::SignInFailed);
            times[which].push(started.elapsed());
        }
    }
    assert!(times.iter().flatten().all(|time| *time >= Duration::from_millis(50)), "the floor");
    let deviate = rank_deviate(&times[0], &times[1]).abs();
    // p > 0.001: a tenth of a percent of runs may fail by chance.
    assert!(deviate < 3.3, "known and unknown addresses differ: {deviate}");
    // One insert each, whatever the address; only the account's reach a trail, as one row.
    assert_eq!(fixture.rows("failed_sign_in").await, pairs * 2);
    let before = fixture.rows("audit_event").await;
    let mut all = jobs::all();
    fixture.work(&mut all).await;
    assert_eq!((fixture.rows("failed_sign_in").await, fixture.rows("audit_event").await), (0, before + 1));
    // Later ones wait, so that strangers do not decide how long a trail gets.
    let half = fixture.sign_in_start(&Device::new(), &person.email, "wrong").await;
    drop(half);
    fixture.work(&mut all).await;
    assert_eq!(fixture.rows("audit_event").await, before + 1);
}
