//! Directory and devices.

use api_types::{
    ErrorCode, Sha256, VaultId,
    directory::{DeviceRole, DirectoryOp, SignedDirectoryEntry},
    vault::{DeviceState, Devices, RevokeDevice, VaultInfo, VaultInit},
};
use ed25519_dalek::SigningKey;

use crate::support::{client::Device, fixture::Fixture};

#[tokio::test]
async fn entries_that_do_not_hold_are_refused() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    fixture.sign_in(&person, &device).await;
    let good = person.plain_entry(DirectoryOp::Add, &device);
    let sign = |entry: &api_types::directory::DirectoryEntry| {
        SignedDirectoryEntry::sign(entry, &person.root).unwrap()
    };
    let mut changed = Vec::new();
    for change in 0..9 {
        let mut entry = good.clone();
        match change {
            0 => entry.number = 0,
            1 => entry.number = 2,
            2 => entry.previous = Sha256::new([0; 32]),
            3 => entry.vault = VaultId::from_bytes([7; 16]),
            4 => entry.signing_key = Device::new().key.verifying_key().to_bytes(),
            5 => entry.sealing_key = Device::new().sealing,
            6 => entry.device = Device::new().id,
            // already active
            7 => entry = person.plain_entry(DirectoryOp::Add, &person.device),
            _ => entry.previous = Sha256::new([1; 32]),
        }
        changed.push(sign(&entry));
    }
    let stranger = SigningKey::from_bytes(&rand::random());
    changed.push(SignedDirectoryEntry::sign(&good, &stranger).unwrap());
    // a device that the vault does not know, or one with another key
    changed.push(person.entry(DirectoryOp::Revoke, &Device::new()));
    let mut other_key = person.device.clone();
    other_key.key = Device::new().key;
    changed.push(person.entry(DirectoryOp::Revoke, &other_key));
    let mut flipped = sign(&good);
    flipped.entry.0[20] ^= 1;
    changed.push(flipped);
    let mut short = sign(&good);
    short.signature.0.pop();
    changed.push(short);
    // 45: the same value in another encoding: an over-long integer for the version
    let mut spelled = sign(&good);
    assert_eq!(spelled.entry.0[1], 1);
    spelled.entry.0.splice(1..2, [0x18, 1]);
    changed.push(spelled);
    let before = fixture.fingerprint(&[]).await;
    for entry in changed {
        let call = person.request(&fixture, "POST", "/directory").json(&entry);
        fixture.call(call).await.refused(ErrorCode::DirectoryInvalid);
        assert_eq!(fixture.fingerprint(&[]).await, before);
    }
    let call = person.request(&fixture, "POST", "/directory").json(&sign(&good));
    fixture.call(call).await.done();
}

#[tokio::test]
async fn init_is_all_or_nothing() {
    let fixture = Fixture::new().await;
    let person = fixture.sign_up().await;
    let _: VaultInfo = fixture.call(person.request(&fixture, "GET", "")).await.ok();
    let entry = |op, device: &Device| person.entry(op, device);
    let good = person.init(entry(DirectoryOp::Add, &person.device));
    let mut agent = person.plain_entry(DirectoryOp::Add, &person.device);
    agent.role = DeviceRole::BackupOnly;
    let mut identity = vec![0; 32];
    identity[0] = 1;
    let bad = [
        (VaultInit { signing_root: identity.into(), ..good.clone() }, ErrorCode::WeakKey),
        (VaultInit { signing_root: vec![1; 31].into(), ..good.clone() }, ErrorCode::InvalidRequest),
        (VaultInit { keyring: Vec::new().into(), ..good.clone() }, ErrorCode::InvalidRequest),
        (VaultInit { recovery: vec![0; 64 * 1024 + 1].into(), ..good.clone() }, ErrorCode::InvalidRequest),
        (person.init(entry(DirectoryOp::Revoke, &person.device)), ErrorCode::DirectoryInvalid),
        (person.init(entry(DirectoryOp::Add, &Device::new())), ErrorCode::DirectoryInvalid),
        (person.init(SignedDirectoryEntry::sign(&agent, &person.root).unwrap()), ErrorCode::DirectoryInvalid),
    ];
    let before = fixture.fingerprint(&[]).await;
    for (init, code) in bad {
        fixture.call(person.request(&fixture, "POST", "/init").json(&init)).await.refused(code);
        assert_eq!(fixture.fingerprint(&[]).await, before);
    }
    fixture.call(person.request(&fixture, "POST", "/init").json(&good)).await.done();
}

