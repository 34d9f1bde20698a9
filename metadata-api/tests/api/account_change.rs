//! Only a caller who proves password and second factor again can replace password, recovery codes and second factor.

use api_types::{
    ErrorCode, SignInId,
    account::{
        AuthenticatorConfirm, AuthenticatorStart, AuthenticatorStarted, PasswordFinish, PasswordStart,
        PasswordStarted, PasswordWrap, RenewCodes, RenewedCodes, SecondFactor, Session, SignInStarted,
    },
    vault::{RevokeDevice, WrappedKey},
};
use uuid::Uuid;

use crate::support::{
    client::{Call, Device, Person, Registration, Reply},
    fixture::Fixture,
};

const NEW: &str = "another horse and another battery";
/// Tables that a refused second factor may change: its counters, and the trail.
const COUNTED: [&str; 4] = ["pending_sign_in", "totp", "second_factor_failure", "audit_event"];

/// An unused code of the current time step.
fn code(fixture: &Fixture, person: &Person) -> SecondFactor {
    fixture.clock.shift(30);
    SecondFactor::Totp(fixture.code(&person.otpauth_url, 0))
}

fn wrap(person: &Person, version: u32) -> PasswordWrap {
    PasswordWrap { vault_id: person.vault, wrapped: WrappedKey { version, bytes: vec![9; 100].into() } }
}

async fn change_password(
    fixture: &Fixture,
    person: &Person,
    sign_in: &SignInStarted,
    second_factor: SecondFactor,
    wraps: Vec<PasswordWrap>,
) -> Reply {
    let registration = Registration::start(NEW);
    let start =
        PasswordStart { sign_in_id: sign_in.sign_in_id, registration_request: registration.request.clone() };
    let started: PasswordStarted =
        fixture.post(&person.device, "/v1/account/password/start", &start).await.ok();
    let registration_upload = registration.finish(person.account, &started.registration_response);
    let finish = PasswordFinish { sign_in_id: sign_in.sign_in_id, second_factor, registration_upload, wraps };
    fixture.post(&person.device, "/v1/account/password/finish", &finish).await
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_adds_the_wrap() {
    let fixture = Fixture::new().await;
    let mut person = fixture.member().await;
    let elsewhere = Device::new();
    let other = fixture.sign_in(&person, &elsewhere).await;
    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    let second_factor = code(&fixture, &person);
    let session: Session =
        change_password(&fixture, &person, &sign_in, second_factor, vec![wrap(&person, 2)]).await.ok();

    for (device, old) in [(&person.device, &person.session), (&elsewhere, &other)] {
        let call = Call::new(&fixture, device, "GET", &format!("/v1/vaults/{}", person.vault)).bearer(old);
        fixture.call(call).await.refused(ErrorCode::SessionRevoked);
        fixture.refresh(device, &old.refresh_token, [1; 16]).await.refused(ErrorCode::SessionRevoked);
    }
    person.session = session;
    let stored: WrappedKey = fixture.call(person.request(&fixture, "GET", "/keys/password")).await.ok();
    assert_eq!((stored.version, stored.bytes.0), (2, vec![9; 100]));
    assert_eq!(fixture.audited().await.iter().filter(|action| *action == "password_changed").count(), 1);

    // With the old password the client cannot even finish; the sign-in that changed it is used up.
    assert!(fixture.sign_in_start(&person.device, &person.email, &person.password).await.finish().is_none());
    let again = code(&fixture, &person);
    fixture.second_factor(&person.device, &sign_in, again).await.refused(ErrorCode::SignInExpired);
    person.password = NEW.into();
    fixture.sign_in(&person, &person.device).await;
}

#[tokio::test]
async fn a_password_change_without_all_its_proofs_changes_nothing() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let before = fixture.fingerprint(&COUNTED).await;
    // A sign-in without a password proof.
    let half = fixture.sign_in_start(&person.device, &person.email, &person.password).await.started;
    let registration = Registration::start(NEW);
    let start =
        PasswordStart { sign_in_id: half.sign_in_id, registration_request: registration.request.clone() };
    let path = "/v1/account/password/start";
    fixture.post(&person.device, path, &start).await.refused(ErrorCode::SignInExpired);
    // A sign-in that does not exist, and one that belongs to another device.
    let nobodys = PasswordStart { sign_in_id: SignInId(Uuid::new_v4()), ..start.clone() };
    fixture.post(&person.device, path, &nobodys).await.refused(ErrorCode::SignInExpired);
    fixture.post(&Device::new(), path, &start).await.refused(ErrorCode::SignatureInvalid);
    // A session is no proof.
    let call = Call::new(&fixture, &person.device, "POST", path).json(&start).bearer(&person.session);
    fixture.call(call).await.refused(ErrorCode::SignatureInvalid);

    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    let wrong = SecondFactor::Totp(fixture.code(&person.otpauth_url, 900));
    change_password(&fixture, &person, &sign_in, wrong, vec![wrap(&person, 2)])
        .await
        .refused(ErrorCode::SecondFactorFailed);
    for (wraps, refusal) in [
        (vec![], ErrorCode::ContentInvalid),
        (vec![wrap(&person, 2), wrap(&person, 2)], ErrorCode::ContentInvalid),
        (vec![wrap(&person, 1)], ErrorCode::VersionConflict),
        (vec![wrap(&person, 3)], ErrorCode::VersionConflict),
    ] {
        let second_factor = code(&fixture, &person);
        change_password(&fixture, &person, &sign_in, second_factor, wraps).await.refused(refusal);
    }
    let stranger = fixture.member().await;
    let before_stranger = fixture.fingerprint(&COUNTED).await;
    let second_factor = code(&fixture, &person);
    let wraps = vec![wrap(&person, 2), wrap(&stranger, 2)];
    change_password(&fixture, &person, &sign_in, second_factor, wraps)
        .await
        .refused(ErrorCode::ContentInvalid);
    assert_eq!(fixture.fingerprint(&COUNTED).await, before_stranger);
    assert_ne!(before, before_stranger, "the stranger is there");
    fixture.sign_in(&person, &person.device).await;
}

