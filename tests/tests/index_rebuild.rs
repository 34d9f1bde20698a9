//! The local state is a cache: without it everything is found again in the bucket.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::{fs, time::Duration};

use e2e::{Stage, device::number, files};

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
            // 60 MB of noise at about 1 MiB a chunk.
            assert!(number(&report, "chunks").unwrap() >= 30, "{report}");
            assert!(outcome.usage.wall < Duration::from_secs(20), "{:?}", outcome.usage.wall);
        }
        let again = device.backup_bytes("kept", &bytes).ok().unwrap();
        let sent = number(&again, "bytes_uploaded").unwrap();
        assert!(sent < 3_000_000, "{sent} bytes were sent again");
        assert!(device.restore_latest("kept").unwrap() == bytes);
    }
}