#[tokio::test]
async fn n42_a_revoked_device_is_out_at_once() {
    let fixture = Fixture::new().await;
    let mut person = fixture.member().await;
    let device = Device::new();
    let session = fixture.sign_in(&person, &device).await;
    let as_device = |method, path: &str| person.request_as(&fixture, &device, &session, method, path);
    // A pending device is revoked without an entry; an approved one is not.
    let none = RevokeDevice { directory: None };
    let path = format!("/devices/{}/revoke", person.device.id);
    fixture.call(as_device("POST", &path).json(&none)).await.refused(ErrorCode::DeviceNotApproved);
    let call = person.request(&fixture, "POST", &path).json(&none);
    fixture.call(call).await.refused(ErrorCode::DirectoryInvalid);
    let wrong = RevokeDevice { directory: Some(person.entry(DirectoryOp::Revoke, &person.device)) };
    let path = format!("/devices/{}/revoke", device.id);
    let before = fixture.fingerprint(&[]).await;
    let call = person.request(&fixture, "POST", &path).json(&wrong);
    fixture.call(call).await.refused(ErrorCode::DirectoryInvalid);
    assert_eq!(
        fixture.fingerprint(&["vault_device"]).await.len(),
        before.len() - before.split(';').find(|t| t.starts_with("vault_device=")).unwrap().len() - 1
    );
    fixture.call(person.request(&fixture, "POST", &path).json(&none)).await.done();

    fixture.call(as_device("GET", "")).await.refused(ErrorCode::DeviceRevoked);
    let add = person.entry(DirectoryOp::Add, &device);
    let before = fixture.fingerprint(&[]).await;
    fixture.call(as_device("POST", "/directory").json(&add)).await.refused(ErrorCode::DeviceRevoked);
    // Nobody else can restore it either.
    let call = person.request(&fixture, "POST", "/directory").json(&add);
    fixture.call(call).await.refused(ErrorCode::DirectoryInvalid);
    assert_eq!(fixture.fingerprint(&[]).await, before);
    let unknown = format!("/devices/{}/revoke", Device::new().id);
    fixture.call(person.request(&fixture, "POST", &unknown).json(&none)).await.refused(ErrorCode::NotFound);

    // A revocation through the directory alone works too.
    let third = Device::new();
    let session = fixture.sign_in(&person, &third).await;
    for op in [DirectoryOp::Add, DirectoryOp::Revoke] {
        let entry = person.entry(op, &third);
        fixture.call(person.request(&fixture, "POST", "/directory").json(&entry)).await.done();
        person.directory.push(entry);
    }
    let call = person.request_as(&fixture, &third, &session, "GET", "");
    fixture.call(call).await.refused(ErrorCode::DeviceRevoked);
    let devices: Devices = fixture.call(person.request(&fixture, "GET", "/devices")).await.ok();
    let revoked = devices.devices.iter().filter(|d| d.state == DeviceState::Revoked).count();
    assert_eq!((devices.devices.len(), revoked), (3, 2));
}

#[tokio::test]
async fn a_backup_only_device_gets_no_keys() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let agent = Device::new();
    let session = fixture.sign_in(&person, &agent).await;
    let mut entry = person.plain_entry(DirectoryOp::Add, &agent);
    entry.role = DeviceRole::BackupOnly;
    let signed = SignedDirectoryEntry::sign(&entry, &person.root).unwrap();
    fixture.call(person.request(&fixture, "POST", "/directory").json(&signed)).await.done();
    let as_agent = |method, path: &str| person.request_as(&fixture, &agent, &session, method, path);
    let _: VaultInfo = fixture.call(as_agent("GET", "")).await.ok();
    let before = fixture.fingerprint(&[]).await;
    for kind in ["password", "recovery", "keyring"] {
        fixture.call(as_agent("GET", &format!("/keys/{kind}"))).await.refused(ErrorCode::Forbidden);
    }
    let revoke = RevokeDevice { directory: None };
    let path = format!("/devices/{}/revoke", person.device.id);
    fixture.call(as_agent("POST", &path).json(&revoke)).await.refused(ErrorCode::Forbidden);
    assert_eq!(fixture.fingerprint(&[]).await, before);
}

/// At most 1,000 entries, the last hundred reserved for revocations: a full directory never protects a thief.
#[tokio::test]
async fn a_full_directory_still_revokes_devices() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    let device = Device::new();
    fixture.sign_in(&person, &device).await;
    // Shortcut: the chain is verified from its last entry.
    let mut entry = person.plain_entry(DirectoryOp::Add, &Device::new());
    entry.number = 899;
    let last = SignedDirectoryEntry::sign(&entry, &person.root).unwrap();
    sqlx::query(
        "INSERT INTO app.directory_entry (vault_id, number, entry, signature) VALUES ($1, 899, $2, $3)",
    )
    .bind(person.vault.0)
    .bind(&last.entry.0)
    .bind(&last.signature.0)
    .execute(&fixture.admin)
    .await
    .unwrap();
    let next = |op, device: &Device| {
        let mut entry = person.plain_entry(op, device);
        (entry.number, entry.previous) = (900, last.hash());
        SignedDirectoryEntry::sign(&entry, &person.root).unwrap()
    };
    let call = person.request(&fixture, "POST", "/directory").json(&next(DirectoryOp::Add, &device));
    let problem = fixture.call(call).await.refused(ErrorCode::LimitReached);
    assert_eq!((problem.used, problem.quota), (Some(900), Some(900)));
    let call = person.request(&fixture, "POST", "/directory").json(&next(DirectoryOp::Revoke, &device));
    fixture.call(call).await.done();
}

#[tokio::test]
async fn an_account_has_fifty_devices() {
    let fixture = Fixture::new().await;
    let person = fixture.member().await;
    sqlx::query(
        "INSERT INTO app.device (account_id, device_id, name, signing_key, sealing_key, created_at)
         SELECT $1, gen_random_uuid(), 'x', decode(repeat('01', 32), 'hex'), decode(repeat('01', 32), 'hex'), now()
         FROM generate_series(2, 50)",
    )
    .bind(person.account.0)
    .execute(&fixture.admin)
    .await
    .unwrap();
    fixture.clock.shift(30);
    let device = Device::new();
    let started = fixture.half_sign_in(&person, &device).await;
    let code = api_types::account::SecondFactor::Totp(fixture.code(&person.otpauth_url, 0));
    let problem = fixture.second_factor(&device, &started, code).await.refused(ErrorCode::LimitReached);
    assert_eq!((problem.used, problem.quota), (Some(50), Some(50)));
    assert_eq!(fixture.rows("device").await, 50);
    // An existing device can still sign in.
    fixture.sign_in(&person, &person.device).await;
}
