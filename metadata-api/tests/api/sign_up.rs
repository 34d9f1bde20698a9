//! Sign-up.

use api_types::{
    ErrorCode, Region,
    account::{SignupConfirm, SignupConfirmed, SignupFinish, SignupStart},
};

use metadata_api::config::Limits;
use metadata_api::jobs;

use crate::{
    client::Device,
    stage::{Stage, wide_limits},
};

#[tokio::test]
async fn a_known_address_gets_the_same_responses_until_a_code_is_proven() {
    let stage = Stage::new().await;
    let person = stage.member().await;
    stage.clock.shift(30);
    let device = Device::new();
    let (known, url) = stage.sign_up_finish(&device, &person.email.to_uppercase(), "other").await;
    let (unknown, other_url) = stage.sign_up_finish(&device, "new@example.com", "other").await;
    assert_eq!(known.registration_response.0.len(), unknown.registration_response.0.len());
    assert_eq!(
        url.split("secret=").next().unwrap().len() - person.email.len(),
        other_url.split("secret=").next().unwrap().len() - "new@example.com".len()
    );
    let before = stage.fingerprint(&["pending_signup"]).await;
    let confirm = SignupConfirm { signup_id: known.signup_id, code: stage.code(&url, 0) };
    stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::SignupRefused);
    assert_eq!(stage.fingerprint(&["pending_signup"]).await, before);
    // The existing account still signs in.
    stage.login(&person, &person.device).await;
}

#[tokio::test]
async fn there_is_no_account_before_the_second_factor() {
    let stage = Stage::new().await;
    stage.settle();
    let device = Device::new();
    let (started, url) = stage.sign_up_finish(&device, "new@example.com", "password").await;
    for table in ["account", "credential", "totp", "vault", "device", "session"] {
        assert_eq!(stage.rows(table).await, 0, "{table}");
    }
    // A wrong code is refused; after five of them the right one is refused too.
    for _ in 0..5 {
        let confirm = SignupConfirm { signup_id: started.signup_id, code: stage.code(&url, 300) };
        stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::MfaFailed);
    }
    let confirm = SignupConfirm { signup_id: started.signup_id, code: stage.code(&url, 0) };
    stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::SignupExpired);
    assert_eq!(stage.rows("account").await, 0);
}

#[tokio::test]
async fn a_sign_up_works_once_and_for_half_an_hour() {
    let stage = Stage::new().await;
    stage.settle();
    let device = Device::new();
    let half = stage.sign_up_start(&device, "a@example.com", "password").await;
    let confirm = SignupConfirm { signup_id: half.started.signup_id, code: "000000".into() };
    stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::SignupExpired);
    let reply = stage.post(&device, "/v1/signup/finish", &half.finish).await;
    assert_eq!(reply.status, 200);
    stage.post(&device, "/v1/signup/finish", &half.finish).await.refused(ErrorCode::SignupExpired);

    let (started, url) = stage.sign_up_finish(&device, "b@example.com", "password").await;
    let confirm = SignupConfirm { signup_id: started.signup_id, code: stage.code(&url, 0) };
    let thief = Device::new();
    stage.post(&thief, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::SignatureInvalid);
    let confirmed: SignupConfirmed = stage.post(&device, "/v1/signup/confirm", &confirm).await.ok();
    assert_eq!(confirmed.session.vaults.len(), 1);
    stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::SignupExpired);
    assert_eq!(stage.rows("account").await, 1);

    let (started, url) = stage.sign_up_finish(&device, "c@example.com", "password").await;
    stage.clock.shift(30 * 60 + 1);
    let confirm = SignupConfirm { signup_id: started.signup_id, code: stage.code(&url, 0) };
    stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::SignupExpired);
}

