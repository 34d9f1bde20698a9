//! Sign-up.

use api_types::{
    ErrorCode, Region,
    account::{SignUpConfirm, SignUpConfirmed, SignUpFinish, SignUpStart},
};

use metadata_api::config::Limits;
use metadata_api::jobs;

use crate::support::{
    client::Device,
    fixture::{Fixture, wide_limits},
};

#[tokio::test]
async fn a_known_address_gets_the_same_responses_until_a_code_is_proven() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.clock.shift(30);
    let device = Device::new();
    let (known, url) = fixture.sign_up_finish(&device, &person.email.to_uppercase(), "other").await;
    let (unknown, other_url) = fixture.sign_up_finish(&device, "new@example.com", "other").await;
    assert_eq!(known.registration_response.0.len(), unknown.registration_response.0.len());
    assert_eq!(
        url.split("secret=").next().unwrap().len() - person.email.len(),
        other_url.split("secret=").next().unwrap().len() - "new@example.com".len()
    );
    let before = fixture.fingerprint(&["pending_sign_up"]).await;
    let confirm = SignUpConfirm { sign_up_id: known.sign_up_id, code: fixture.code(&url, 0) };
    fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SignUpRefused);
    assert_eq!(fixture.fingerprint(&["pending_sign_up"]).await, before);
    // The existing account still signs in.
    fixture.sign_in(&person, &person.device).await;
}

#[tokio::test]
async fn there_is_no_account_before_the_second_factor() {
    let fixture = Fixture::new().await;
    fixture.settle();
    let device = Device::new();
    let (started, url) = fixture.sign_up_finish(&device, "new@example.com", "password").await;
    for table in ["account", "credential", "totp", "vault", "device", "session"] {
        assert_eq!(fixture.rows(table).await, 0, "{table}");
    }
    // A wrong code is refused; after five of them the right one is refused too.
    for _ in 0..5 {
        let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code: fixture.code(&url, 300) };
        fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SecondFactorFailed);
    }
    let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code: fixture.code(&url, 0) };
    fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SignUpExpired);
    assert_eq!(fixture.rows("account").await, 0);
}

#[tokio::test]
async fn a_sign_up_works_once_and_for_half_an_hour() {
    let fixture = Fixture::new().await;
    fixture.settle();
    let device = Device::new();
    let half = fixture.sign_up_start(&device, "a@example.com", "password").await;
    let confirm = SignUpConfirm { sign_up_id: half.started.sign_up_id, code: "000000".into() };
    fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SignUpExpired);
    let reply = fixture.post(&device, "/v1/sign-up/finish", &half.finish).await;
    assert_eq!(reply.status, 200);
    fixture.post(&device, "/v1/sign-up/finish", &half.finish).await.refused(ErrorCode::SignUpExpired);

    let (started, url) = fixture.sign_up_finish(&device, "b@example.com", "password").await;
    let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code: fixture.code(&url, 0) };
    let thief = Device::new();
    fixture.post(&thief, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SignatureInvalid);
    let confirmed: SignUpConfirmed = fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.ok();
    assert_eq!(confirmed.session.vaults.len(), 1);
    fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SignUpExpired);
    assert_eq!(fixture.rows("account").await, 1);

    let (started, url) = fixture.sign_up_finish(&device, "c@example.com", "password").await;
    fixture.clock.shift(30 * 60 + 1);
    let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code: fixture.code(&url, 0) };
    fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::SignUpExpired);
}

