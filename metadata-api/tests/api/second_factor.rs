//! The second factor.

use api_types::{
    ErrorCode,
    account::{SecondFactor, Session},
};

use crate::support::{
    client::{Call, Device, Person},
    fixture::Fixture,
};

async fn try_code(
    fixture: &Fixture,
    person: &Person,
    device: &Device,
    second_factor: SecondFactor,
) -> crate::support::client::Reply {
    let started = fixture.half_sign_in(person, device).await;
    fixture.second_factor(device, &started, second_factor).await
}

/// Tables that a refused second factor may change: its counters, and the trail.
const COUNTED: [&str; 4] = ["pending_sign_in", "totp", "second_factor_failure", "audit_event"];

#[tokio::test]
async fn n11_a_code_is_accepted_once() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let before = fixture.fingerprint(&COUNTED).await;
    // The sign-up used this time step's code.
    let code = fixture.code(&person.otpauth_url, 0);
    try_code(&fixture, &person, &device, SecondFactor::Totp(code))
        .await
        .refused(ErrorCode::SecondFactorFailed);
    fixture.clock.shift(30);
    assert_eq!(fixture.fingerprint(&COUNTED).await, before);
    let code = fixture.code(&person.otpauth_url, 0);
    let session: Session = try_code(&fixture, &person, &device, SecondFactor::Totp(code.clone())).await.ok();
    assert_eq!(session.account_id, person.account);
    try_code(&fixture, &person, &device, SecondFactor::Totp(code))
        .await
        .refused(ErrorCode::SecondFactorFailed);
    assert_eq!(fixture.audited().await.iter().filter(|a| *a == "second_factor_failed").count(), 2);
}

#[tokio::test]
async fn n12_an_older_code_after_a_newer_one() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    fixture.clock.shift(60);
    let code = fixture.code(&person.otpauth_url, 0);
    let _: Session = try_code(&fixture, &person, &device, SecondFactor::Totp(code)).await.ok();
    let before = fixture.fingerprint(&COUNTED).await;
    let code = fixture.code(&person.otpauth_url, -30);
    try_code(&fixture, &person, &device, SecondFactor::Totp(code))
        .await
        .refused(ErrorCode::SecondFactorFailed);
    assert_eq!(fixture.fingerprint(&COUNTED).await, before);
}

#[tokio::test]
async fn n13_a_code_from_too_far_away() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    fixture.clock.shift(300);
    let before = fixture.fingerprint(&COUNTED).await;
    for offset in [-90, 90] {
        let code = fixture.code(&person.otpauth_url, offset);
        try_code(&fixture, &person, &device, SecondFactor::Totp(code))
            .await
            .refused(ErrorCode::SecondFactorFailed);
    }
    for text in ["", "12345", "1234567", "12345a", "１２３４５６"] {
        let second_factor = SecondFactor::Totp(text.into());
        try_code(&fixture, &person, &device, second_factor).await.refused(ErrorCode::SecondFactorFailed);
        if text == "1234567" {
            break;
        }
    }
    assert_eq!(fixture.fingerprint(&COUNTED).await, before);
}

async fn five_wrong(
    fixture: &Fixture,
    person: &Person,
    device: &Device,
) -> api_types::account::SignInStarted {
    let started = fixture.half_sign_in(person, device).await;
    for _ in 0..5 {
        let wrong = SecondFactor::Totp(fixture.code(&person.otpauth_url, 900));
        fixture.second_factor(device, &started, wrong).await.refused(ErrorCode::SecondFactorFailed);
    }
    started
}

#[tokio::test]
async fn n14_the_sixth_attempt_is_not_checked() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    fixture.clock.shift(300);
    let started = five_wrong(&fixture, &person, &device).await;
    assert_eq!(fixture.audited().await.last().unwrap(), "second_factor_locked");
    let before = fixture.fingerprint(&[]).await;
    let right = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    for _ in 0..3 {
        let reply = fixture.second_factor(&device, &started, right.clone()).await;
        let problem = reply.refused(ErrorCode::SecondFactorLocked);
        assert!((1..=900).contains(&problem.retry_after.unwrap()));
        assert!(reply.headers.contains_key("retry-after"));
    }
    assert_eq!(fixture.fingerprint(&[]).await, before, "nor does it leave a row");
    // It is a delay, not a permanent lock.
    fixture.clock.shift(900);
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    let _: Session = try_code(&fixture, &person, &device, code).await.ok();
}