#[tokio::test]
async fn bad_input_is_one_sentence_and_no_row() {
    let stage = Stage::new().await;
    let device = Device::new();
    let good = SignupStart {
        email: "a@example.com".into(),
        region: Region::Eu,
        registration_request: vec![1; 32].into(),
        device: device.keys(),
        puzzle: None,
    };
    let before = stage.fingerprint(&[]).await;
    let emails = ["", "a", "@", "a@", "@b", "a b@c", "a@b@c", &format!("{}@example.com", "x".repeat(250))];
    for email in emails {
        let body = SignupStart { email: email.into(), ..good.clone() };
        stage.post(&device, "/v1/signup/start", &body).await.refused(ErrorCode::ContentInvalid);
    }
    for (name, code) in [
        ("", ErrorCode::InvalidRequest),
        (&*"x".repeat(65), ErrorCode::InvalidRequest),
        ("  ", ErrorCode::ContentInvalid),
        ("a\u{7}b", ErrorCode::ContentInvalid),
    ] {
        let mut body = good.clone();
        body.device.name = name.into();
        stage.post(&device, "/v1/signup/start", &body).await.refused(code);
    }
    let elsewhere = SignupStart { region: Region::Us, ..good.clone() };
    stage.post(&device, "/v1/signup/start", &elsewhere).await.refused(ErrorCode::RegionUnavailable);
    let no_point = SignupStart { registration_request: vec![0xff; 32].into(), ..good };
    stage.post(&device, "/v1/signup/start", &no_point).await.refused(ErrorCode::ContentInvalid);
    assert_eq!(stage.fingerprint(&[]).await, before);

    let half = stage.sign_up_start(&device, "a@example.com", "password").await;
    let before = stage.fingerprint(&[]).await;
    let bad = SignupFinish { registration_upload: vec![1; 191].into(), ..half.finish };
    stage.post(&device, "/v1/signup/finish", &bad).await.refused(ErrorCode::ContentInvalid);
    assert_eq!(stage.fingerprint(&[]).await, before);
}

/// No address is proven yet, so accounts are limited per network.
#[tokio::test]
async fn accounts_and_sign_ups_per_network_are_bounded() {
    let stage = Stage::with(Limits { accounts_per_network: 2, ..wide_limits() }).await;
    stage.member().await;
    stage.member().await;
    let device = Device::new();
    stage.settle();
    let (started, url) = stage.sign_up_finish(&device, "third@example.com", "password").await;
    let confirm = SignupConfirm { signup_id: started.signup_id, code: stage.code(&url, 0) };
    let problem = stage.post(&device, "/v1/signup/confirm", &confirm).await.refused(ErrorCode::RateLimited);
    assert!(problem.retry_after.unwrap() > 86_400);
    assert_eq!(stage.rows("account").await, 2);

    let stage = Stage::with(Limits { signups_per_network: 2, ..wide_limits() }).await;
    for email in ["a@example.com", "b@example.com"] {
        stage.sign_up_start(&device, email, "password").await;
    }
    let rows = stage.rows("pending_signup").await;
    for _ in 0..3 {
        let start = stage.sign_up_request(&device, "c@example.com");
        stage.post(&device, "/v1/signup/start", &start).await.refused(ErrorCode::RateLimited);
    }
    assert_eq!(stage.rows("pending_signup").await, rows, "a refused one leaves no row");
}

/// With many sign-ups open, the next ones solve puzzles: nobody is locked out, and rows are not free.
#[tokio::test]
async fn a_crowd_of_sign_ups_solves_puzzles() {
    let limits = Limits { open_signups_before_puzzle: 2, puzzle_bits: 8, ..wide_limits() };
    let stage = Stage::with(limits).await;
    let device = Device::new();
    for email in ["a@example.com", "b@example.com"] {
        stage.sign_up_start(&device, email, "password").await;
    }
    let mut start = stage.sign_up_request(&device, "c@example.com");
    let problem = stage.post(&device, "/v1/signup/start", &start).await.refused(ErrorCode::PuzzleRequired);
    assert_eq!(stage.rows("pending_signup").await, 2);
    start.puzzle = problem.puzzle.unwrap().solve();
    assert_eq!(stage.post(&device, "/v1/signup/start", &start).await.status, 200);
    // A solution works once.
    stage.post(&device, "/v1/signup/start", &start).await.refused(ErrorCode::PuzzleRequired);
    // Unfinished sign-ups are deleted soon.
    stage.clock.shift(121);
    stage.work(&mut jobs::all()).await;
    assert_eq!(stage.rows("pending_signup").await, 0);
}
