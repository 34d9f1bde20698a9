//! A run interrupted anywhere leaves no false snapshot, and the next one finishes without sending anything twice.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::{fs, process::Command, thread, time::Duration};

use e2e::{
    Device, Service, Stage,
    device::{number, text},
    files, not_tested,
    proxy::Network,
    seed, until,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::Signal;

const MB: usize = 1_000_000;

#[test]
fn fifty_kills_at_random_points() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let seed = seed().unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let whole = device.backup_bytes("warm-up", &files::noise(seed, 20 * MB)).go().unwrap();
    whole.expect_ok().unwrap();
    // Later runs send less, and a kill after the commit proves little.
    let longest = whole.usage.wall.as_millis() as u64 * 2 / 3;

    let mut known = device.snapshots().unwrap();
    let (mut killed, mut committed) = (0, 0);
    let mut bytes = files::noise(seed + 1, 20 * MB);
    while killed < 50 {
        // A piece changes each round, so that there is something to send.
        let at = random.random_range(0..bytes.len() - 2 * MB);
        bytes[at..at + 2 * MB].copy_from_slice(&files::noise(random.random(), 2 * MB));
        let running = device.backup_bytes("killed", &bytes).start().unwrap();
        // Any moment will do: where a kill leaves a false snapshot is not known.
        thread::sleep(Duration::from_millis(random.random_range(0..longest)));
        drop(running.signal(Signal::KILL));
        let outcome = running.wait().unwrap();
        let now = device.snapshots().unwrap();
        if now == known {
            assert_ne!(outcome.code, 0, "a run said that it is done, and there is no snapshot");
            killed += 1;
        } else {
            // It was past its commit, so the snapshot is complete.
            assert_eq!(now.len(), known.len() + 1);
            assert!(device.restore_latest("killed").unwrap() == bytes, "seed {seed}");
            committed += 1;
            assert!(committed < 200, "nearly every run finished before its kill");
        }
        known = now;
        if killed % 10 == 0 {
            let report = device.backup_bytes("killed", &bytes).ok().unwrap();
            let id = text(&report, "snapshot_id").unwrap();
            assert!(device.restore_bytes(id).unwrap() == bytes, "seed {seed}, after {killed} kills");
            known = device.snapshots().unwrap();
        }
    }
    println!("{killed} killed without a snapshot, {committed} after their commit");
    device.call(["check", "--read-data"]).ok().unwrap();
}

