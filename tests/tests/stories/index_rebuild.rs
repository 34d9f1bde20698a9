//! The local state is a cache: without it, everything is found again in the bucket.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::{fs, time::Duration};

use e2e::{Device, Service, Stage, device::number, files};

#[test]
fn a_deleted_state_costs_nothing_but_a_moment() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let bytes = files::noise(3, 60_000_000);
    device.backup_bytes("kept", &bytes).ok().unwrap();
    device.backup_bytes("small", b"small").ok().unwrap();

    for explicitly in [true, false] {
        let state: Vec<_> = fs::read_dir(device.home())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("state.db"))
            })
            .collect();
        assert!(!state.is_empty(), "no state.db in {:?}", files::walk(&device.home()).unwrap());
        for file in state {
            fs::remove_file(file).unwrap();
        }
        if explicitly {
            let outcome = device.call(["index", "rebuild"]).go().unwrap();
            let report = outcome.expect_ok().unwrap();
            println!("rebuilt: {report} in {:?}", outcome.usage.wall);
            // 60 MB of noise in chunks of about 1 MiB.
            assert!(number(&report, "chunks").unwrap() >= 30, "{report}");
            assert!(outcome.usage.wall < Duration::from_secs(20), "{:?}", outcome.usage.wall);
        }
        let again = device.backup_bytes("kept", &bytes).ok().unwrap();
        let sent = number(&again, "bytes_uploaded").unwrap();
        assert!(sent < 3_000_000, "{sent} bytes were sent again");
        assert!(device.restore_latest("kept").unwrap() == bytes);
    }
}

/// A device without a cache requests all read URLs at once, however many snapshots there are, because round trips
/// dominate the time of this list. Objects are fetched concurrently.
// case: many-snapshots-listed-one-by-one
#[test]
fn a_list_without_a_cache_requests_all_urls_at_once() {
    let service = Service::start_wired().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let asked = |count: usize, call: &[&str]| {
        for name in ["state.db", "state.db-wal", "state.db-shm"] {
            drop(fs::remove_file(device.home().join(name)));
        }
        let wires = service.wires().unwrap();
        wires.api.forget();
        wires.store.forget();
        device.call(call).ok().unwrap();
        let fetched = wires.store.requests().iter().filter(|r| r.starts_with("GET")).count();
        assert!(fetched >= count, "{call:?}: {fetched} objects for {count} snapshots");
        let requests = wires.api.requests();
        let permissions = requests.iter().filter(|r| r.contains("read-urls")).count();
        (requests.len(), permissions)
    };
    let mut seen = Vec::new();
    for (made, all) in [(3, 3), (9, 12)] {
        for number in 0..made {
            device.backup_bytes("many", format!("row {all} {number}").as_bytes()).ok().unwrap();
        }
        seen.push((asked(all, &["snapshots"]), asked(all, &["index", "rebuild"])));
    }
    assert_eq!(seen[0], seen[1], "requests and permissions grow with the number of snapshots");
    let ((_, for_snapshots), (_, for_index)) = seen[1];
    assert_eq!((for_snapshots, for_index), (1, 1), "permissions are asked for one by one");
}
