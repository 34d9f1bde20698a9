//! Flip, truncate, remove, swap in the object store: each is reported, and nothing false is restored.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use e2e::{
    Device, Service,
    device::{list, number, text},
    files,
};
use serde_json::Value;

#[derive(Debug, Clone, Copy)]
enum Harm {
    FlipStart,
    FlipMiddle,
    FlipEnd,
    NewerVersion,
    Cut,
    Remove,
    Swap,
}

struct Scene {
    device: Device,
    service: Service,
    first: Value,
    second: Value,
    bytes: Vec<u8>,
}

/// Two snapshots of different content, without shared packs.
fn scene() -> Scene {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let bytes = files::noise(1, 50_000_000);
    let first = device.backup_bytes("harmed", &bytes).ok().unwrap();
    let second = device.backup_bytes("unharmed", &files::noise(2, 3_000_000)).ok().unwrap();
    Scene { device, service, first, second, bytes }
}

fn ranges(damaged: &Value) -> Vec<(usize, usize)> {
    list(damaged, "damaged")
        .unwrap()
        .iter()
        .map(|d| (number(d, "start").unwrap() as usize, number(d, "end").unwrap() as usize))
        .collect()
}

#[test]
fn damage_is_named_and_the_rest_is_saved() {
    let Scene { device, service, first, second, bytes } = scene();
    let first_id = text(&first, "snapshot_id").unwrap();
    let second_id = text(&second, "snapshot_id").unwrap();
    // The largest packs belong to the first snapshot.
    let mut packs: Vec<_> = service.bucket().of_kind("packs").unwrap().into_iter().collect();
    packs.sort_by_key(|(_, pack)| pack.bytes().unwrap().len());
    let ((victim, pack), (_, other)) = (packs.pop().unwrap(), packs.pop().unwrap());
    let whole = pack.bytes().unwrap();

    for harm in [
        Harm::FlipStart,
        Harm::FlipMiddle,
        Harm::FlipEnd,
        Harm::NewerVersion,
        Harm::Cut,
        Harm::Remove,
        Harm::Swap,
    ] {
        match harm {
            Harm::FlipStart => pack.flip(3).unwrap(),
            Harm::FlipMiddle => pack.flip(whole.len() / 2).unwrap(),
            Harm::FlipEnd => pack.flip(whole.len() - 1).unwrap(),
            Harm::NewerVersion => pack.replace(&[&whole[..8], &[2], &whole[9..]].concat()).unwrap(),
            Harm::Cut => pack.replace(&whole[..whole.len() - 1000]).unwrap(),
            Harm::Remove => pack.remove().unwrap(),
            Harm::Swap => pack.replace(&other.bytes().unwrap()).unwrap(),
        }
        let error = device.restore_to(first_id, "whole").refused(9).unwrap();
        let said = error.to_string();
        assert!(said.contains(&victim[..8]), "{harm:?}: the pack is not named: {said}");
        assert!(!device.desk().join("whole").exists(), "{harm:?}: something was written");

        let partial = device.restore_to(first_id, "partial").arg("--partial").go().unwrap();
        assert_eq!(partial.code, 9, "{harm:?}: {partial}");
        let damaged = partial.json().unwrap();
        let saved = fs::read(device.desk().join("partial")).unwrap();
        assert_eq!(saved.len(), bytes.len(), "{harm:?}");
        let ranges = ranges(&damaged);
        assert!(!ranges.is_empty(), "{harm:?}: {damaged}");
        let mut at = 0;
        for (start, end) in &ranges {
            assert!(saved[at..*start] == bytes[at..*start], "{harm:?}: wrong bytes before {start}");
            assert!(saved[*start..*end].iter().all(|b| *b == 0), "{harm:?}: no zeros in {start}..{end}");
            at = *end;
        }
        assert!(saved[at..] == bytes[at..], "{harm:?}: wrong bytes behind the last range");
        let lost: usize = ranges.iter().map(|(start, end)| end - start).sum();
        // A flipped bit costs only the chunk that it is in.
        let most = if matches!(harm, Harm::FlipMiddle) { 5_000_000 } else { whole.len() + 5_000_000 };
        assert!(lost < most, "{harm:?}: {lost} bytes lost with a pack of {}", whole.len());
        assert!(
            list(&damaged, "damaged").unwrap().iter().all(|d| d.to_string().contains(&first_id[..8])),
            "{damaged}"
        );
        fs::remove_file(device.desk().join("partial")).unwrap();

        if matches!(harm, Harm::Cut | Harm::Remove) {
            // The service lists it as before: the store is asked.
            let said = device.call(["check"]).refused(9).unwrap().to_string();
            assert!(said.contains(&victim) && said.contains(&first_id[..8]), "{harm:?}: {said}");
        }
        let check = device.call(["check", "--read-data"]).go().unwrap();
        assert_eq!(check.code, 9, "{harm:?}: {check}");
        let report = check.json().unwrap();
        assert_eq!(report["ok"], false);
        let problems = list(&report, "problems").unwrap();
        assert!(problems.iter().any(|p| p.to_string().contains(&victim)), "{harm:?}: {report}");
        assert!(problems.iter().all(|p| !p.to_string().contains(second_id)), "{harm:?}: {report}");

        // The other snapshot stays restorable throughout.
        device.restore_bytes(second_id).unwrap();
        pack.replace(&whole).unwrap();
    }
    assert!(device.restore_bytes(first_id).unwrap() == bytes);
    device.call(["check", "--read-data"]).ok().unwrap();
}

#[test]
fn every_other_object_is_guarded_too() {
    let Scene { device, service, first, .. } = scene();
    let mut others = Vec::new();
    for kind in ["index", "snapshots", "keys"] {
        let found = service.bucket().of_kind(kind).unwrap();
        assert!(!found.is_empty(), "no {kind} in the bucket");
        others.extend(found.into_values());
    }
    let first_id = text(&first, "snapshot_id").unwrap();
    for object in others {
        let whole = object.bytes().unwrap();
        object.flip(whole.len() / 2).unwrap();
        let check = device.call(["check", "--read-data"]).go().unwrap();
        let restore = device.call_plain(["restore", first_id, "--stdout"]).go().unwrap();
        // A restore succeeds if it does not need the object, and never with wrong bytes.
        assert!([0, 9].contains(&restore.code), "{}: {restore}", object.key);
        if restore.code == 0 {
            assert_eq!(files::sha256_of(&restore.stdout), text(&first, "sha256").unwrap(), "{}", object.key);
        }
        assert_eq!(check.code, 9, "{}: {check}", object.key);
        object.replace(&whole).unwrap();
    }
    device.call(["check", "--read-data"]).ok().unwrap();
}
