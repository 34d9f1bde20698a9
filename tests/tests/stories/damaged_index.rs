//! A bad object costs only itself: an index object is a cache, a snapshot's body one row of a list.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use api_types::ObjectKind;
use e2e::{
    Device, Service,
    device::{list, text},
    files,
    forger::Forger,
};

fn without_state(device: &Device) {
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(device.home().join(name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_index_objects_stop_nothing() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    let bytes = files::noise(5, 5_000_000);
    device.backup_bytes("one", &bytes).ok().unwrap();
    device.backup_bytes("two", &files::noise(6, 3_000_000)).ok().unwrap();
    device.backup_bytes("three", &files::noise(7, 3_000_000)).ok().unwrap();

    let culprit = Device::new(&service).unwrap();
    culprit.sign_in(&account).unwrap();
    // Junk behind a valid header, as a thief's program would upload it.
    let junk = [b"SKINDX01".as_slice(), &[1], &[0x5a; 400]].concat();
    let forger = Forger::of(&culprit).unwrap();
    let junk = forger.store(ObjectKind::Index, junk).await.unwrap().to_string();
    // And honest ones: one truncated, one lost.
    let mut honest: Vec<_> = service.bucket().of_kind("index").unwrap().into_iter().collect();
    honest.retain(|(id, _)| *id != junk);
    let (cut, cut_object) = honest.pop().unwrap();
    let (lost, lost_object) = honest.pop().unwrap();
    let whole = cut_object.bytes().unwrap();
    cut_object.replace(&whole[..whole.len() / 2]).unwrap();
    lost_object.remove().unwrap();

    for fresh in [false, true] {
        if fresh {
            without_state(&device);
        }
        assert!(device.restore_latest("one").unwrap() == bytes, "fresh: {fresh}");
        device.call(["status"]).ok().unwrap();
        device.call(["snapshots"]).ok().unwrap();
        device.backup_bytes("one", &bytes).ok().unwrap();
    }
    let check = device.call(["check"]).go().unwrap();
    assert_eq!(check.code, 9, "{check}");
    let report = check.json().unwrap();
    for bad in [&junk, &cut, &lost] {
        let named = list(&report, "problems").unwrap().iter().find(|p| p["object"] == **bad).unwrap();
        assert!(named["snapshots"].as_array().unwrap().is_empty(), "an index object is no backup: {named}");
    }

    // A rebuild reads everything again, and loses nothing because of unreadable objects.
    device.call(["index", "rebuild"]).ok().unwrap();
    assert!(device.restore_latest("one").unwrap() == bytes);
    cut_object.replace(&whole).unwrap();
    device.call(["index", "rebuild"]).ok().unwrap();
    let report = device.call(["check"]).go().unwrap().json().unwrap();
    assert!(list(&report, "problems").unwrap().iter().all(|p| p["object"] != *cut), "{report}");

    // Even a device that never saw the index can revoke whoever did it.
    without_state(&device);
    let listed = device.call(["devices"]).ok().unwrap();
    let id = list(&listed, "devices").unwrap().iter().find_map(|d| {
        let id = d["keys"]["device_id"].as_str()?;
        (id != account_device(&device)).then(|| id.to_owned())
    });
    device.call(["devices", "revoke", &id.unwrap()]).ok().unwrap();
    assert_ne!(culprit.call(["snapshots"]).go().unwrap().code, 0, "the culprit is still let in");
}

fn account_device(device: &Device) -> String {
    let status = device.call(["status"]).ok().unwrap();
    text(&status["account"], "device_id").unwrap().to_owned()
}

#[test]
fn one_damaged_body_is_one_row() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    device.backup_bytes("whole", b"first").ok().unwrap();
    let damaged = device.backup_bytes("damaged", b"second").ok().unwrap();
    let id = text(&damaged, "snapshot_id").unwrap().to_owned();
    let object = service.bucket().of_kind("snapshots").unwrap().remove(&id).unwrap();
    let length = object.bytes().unwrap().len();
    object.flip(length - 40).unwrap();
    without_state(&device);

    let listed = device.call(["snapshots"]).ok().unwrap();
    assert_eq!(list(&listed, "snapshots").unwrap().len(), 1);
    assert_eq!(list(&listed, "unreadable").unwrap()[0]["id"], id);
    let shown = device.call_plain(["snapshots"]).go().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("cannot be opened"), "{shown}");
    let status = device.call(["status"]).ok().unwrap();
    assert_eq!(list(&status, "unreadable").unwrap()[0]["id"], id);
    // The newest snapshot of another source is unaffected; within the damaged source the error names the snapshot.
    assert_eq!(device.restore_latest("whole").unwrap(), b"first");
    let said = device.call(["restore", "latest", "--source", "damaged", "--stdout"]).go().unwrap();
    assert_eq!(said.code, 9, "{said}");
    device.backup_bytes("damaged", b"third").ok().unwrap();
    assert_eq!(device.restore_latest("damaged").unwrap(), b"third");
}

/// Two devices on one host are distinguished by their names.
// case: device-column-shows-host
#[test]
fn a_snapshot_names_the_device_that_created_it() {
    let service = Service::start().unwrap();
    let first = Device::new(&service).unwrap();
    let account = first.sign_up("eu").unwrap();
    first.backup_bytes("note", b"first").ok().unwrap();
    let second = Device::new(&service).unwrap();
    second
        .call(["login", "--email", &account.email, "--device-name", "second"])
        .env("SEALKEEP_PASSWORD", &account.password)
        .env("SEALKEEP_RECOVERY_WORDS", &account.recovery_words)
        .env("SEALKEEP_TOTP", account.authenticator.code())
        .ok()
        .unwrap();
    second.backup_bytes("note", b"second").ok().unwrap();

    let devices = first.call(["devices"]).ok().unwrap();
    let listed = first.call(["snapshots"]).ok().unwrap();
    for snapshot in list(&listed, "snapshots").unwrap() {
        let mut named = list(&devices, "devices").unwrap().iter().map(|device| &device["keys"]);
        let keys = named.find(|keys| keys["device_id"] == snapshot["device"]).unwrap();
        assert_eq!(snapshot["device_name"], keys["name"], "{listed}");
    }
    assert_eq!(listed["snapshots"][0]["device_name"], "second");
    let shown = first.call_plain(["snapshots"]).go().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("second"), "{shown}");
}
