//! A silent network, expired URLs, wrong clocks, empty sources: a run continues if it can, and otherwise ends with one
//! sentence.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::HashSet,
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use e2e::{
    Call, Device, Service, Stage,
    device::{list, number, text},
    files, not_tested,
    proxy::{Network, Proxy, positions},
    until,
};
use serde_json::Value;

const MB: usize = 1_000_000;

fn with_short_timeouts(call: Call) -> Call {
    call.env("SEALKEEP_STALL_TIMEOUT", "2")
}

/// Packs that the service confirmed.
fn confirmed(service: &Service) -> HashSet<String> {
    let rows = service
        .sql("select encode(object_id, 'hex') from app.object where kind = 'pack' and state = 'stored'")
        .unwrap();
    rows.lines().map(str::to_owned).collect()
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Waits until every URL that the service has granted so far is expired.
fn urls_expire(api: &Proxy) {
    let record = api.record();
    let name = b"\"expires_at\":";
    let expires = positions(&record, b"X-Amz-Expires=").filter_map(|url| {
        let rest = &record[url..];
        let value = &rest[positions(rest, name).next()? + name.len()..];
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
        digits.map(|byte| char::from(*byte)).collect::<String>().parse::<u64>().ok()
    });
    let last = expires.max().expect("no URL was granted");
    until("the last URL expires", || now() > last).unwrap();
}

/// An error of one sentence.
fn sentence(error: &Value, about: &str) {
    let said = text(error, "message").unwrap();
    assert!(said.contains(about), "{error}");
    assert!(text(error, "meaning").unwrap().contains("snapshot"), "{error}");
    assert!(text(error, "next_step").unwrap().len() > 3, "{error}");
}

#[test]
fn a_url_expires_midway() {
    let service = Service::start_wired_with(&["--url-seconds", "2"]).unwrap();
    let (api, store) = (&service.wires().unwrap().api, &service.wires().unwrap().store);
    let device = Device::new(&service).unwrap();
    device.sign_up("us").unwrap();
    let refused = |store: &Proxy| positions(&store.record(), b"HTTP/1.1 403").count();
    // On a busy machine a device may have fetched new URLs while the old ones expired: then nothing was shown.
    let shown = |what: &str, again: &mut dyn FnMut(u64)| {
        let met = (1..=3).any(|round| {
            store.forget();
            again(round);
            refused(store) > 0
        });
        assert!(met, "no URL expired during {what}");
    };

    let mut bytes = Vec::new();
    shown("the upload", &mut |round| {
        bytes = files::noise(round, 120 * MB);
        // Two packs of 16 MB are in flight at once.
        store.set(Network::StallAfter(90 * MB as u64));
        let before = confirmed(&service);
        let running = with_short_timeouts(device.backup_bytes("slow", &bytes)).start().unwrap();
        until("silence", || store.is_silent()).unwrap();
        urls_expire(api);
        let safe: Vec<String> = confirmed(&service).difference(&before).cloned().collect();
        assert!(!safe.is_empty());
        store.set(Network::Normal);
        let report = running.wait().unwrap().expect_ok().unwrap();
        let requests = store.requests();
        for id in &safe {
            let sent = requests.iter().filter(|r| r.starts_with("PUT ") && r.ends_with(id.as_str())).count();
            assert_eq!(sent, 1, "{id} was stored and sent again");
        }
        assert!(number(&report, "bytes_uploaded").unwrap() < 130 * MB as u64);
    });
    // With read URLs.
    shown("the download", &mut |round| {
        store.set(Network::StallAfter(40 * MB as u64));
        let back = format!("back{round}");
        let running = with_short_timeouts(device.restore_to("latest", &back)).start().unwrap();
        until("silence", || store.is_silent()).unwrap();
        urls_expire(api);
        store.set(Network::Normal);
        running.wait().unwrap().expect_ok().unwrap();
        assert!(fs::read(device.desk().join(back)).unwrap() == bytes);
    });
}

#[test]
#[ignore = "slow"]
fn the_store_falls_silent() {
    let service = Service::start_wired().unwrap();
    let store = &service.wires().unwrap().store;
    let device = Device::new(&service).unwrap();
    device.sign_up("ca").unwrap();

    // Not for long: the run continues.
    let bytes = files::noise(2, 60 * MB);
    store.set(Network::StallAfter(5 * MB as u64));
    let mut running = with_short_timeouts(device.backup_bytes("short", &bytes)).start().unwrap();
    until("silence", || store.is_silent()).unwrap();
    running.expect("has been unavailable for").unwrap();
    store.set(Network::Normal);
    running.wait().unwrap().expect_ok().unwrap();
    assert!(device.restore_latest("short").unwrap() == bytes);

    // For good: one sentence, no snapshot, and confirmed packs are not sent again.
    let bytes = files::noise(3, 120 * MB);
    let before = confirmed(&service);
    store.set(Network::StallAfter(90 * MB as u64));
    // The service, which shares the machine with other tests, needs time as well.
    let running = device.backup_bytes("long", &bytes).env("SEALKEEP_STALL_TIMEOUT", "6").start().unwrap();
    let outcome = running.wait().unwrap();
    // The service asks the store about each pack, so either silence may be noticed first.
    assert!([4, 5].contains(&outcome.code), "{outcome}");
    sentence(&outcome.error().unwrap(), "cannot be reached");
    store.set(Network::Normal);
    assert_eq!(device.snapshots().unwrap().len(), 1);
    let safe = confirmed(&service);
    store.forget();
    let report = device.backup_bytes("long", &bytes).ok().unwrap();
    let requests = store.requests();
    let again = safe.iter().filter(|id| requests.iter().any(|r| r.starts_with("PUT ") && r.ends_with(*id)));
    assert_eq!(again.count(), 0, "what was confirmed was sent again");
    let sent = number(&report, "bytes_uploaded").unwrap();
    // All packs of a run except the last have 16 MB.
    let stored = safe.difference(&before).count();
    assert!(stored > 0);
    assert!(
        sent < (121 - 16 * (stored as u64 - 1)) * MB as u64,
        "{sent} bytes, and {stored} packs were stored"
    );

    store.set(Network::Stalled);
    let error = with_short_timeouts(device.restore_to("latest", "back"))
        .arg("--source")
        .arg("long")
        .refused(5)
        .unwrap();
    sentence(&error, "cannot be reached");
    assert_eq!(fs::read_dir(device.desk()).unwrap().count(), 1, "something was left behind");
    store.set(Network::Normal);
    assert!(device.restore_latest("long").unwrap() == bytes);
}

#[test]
#[ignore = "slow"]
fn the_service_falls_silent() {
    let service = Service::start_wired().unwrap();
    let (api, store) = (&service.wires().unwrap().api, &service.wires().unwrap().store);
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    for (name, comes_back) in [("short", true), ("long", false)] {
        let bytes = files::noise(name.len() as u64, 60 * MB);
        let known = device.snapshots().unwrap();
        store.set(Network::StallAfter(5 * MB as u64));
        let mut running = with_short_timeouts(device.backup_bytes(name, &bytes)).start().unwrap();
        until("silence", || store.is_silent()).unwrap();
        api.set(Network::Stalled);
        store.set(Network::Normal);
        if comes_back {
            running.expect("the service has been unavailable for").unwrap();
            api.set(Network::Normal);
        }
        let outcome = running.wait().unwrap();
        api.set(Network::Normal);
        store.set(Network::Normal);
        if outcome.code != 0 {
            assert_eq!(outcome.code, 4, "{outcome}");
            sentence(&outcome.error().unwrap(), "cannot be reached");
            assert_eq!(device.snapshots().unwrap(), known);
            device.backup_bytes(name, &bytes).ok().unwrap();
        }
        assert_eq!(outcome.code == 0, comes_back, "{outcome}");
        assert!(device.restore_latest(name).unwrap() == bytes);
    }
}

/// The library that fakes the time, if it is installed.
fn liar() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|e| e.path());
    folders.map(|dir| dir.join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

#[test]
fn a_wrong_clock_is_named_or_worked_around() {
    let Some(liar) = liar() else {
        return not_tested("wrong clocks: libfaketime is not installed, see .ci/setup").unwrap();
    };
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let off = |call: Call, by: &str| call.env("LD_PRELOAD", &liar).env("FAKETIME", by);

    let mut last = 0;
    for (by, hours) in [("-3h", -3), ("+3h", 3)] {
        let before = (now() as i64 + hours * 3600) as u64;
        let report = off(device.backup_bytes("note", by.as_bytes()), by).ok().unwrap();
        assert_eq!(
            off(device.call_plain(["restore", "latest", "--stdout"]), by).go().unwrap().stdout,
            by.as_bytes()
        );
        let listed = device.call(["snapshots"]).ok().unwrap();
        let id = text(&report, "snapshot_id").unwrap();
        let made = list(&listed, "snapshots").unwrap().iter().find(|s| text(s, "id").unwrap() == id).unwrap();
        // Requests use the service's time; what is signed for devices uses the device's own, which never goes back.
        let made = number(made, "created").unwrap();
        assert!((before..before + 120).contains(&made), "{by}: {made}, by its own clock {before}");
        assert!(made >= last, "{by}: a signed time went back");
        last = made;
    }
    let known = device.snapshots().unwrap();
    for by in ["+3d", "-400d"] {
        let error = off(device.backup_bytes("note", b"x"), by).refused(4).unwrap();
        sentence(&error, "clock");
        let other = Device::new(&stage.service).unwrap();
        let login = off(other.login_call(&account), by).env("SEALKEEP_TOTP", account.authenticator.code());
        sentence(&login.refused(4).unwrap(), "clock");
    }
    assert_eq!(device.snapshots().unwrap(), known);
}

#[test]
fn nothing_is_not_a_dump() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    fs::write(device.desk().join("empty.sql"), "").unwrap();
    for call in [device.backup_bytes("empty", b""), device.call(["backup", "--file", "empty.sql"])] {
        let error = call.refused(6).unwrap();
        sentence(&error, "empty");
    }
    assert_eq!(device.snapshots().unwrap(), [""; 0]);
}