#[tokio::test]
async fn new_recovery_codes_invalidate_the_old_ones() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    // One old code is enough, once.
    let second_factor = SecondFactor::RecoveryCode(person.recovery_codes[0].clone());
    let renew = RenewCodes { sign_in_id: sign_in.sign_in_id, second_factor };
    let path = "/v1/account/recovery-codes";
    let renewed: RenewedCodes = fixture.post(&person.device, path, &renew).await.ok();
    assert_eq!(renewed.recovery_codes.len(), 10);
    assert!(renewed.recovery_codes.iter().all(|code| !person.recovery_codes.contains(code)));
    fixture.post(&person.device, path, &renew).await.refused(ErrorCode::SignInExpired);

    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    for old in &person.recovery_codes[..3] {
        let second_factor = SecondFactor::RecoveryCode(old.clone());
        fixture
            .second_factor(&person.device, &sign_in, second_factor)
            .await
            .refused(ErrorCode::SecondFactorFailed);
    }
    let second_factor = SecondFactor::RecoveryCode(renewed.recovery_codes[7].clone());
    let _: Session = fixture.second_factor(&person.device, &sign_in, second_factor).await.ok();
    assert!(fixture.audited().await.contains(&"recovery_codes_renewed".to_owned()));
}

#[tokio::test]
async fn a_new_authenticator_is_valid_once_it_is_proven() {
    let fixture = Fixture::new().await;
    let mut person = fixture.member().await;
    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    let confirm = |code: String| AuthenticatorConfirm { sign_in_id: sign_in.sign_in_id, code };
    let path = "/v1/account/authenticator/confirm";
    // There is nothing to confirm yet.
    let early = confirm(fixture.code(&person.otpauth_url, 0));
    fixture.post(&person.device, path, &early).await.refused(ErrorCode::SignInExpired);

    let start = AuthenticatorStart { sign_in_id: sign_in.sign_in_id, second_factor: code(&fixture, &person) };
    let started: AuthenticatorStarted =
        fixture.post(&person.device, "/v1/account/authenticator/start", &start).await.ok();
    assert_ne!(started.otpauth_url, person.otpauth_url);
    // Until then the current authenticator is valid, and its code does not prove the next one.
    fixture.sign_in(&person, &person.device).await;
    let wrong = confirm(fixture.code(&person.otpauth_url, 0));
    fixture.post(&person.device, path, &wrong).await.refused(ErrorCode::SecondFactorFailed);
    let right = confirm(fixture.code(&started.otpauth_url, 0));
    fixture.post(&Device::new(), path, &right).await.refused(ErrorCode::SignatureInvalid);
    fixture.post(&person.device, path, &right).await.done();
    fixture.post(&person.device, path, &right).await.refused(ErrorCode::SignInExpired);

    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    let old = code(&fixture, &person);
    fixture.second_factor(&person.device, &sign_in, old).await.refused(ErrorCode::SecondFactorFailed);
    // The code that proved it is used up.
    person.otpauth_url = started.otpauth_url;
    fixture.sign_in(&person, &person.device).await;
    // The old recovery codes still work: nobody asked to change them.
    let sign_in = fixture.half_sign_in(&person, &person.device).await;
    let second_factor = SecondFactor::RecoveryCode(person.recovery_codes[0].clone());
    let _: Session = fixture.second_factor(&person.device, &sign_in, second_factor).await.ok();
}

#[tokio::test]
async fn a_revoked_device_changes_nothing() {
    let fixture = Fixture::new().await;
    let mut person = fixture.member().await;
    let lost = Device::new();
    fixture.sign_in(&person, &lost).await;
    let sign_in = fixture.half_sign_in(&person, &lost).await;
    person.session = fixture.sign_in(&person, &person.device.clone()).await;
    let revoke = person.request(&fixture, "POST", &format!("/devices/{}/revoke", lost.id));
    fixture.call(revoke.json(&RevokeDevice { directory: None })).await.done();
    let before = fixture.fingerprint(&COUNTED).await;
    let second_factor = code(&fixture, &person);
    let renew = RenewCodes { sign_in_id: sign_in.sign_in_id, second_factor };
    fixture.post(&lost, "/v1/account/recovery-codes", &renew).await.refused(ErrorCode::DeviceRevoked);
    assert_eq!(fixture.fingerprint(&COUNTED).await, before);
}
