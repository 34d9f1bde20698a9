//! A service that shows an older list, or one with a missing link, is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use e2e::{Device, Service, keys::KeyFile};

const TABLE: &str = "app.snapshot";

/// A hostile operator: removes rows, and can put them back.
struct Removed<'a>(&'a Service);

impl<'a> Removed<'a> {
    fn rows(service: &'a Service, which: &str) -> Self {
        let removed = service
            .sql(&format!(
                "set session_replication_role = replica; create table public.kept as select * from {TABLE} where {which};
                 with gone as (delete from {TABLE} where {which} returning 1) select count(*) from gone"
            ))
            .unwrap();
        assert_ne!(removed, "0", "nothing was removed");
        Self(service)
    }

    fn put_back(self) {
        self.0
            .sql(&format!(
                "set session_replication_role = replica; insert into {TABLE} select * from public.kept; drop table public.kept"
            ))
            .unwrap();
    }
}

#[test]
fn n73_n74_an_older_or_broken_history_is_refused() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    for content in [b"first", b"secon", b"third"] {
        device.backup_bytes("note", content).ok().unwrap();
    }
    assert_eq!(device.restore_bytes("latest").unwrap(), b"third");

    // The newest one is gone: every device that saw it notices.
    let removed = Removed::rows(&service, "position = 3");
    for call in [
        device.call(["snapshots"]),
        device.restore_to("latest", "old"),
        device.call(["check"]),
        device.backup_bytes("note", b"fourth"),
    ] {
        call.refused(10).unwrap();
    }
    assert!(!device.desk().join("old").exists());
    removed.put_back();
    assert_eq!(device.restore_bytes("latest").unwrap(), b"third");

    // One in the middle is gone: everybody notices, even a new device.
    let removed = Removed::rows(&service, "position = 2");
    device.restore_to("latest", "old").refused(10).unwrap();
    let newcomer = Device::new(&service).unwrap();
    let signed_in =
        newcomer.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.code()).go().unwrap();
    if signed_in.code == 0 {
        newcomer.call(["snapshots"]).refused(10).unwrap();
    } else {
        assert_eq!(signed_in.code, 10, "{signed_in}");
    }
    removed.put_back();
    assert_eq!(device.restore_bytes("latest").unwrap(), b"third");
    device.backup_bytes("note", b"fourth").ok().unwrap();
}

#[test]
fn a_history_that_somebody_else_signed_is_refused() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    device.backup_bytes("note", b"first").ok().unwrap();
    service
        .sql(&format!("set session_replication_role = replica; update {TABLE} set signature = set_byte(signature, 5, get_byte(signature, 5) # 1)"))
        .unwrap();
    device.call(["snapshots"]).refused(10).unwrap();
}

/// A service that denies a vault cannot get its keys replaced, or a new vault created under the old one's id.
#[test]
#[ignore = "slow"]
fn a_vault_that_is_denied_keeps_its_keys() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    device.backup_bytes("note", b"first").ok().unwrap();
    let before = KeyFile::of(&device).unwrap().client_keys().unwrap();
    let root = service.sql("select encode(signing_root, 'hex') from app.vault").unwrap();
    service
        .sql("set session_replication_role = replica; update app.vault set ready_at = null, signing_root = null")
        .unwrap();
    let login =
        |device: &Device| device.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.code());
    login(&device).refused(10).unwrap();
    assert!(KeyFile::of(&device).unwrap().client_keys().unwrap() == before, "keys were replaced");
    // A device that never saw the vault does not create a new one either.
    let newcomer = Device::new(&service).unwrap();
    login(&newcomer).refused(10).unwrap();

    service
        .sql(&format!(
            "set session_replication_role = replica; update app.vault set ready_at = now(), signing_root = decode('{root}', 'hex')"
        ))
        .unwrap();
    login(&device).ok().unwrap();
    assert_eq!(device.restore_bytes("latest").unwrap(), b"first");
    login(&newcomer).ok().unwrap();
    assert_eq!(newcomer.restore_bytes("latest").unwrap(), b"first");
}

/// Words that were shown may already be on paper: no response of the service replaces them.
#[test]
fn no_response_replaces_the_words_that_were_shown() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up_interrupted("eu").unwrap();
    let login =
        || device.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.code()).go().unwrap();
    let vault = service.sql("select vault_id from app.vault").unwrap();
    let lies = [
        "update app.vault set ready_at = now(), signing_root = decode(repeat('07', 32), 'hex')".to_owned(),
        "update app.vault set vault_id = gen_random_uuid()".to_owned(),
    ];
    let truth = format!("update app.vault set ready_at = null, signing_root = null, vault_id = '{vault}'");
    for lie in &lies {
        let replica = "set session_replication_role = replica;";
        service.sql(&format!("{replica} {lie}")).unwrap();
        service
            .sql(&format!("{replica} update app.membership set vault_id = (select vault_id from app.vault)"))
            .unwrap();
        let outcome = login();
        assert_ne!(outcome.code, 0, "{lie}: {outcome}");
        service.sql(&format!("{replica} {truth}")).unwrap();
        service
            .sql(&format!("{replica} update app.membership set vault_id = (select vault_id from app.vault)"))
            .unwrap();
    }
    let outcome = login();
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(said.contains(&account.recovery_words), "the words were replaced: {outcome}");
}

/// A device forgets everything: the next account in its home finds nothing of the previous one.
#[test]
fn a_forgotten_home_is_empty_and_the_next_account_works() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    device.backup_bytes("secret-name", &e2e::files::noise(3, 2_000_000)).ok().unwrap();
    fs::write(device.home().join("not-ours"), b"kept").unwrap();
    fs::write(device.home().join(".device.keys-x7Qb2k"), b"keys, of a write that was killed").unwrap();
    let report = device.call(["logout", "--forget"]).ok().unwrap();
    let left: Vec<_> = fs::read_dir(device.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["not-ours"], "{report}");
    let removed = report["removed"].as_array().unwrap();
    for name in ["device.keys", ".device.keys-x7Qb2k", "state.db", "pins.db", "records"] {
        assert!(removed.iter().any(|path| path.as_str().unwrap().ends_with(name)), "{name}: {report}");
    }
    device.sign_up_again("eu").unwrap();
    device.backup_bytes("note", b"of the next account").ok().unwrap();
    assert_eq!(device.restore_bytes("latest").unwrap(), b"of the next account");
}

/// The record next to the keys is the floor: even without `pins.db` an older list or directory is refused.
#[test]
fn n73_n77_lost_memory_allows_no_rollback() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    let other = Device::new(&service).unwrap();
    other.sign_in(&account).unwrap();
    device.backup_bytes("note", b"first").ok().unwrap();
    other.backup_bytes("note", b"second").ok().unwrap();
    device.call(["snapshots"]).ok().unwrap();
    let forgets = || {
        fs::remove_file(device.home().join("pins.db")).unwrap();
        let outcome = device.call_plain(["restore", "latest", "--source", "note", "--stdout"]).go().unwrap();
        assert!(outcome.stderr.contains("pins.db"), "{outcome}");
        outcome
    };
    assert_eq!(forgets().stdout, b"second");

    // This device knows another device's snapshot and directory entry only through the floor.
    let removed = Removed::rows(&service, "position = 2");
    assert_eq!(forgets().code, 10);
    removed.put_back();
    service
        .sql("set session_replication_role = replica; delete from app.directory_entry where number = 1")
        .unwrap();
    assert_eq!(forgets().code, 10);
}