/// Packs that the service confirmed, bytes.
fn confirmed(service: &Service) -> u64 {
    service
        .sql("select coalesce(sum(size), 0) from app.object where kind = 'pack' and state = 'stored'")
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn what_was_confirmed_is_not_sent_again() {
    let service = Service::start_wired().unwrap();
    let store = &service.wires().unwrap().store;
    let device = Device::new(&service).unwrap();
    device.sign_up("ca").unwrap();
    let bytes = files::noise(7, 150 * MB);
    // Two packs of 16 MB are in flight at once; whatever was confirmed of them is known to this side.
    store.set(Network::StallAfter(110 * MB as u64));
    let running = device.backup_bytes("big", &bytes).start().unwrap();
    until("silence after three packs", || store.is_silent() && confirmed(&service) >= 48 * MB as u64)
        .unwrap();
    running.signal(Signal::KILL).unwrap();
    assert_eq!(running.wait().unwrap().code, -1);
    assert_eq!(device.snapshots().unwrap(), [""; 0]);
    let kept = confirmed(&service);
    assert!(kept < 140 * MB as u64, "the kill came too late to say anything: {kept}");

    store.set(Network::Normal);
    let report = device.backup_bytes("big", &bytes).ok().unwrap();
    let sent = number(&report, "bytes_uploaded").unwrap();
    // Index segments are written per run, so a pack may be confirmed before the device has recorded its chunks.
    let expected = 150 * MB as u64 - kept;
    assert!(sent < expected + 20 * MB as u64, "{kept} bytes were confirmed, and {sent} were sent again");
    assert!(store.sent() < expected + 24 * MB as u64, "the wire says otherwise: {}", store.sent());
    assert!(device.restore_bytes("latest").unwrap() == bytes);
}

#[test]
#[ignore = "slow"]
fn the_network_is_cut_and_comes_back() {
    let service = Service::start_wired().unwrap();
    let wires = service.wires().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("us").unwrap();
    let mut snapshots = 0;
    // (wire, bytes until it is cut, whether it comes back while the device is still trying)
    for (round, (wire, after, comes_back)) in [
        (&wires.store, 0, true),
        (&wires.store, 5 * MB as u64, false),
        (&wires.store, 20 * MB as u64, true),
        (&wires.api, 2_000, false),
        (&wires.api, 3_000, true),
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = files::noise(round as u64, 40 * MB);
        wire.set(Network::CutAfter(after));
        let mut running = device.backup_bytes("cut", &bytes).start().unwrap();
        // The device has met the cut, and waits.
        running.expect("has been unavailable for").unwrap();
        if comes_back {
            wire.set(Network::Normal);
        }
        let outcome = running.wait().unwrap();
        wire.set(Network::Normal);
        if comes_back {
            assert_eq!(outcome.code, 0, "round {round}: {outcome}");
            snapshots += 1;
        } else {
            assert!([4, 5].contains(&outcome.code), "round {round}: {outcome}");
            assert!(outcome.error().is_some(), "{outcome}");
        }
        assert_eq!(device.snapshots().unwrap().len(), snapshots, "round {round}");
        device.backup_bytes("cut", &bytes).ok().unwrap();
        snapshots += 1;
        assert!(device.restore_bytes("latest").unwrap() == bytes);
    }
}

#[test]
fn the_service_goes_and_comes_back() {
    let mut service = Service::start_wired().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    for (round, abruptly) in [false, true].into_iter().enumerate() {
        let bytes = files::noise(100 + round as u64, 60 * MB);
        let store = &service.wires().unwrap().store;
        store.set(Network::StallAfter(10 * MB as u64));
        let running = device.backup_bytes("restarted", &bytes).start().unwrap();
        until("silence", || store.is_silent()).unwrap();
        if abruptly {
            service.kill().unwrap();
        }
        // The service probes its store when it starts.
        service.wires().unwrap().store.set(Network::Normal);
        service.restart().unwrap();
        let outcome = running.wait().unwrap();
        assert!([0, 4, 5].contains(&outcome.code), "{outcome}");
        device.backup_bytes("restarted", &bytes).ok().unwrap();
        assert!(device.restore_bytes("latest").unwrap() == bytes);
    }
}

/// A small file system, for root.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: std::path::PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"])
            .arg(&at)
            .status();
        mounted.is_ok_and(|s| s.success()).then_some(Self(at))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let bytes = files::noise(9, 10 * MB);
    device.backup_bytes("big", &bytes).ok().unwrap();
    // For everybody: files end at 4 MB.
    let limited = device.desk().join("limited");
    fs::create_dir(&limited).unwrap();
    let script = "trap '' XFSZ; ulimit -f 8000; exec \"$SEALKEEP\" --json restore latest --to limited/back";
    device.shell(script).refused(8).unwrap();
    assert_eq!(fs::read_dir(&limited).unwrap().count(), 0, "something was left behind");

    let small = Small::mount(device.desk().join("small"), "4m");
    let other = Device::new(&stage.service).unwrap();
    let (Some(small), Some(home)) = (small, Small::mount(other.home(), "1m")) else {
        return not_tested("a full disk: a small file system takes the right to mount one").unwrap();
    };
    device.restore_to("latest", "small/back").refused(8).unwrap();
    assert_eq!(fs::read_dir(&small.0).unwrap().count(), 0, "something was left behind");

    // A device without room for its own state.
    other.sign_in(&account).unwrap();
    let filler = home.0.join("filler");
    drop(fs::write(&filler, vec![0; 2 * MB]));
    let outcome = other.backup_bytes("from-a-full-disk", &bytes).go().unwrap();
    assert!([0, 8].contains(&outcome.code), "{outcome}");
    let listed = device.snapshots().unwrap().len();
    assert_eq!(listed, if outcome.code == 0 { 2 } else { 1 });
    drop(fs::remove_file(&filler));
    other.backup_bytes("from-a-full-disk", &bytes).ok().unwrap();
    // On another device, because a restore needs some room too.
    assert!(device.restore_latest("from-a-full-disk").unwrap() == bytes);
}
