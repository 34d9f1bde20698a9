//! From sign-up to a second machine.

use api_types::{
    ErrorCode,
    account::SecondFactor,
    directory::DirectoryOp,
    vault::{Audit, DeviceState, Devices, Directory, RevokeDevice, VaultInfo, WrappedKey},
};

use crate::{
    client::{Call, Device},
    stage::Stage,
};

#[tokio::test]
async fn sign_up_store_keys_sign_in_on_a_second_machine_and_revoke_the_first() {
    let stage = Stage::new().await;
    let mut person = stage.sign_up().await;
    assert_eq!(person.recovery_codes.len(), 10);
    assert!(!person.session.vaults[0].ready);

    // Before there are keys, only storing the first ones is possible.
    stage.call(person.request(&stage, "GET", "/devices")).await.refused(ErrorCode::VaultNotReady);
    stage.call(person.request(&stage, "GET", "/keys/password")).await.refused(ErrorCode::VaultNotReady);
    let entry = person.entry(DirectoryOp::Add, &person.device.clone());
    let init = person.init(entry.clone());
    stage.call(person.request(&stage, "POST", "/init").json(&init)).await.done();
    person.directory.push(entry);
    stage.call(person.request(&stage, "POST", "/init").json(&init)).await.refused(ErrorCode::VersionConflict);

    let info: VaultInfo = stage.call(person.request(&stage, "GET", "")).await.ok();
    assert!(info.ready);
    assert_eq!(info.storage_origin, "http://127.0.0.1:9");
    assert_eq!(info.bucket, "sealkeep-eu");

    // A second machine: password, code, recovery words (its keys); then it adds itself.
    let second = Device::new();
    let session = stage.login(&person, &second).await;
    let as_second = |method, path: &str| person.request_as(&stage, &second, &session, method, path);
    stage.call(as_second("GET", "/devices")).await.refused(ErrorCode::DeviceNotApproved);
    stage.call(as_second("GET", "/snapshots")).await.refused(ErrorCode::DeviceNotApproved);
    let wrap: WrappedKey = stage.call(as_second("GET", "/keys/recovery")).await.ok();
    assert_eq!((wrap.version, wrap.bytes.0), (1, vec![2; 600]));
    let directory: Directory = stage.call(as_second("GET", "/directory")).await.ok();
    assert_eq!(directory.entries, person.directory);
    let add = person.entry(DirectoryOp::Add, &second);
    stage.call(as_second("POST", "/directory").json(&add)).await.done();
    let mut directory = person.directory.clone();
    directory.push(add);

    let devices: Devices = stage.call(as_second("GET", "/devices")).await.ok();
    assert_eq!(devices.devices.len(), 2);
    assert!(devices.devices.iter().all(|d| d.state == DeviceState::Active && d.last_seen_at.is_some()));

    // The first one is lost: its next request is refused.
    person.directory = directory;
    let revoke = RevokeDevice { directory: Some(person.entry(DirectoryOp::Revoke, &person.device)) };
    let path = format!("/devices/{}/revoke", person.device.id);
    stage.call(as_second_of(&stage, &person, &second, &session, &path).json(&revoke)).await.done();
    stage.call(person.request(&stage, "GET", "")).await.refused(ErrorCode::DeviceRevoked);
    stage
        .refresh(&person.device, &person.session.refresh_token, [1; 16])
        .await
        .refused(ErrorCode::DeviceRevoked);
    // Password and code do not bring it back.
    stage.clock.shift(30);
    let started = stage.half_login(&person, &person.device).await;
    let code = SecondFactor::Totp(stage.code(&person.otpauth_url, 0));
    stage.mfa(&person.device, &started, code).await.refused(ErrorCode::DeviceRevoked);

    let audit: Audit = stage.call(person.request_as(&stage, &second, &session, "GET", "/audit")).await.ok();
    metadata_api::db::audit::verify(person.vault, &audit.events).unwrap();
    assert_eq!(
        stage.audited().await,
        ["account_created", "vault_created", "login", "key_read", "device_added", "device_revoked"]
    );

    // Signing out invalidates the token at once.
    stage.call(Call::new(&stage, &second, "POST", "/v1/logout").bearer(&session)).await.done();
    stage
        .call(person.request_as(&stage, &second, &session, "GET", ""))
        .await
        .refused(ErrorCode::SessionRevoked);
}

fn as_second_of(
    stage: &Stage,
    person: &crate::client::Person,
    device: &Device,
    session: &api_types::account::Session,
    path: &str,
) -> Call {
    person.request_as(stage, device, session, "POST", path)
}