#[tokio::test]
async fn bad_input_is_one_sentence_and_no_row() {
    let fixture = Fixture::new().await;
    let device = Device::new();
    let good = SignUpStart {
        email: "a@example.com".into(),
        region: Region::Eu,
        registration_request: vec![1; 32].into(),
        device: device.keys(),
        puzzle: None,
    };
    let before = fixture.fingerprint(&[]).await;
    let emails = ["", "a", "@", "a@", "@b", "a b@c", "a@b@c", &format!("{}@example.com", "x".repeat(250))];
    for email in emails {
        let body = SignUpStart { email: email.into(), ..good.clone() };
        fixture.post(&device, "/v1/sign-up/start", &body).await.refused(ErrorCode::ContentInvalid);
    }
    for (name, code) in [
        ("", ErrorCode::InvalidRequest),
        (&*"x".repeat(65), ErrorCode::InvalidRequest),
        ("  ", ErrorCode::ContentInvalid),
        ("a\u{7}b", ErrorCode::ContentInvalid),
    ] {
        let mut body = good.clone();
        body.device.name = name.into();
        fixture.post(&device, "/v1/sign-up/start", &body).await.refused(code);
    }
    let elsewhere = SignUpStart { region: Region::Us, ..good.clone() };
    fixture.post(&device, "/v1/sign-up/start", &elsewhere).await.refused(ErrorCode::RegionUnavailable);
    let no_point = SignUpStart { registration_request: vec![0xff; 32].into(), ..good };
    fixture.post(&device, "/v1/sign-up/start", &no_point).await.refused(ErrorCode::ContentInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);

    let half = fixture.sign_up_start(&device, "a@example.com", "password").await;
    let before = fixture.fingerprint(&[]).await;
    let bad = SignUpFinish { registration_upload: vec![1; 191].into(), ..half.finish };
    fixture.post(&device, "/v1/sign-up/finish", &bad).await.refused(ErrorCode::ContentInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

/// No address is proven yet, so accounts are limited per network.
#[tokio::test]
async fn accounts_and_sign_ups_per_network_are_bounded() {
    let fixture = Fixture::with(Limits { accounts_per_network: 2, ..wide_limits() }).await;
    fixture.member().await;
    fixture.member().await;
    let device = Device::new();
    fixture.settle();
    let (started, url) = fixture.sign_up_finish(&device, "third@example.com", "password").await;
    let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code: fixture.code(&url, 0) };
    let problem =
        fixture.post(&device, "/v1/sign-up/confirm", &confirm).await.refused(ErrorCode::RateLimited);
    assert!(problem.retry_after.unwrap() > 86_400);
    assert_eq!(fixture.rows("account").await, 2);

    let fixture = Fixture::with(Limits { sign_ups_per_network: 2, ..wide_limits() }).await;
    for email in ["a@example.com", "b@example.com"] {
        fixture.sign_up_start(&device, email, "password").await;
    }
    let rows = fixture.rows("pending_sign_up").await;
    for _ in 0..3 {
        let start = fixture.sign_up_request(&device, "c@example.com");
        fixture.post(&device, "/v1/sign-up/start", &start).await.refused(ErrorCode::RateLimited);
    }
    assert_eq!(fixture.rows("pending_sign_up").await, rows, "a refused one leaves no row");
}

/// With many sign-ups open, the next ones solve puzzles: nobody is locked out, and rows are not free.
#[tokio::test]
async fn a_crowd_of_sign_ups_solves_puzzles() {
    let limits = Limits { open_sign_ups_before_puzzle: 2, puzzle_bits: 8, ..wide_limits() };
    let fixture = Fixture::with(limits).await;
    let device = Device::new();
    for email in ["a@example.com", "b@example.com"] {
        fixture.sign_up_start(&device, email, "password").await;
    }
    let mut start = fixture.sign_up_request(&device, "c@example.com");
    let problem = fixture.post(&device, "/v1/sign-up/start", &start).await.refused(ErrorCode::PuzzleRequired);
    assert_eq!(fixture.rows("pending_sign_up").await, 2);
    start.puzzle = problem.puzzle.unwrap().solve();
    assert_eq!(fixture.post(&device, "/v1/sign-up/start", &start).await.status, 200);
    // A solution works once.
    fixture.post(&device, "/v1/sign-up/start", &start).await.refused(ErrorCode::PuzzleRequired);
    // Unfinished sign-ups are deleted soon.
    fixture.clock.shift(121);
    fixture.work(&mut jobs::all()).await;
    assert_eq!(fixture.rows("pending_sign_up").await, 0);
}
