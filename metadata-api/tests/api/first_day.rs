//! From sign-up to a second machine.

use api_types::{
    ErrorCode,
    account::SecondFactor,
    directory::DirectoryOp,
    vault::{Audit, DeviceState, Devices, Directory, RevokeDevice, VaultInfo, WrappedKey},
};

use crate::support::{
    client::{Call, Device},
    fixture::Fixture,
};

#[tokio::test]
async fn sign_up_store_keys_sign_in_on_a_second_machine_and_revoke_the_first() {
    let fixture = Fixture::new().await;
    let mut person = fixture.sign_up().await;
    assert_eq!(person.recovery_codes.len(), 10);
    assert!(!person.session.vaults[0].ready);

    // Before there are keys, only storing the first ones is possible.
    fixture.call(person.request(&fixture, "GET", "/devices")).await.refused(ErrorCode::VaultNotReady);
    fixture.call(person.request(&fixture, "GET", "/keys/password")).await.refused(ErrorCode::VaultNotReady);
    let entry = person.entry(DirectoryOp::Add, &person.device.clone());
    let init = person.init(entry.clone());
    fixture.call(person.request(&fixture, "POST", "/init").json(&init)).await.done();
    person.directory.push(entry);
    fixture
        .call(person.request(&fixture, "POST", "/init").json(&init))
        .await
        .refused(ErrorCode::VersionConflict);

    let info: VaultInfo = fixture.call(person.request(&fixture, "GET", "")).await.ok();
    assert!(info.ready);
    assert_eq!(info.storage_origin, "http://127.0.0.1:9");
    assert_eq!(info.bucket, "sealkeep-eu");

    // A second machine: password, code, recovery words (its keys); then it adds itself.
    let second = Device::new();
    let session = fixture.sign_in(&person, &second).await;
    let as_second = |method, path: &str| person.request_as(&fixture, &second, &session, method, path);
    fixture.call(as_second("GET", "/devices")).await.refused(ErrorCode::DeviceNotApproved);
    fixture.call(as_second("GET", "/snapshots")).await.refused(ErrorCode::DeviceNotApproved);
    let wrap: WrappedKey = fixture.call(as_second("GET", "/keys/recovery")).await.ok();
    assert_eq!((wrap.version, wrap.bytes.0), (1, vec![2; 600]));
    let directory: Directory = fixture.call(as_second("GET", "/directory")).await.ok();
    assert_eq!(directory.entries, person.directory);
    let add = person.entry(DirectoryOp::Add, &second);
    fixture.call(as_second("POST", "/directory").json(&add)).await.done();
    let mut directory = person.directory.clone();
    directory.push(add);

    let devices: Devices = fixture.call(as_second("GET", "/devices")).await.ok();
    assert_eq!(devices.devices.len(), 2);
    assert!(devices.devices.iter().all(|d| d.state == DeviceState::Active && d.last_seen_at.is_some()));

    // The first one is lost: its next request is refused.
    person.directory = directory;
    let revoke = RevokeDevice { directory: Some(person.entry(DirectoryOp::Revoke, &person.device)) };
    let path = format!("/devices/{}/revoke", person.device.id);
    fixture.call(as_second_of(&fixture, &person, &second, &session, &path).json(&revoke)).await.done();
    fixture.call(person.request(&fixture, "GET", "")).await.refused(ErrorCode::DeviceRevoked);
    fixture
        .refresh(&person.device, &person.session.refresh_token, [1; 16])
        .await
        .refused(ErrorCode::DeviceRevoked);
    // Password and code do not bring it back.
    fixture.clock.shift(30);
    let started = fixture.half_sign_in(&person, &person.device).await;
    let code = SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    fixture.second_factor(&person.device, &started, code).await.refused(ErrorCode::DeviceRevoked);

    let audit: Audit =
        fixture.call(person.request_as(&fixture, &second, &session, "GET", "/audit")).await.ok();
    metadata_api::db::audit::verify(person.vault, &audit.events).unwrap();
    assert_eq!(
        fixture.audited().await,
        ["account_created", "vault_created", "signed_in", "key_read", "device_added", "device_revoked"]
    );

    // Signing out invalidates the token at once.
    fixture.call(Call::new(&fixture, &second, "POST", "/v1/sign-out").bearer(&session)).await.done();
    fixture
        .call(person.request_as(&fixture, &second, &session, "GET", ""))
        .await
        .refused(ErrorCode::SessionRevoked);
}

fn as_second_of(
    fixture: &Fixture,
    person: &crate::support::client::Person,
    device: &Device,
    session: &api_types::account::Session,
    path: &str,
) -> Call {
    person.request_as(fixture, device, session, "POST", path)
}