/// Someone who knows only the password uses up his own attempts, not those of the owner's devices or of the recovery
/// codes.
#[tokio::test]
async fn n14_a_stranger_with_the_password_does_not_lock_the_owner_out() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.clock.shift(300);
    let (thief, other) = (Device::new(), Device::new());
    five_wrong(&fixture, &person, &thief).await;
    // Another unknown device shares the thief's counter and has to wait.
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    try_code(&fixture, &person, &other, code.clone()).await.refused(ErrorCode::SecondFactorLocked);
    // So does a device that borrows the owner's device id.
    let mut borrowed = Device::new();
    borrowed.id = person.device.id;
    try_code(&fixture, &person, &borrowed, code.clone()).await.refused(ErrorCode::SecondFactorLocked);
    // The owner's device signs in, and a recovery code works on a new one.
    let _: Session = try_code(&fixture, &person, &person.device, code).await.ok();
    let recovery = SecondFactor::RecoveryCode(person.recovery_codes[0].clone());
    let _: Session = try_code(&fixture, &person, &other, recovery).await.ok();
    // Each lock of strangers lasts longer than the previous one.
    fixture.clock.shift(900);
    let started = five_wrong(&fixture, &person, &thief).await;
    let right = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    let problem = fixture.second_factor(&thief, &started, right).await.refused(ErrorCode::SecondFactorLocked);
    assert!((1700..=1800).contains(&problem.retry_after.unwrap()), "{problem:?}");
    // The owner's device has five attempts of its own, and always waits a quarter of an hour.
    for _ in 0..2 {
        let started = five_wrong(&fixture, &person, &person.device).await;
        let right = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
        let problem = fixture
            .second_factor(&person.device, &started, right)
            .await
            .refused(ErrorCode::SecondFactorLocked);
        assert!((800..=900).contains(&problem.retry_after.unwrap()), "{problem:?}");
        fixture.clock.shift(900);
    }
}

#[tokio::test]
async fn n15_a_recovery_code_works_once() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    // The way people type it.
    let typed = person.recovery_codes[3].to_uppercase().replace('-', " ");
    let second_factor = SecondFactor::RecoveryCode(typed);
    let _: Session = try_code(&fixture, &person, &device, second_factor.clone()).await.ok();
    let before = fixture.fingerprint(&COUNTED).await;
    try_code(&fixture, &person, &device, second_factor).await.refused(ErrorCode::SecondFactorFailed);
    try_code(&fixture, &person, &device, SecondFactor::RecoveryCode("00000-00000-00000-00000".into()))
        .await
        .refused(ErrorCode::SecondFactorFailed);
    assert_eq!(fixture.fingerprint(&COUNTED).await, before);
    let second_factor = SecondFactor::RecoveryCode(person.recovery_codes[4].clone());
    let _: Session = try_code(&fixture, &person, &device, second_factor).await.ok();
}

#[tokio::test]
async fn n16_no_route_turns_it_off() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let before = fixture.fingerprint(&[]).await;
    for path in [
        "/v1/second-factor",
        "/v1/second-factor/totp",
        "/v1/second-factor/disable",
        "/v1/account/second-factor",
        "/v1/totp",
        "/v1/account",
    ] {
        for method in ["DELETE", "POST", "PUT", "PATCH"] {
            let call = Call::new(&fixture, &person.device, method, path).bearer(&person.session);
            fixture.call(call).await.refused(ErrorCode::NotFound);
        }
    }
    assert_eq!(fixture.fingerprint(&[]).await, before);
    let document = metadata_api::openapi::document();
    for (path, item) in document.paths.paths {
        assert!(item.delete.is_none(), "{path} can delete");
    }
}

#[tokio::test]
async fn a_pending_sign_in_ends_after_five_minutes_and_after_use() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    let started = fixture.half_sign_in(&person, &device).await;
    fixture.clock.shift(301);
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    fixture.second_factor(&device, &started, code).await.refused(ErrorCode::SignInExpired);
    let started = fixture.half_sign_in(&person, &device).await;
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    let _: Session = fixture.second_factor(&device, &started, code).await.ok();
    fixture.clock.shift(30);
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    fixture.second_factor(&device, &started, code).await.refused(ErrorCode::SignInExpired);
    // Without a password proof there is no pending sign-in.
    let half = fixture.sign_in_start(&device, &person.email, &person.password).await;
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    fixture.second_factor(&device, &half.started, code).await.refused(ErrorCode::SignInExpired);
}

/// Two concurrent attempts with one code open one session.
#[tokio::test]
async fn a_code_used_twice_at_once_opens_one_session() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    fixture.clock.shift(60);
    let (one, two) = (Device::new(), Device::new());
    let first = fixture.half_sign_in(&person, &one).await;
    let second = fixture.half_sign_in(&person, &two).await;
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    let (a, b) = tokio::join!(
        fixture.second_factor(&one, &first, code.clone()),
        fixture.second_factor(&two, &second, code)
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

/// What the database stores of a second factor is useless without the service's key.
#[tokio::test]
async fn seeds_and_codes_are_not_in_the_database() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let totp = totp_rs::Totp::from_url(&person.otpauth_url).unwrap();
    let secret: &[u8] = totp.secret().as_ref();
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT secret FROM app.totp").fetch_one(&fixture.admin).await.unwrap();
    assert!(!sealed.windows(secret.len()).any(|w| w == secret));
    let hashes: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT hash FROM app.recovery_code").fetch_all(&fixture.admin).await.unwrap();
    assert_eq!(hashes.len(), 10);
    // A sealed seed moved to another account does not open: the service fails, and admits nobody.
    let other = fixture.member().await;
    sqlx::query("UPDATE app.totp t SET secret = o.secret FROM app.totp o WHERE o.account_id = $1 AND t.account_id = $2")
        .bind(other.account.0)
        .bind(person.account.0)
        .execute(&fixture.admin)
        .await
        .unwrap();
    fixture.clock.shift(30);
    let device = Device::new();
    let code = fixture.code(&other.otpauth_url, 0);
    let reply = try_code(&fixture, &person, &device, SecondFactor::Totp(code)).await;
    reply.refused(ErrorCode::Internal);
}
