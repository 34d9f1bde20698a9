//! A run of hours survives a service and a store that are unreachable for a while; time is scaled to seconds.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Call, Device, Outcome, Running, Service, Terminal,
    device::number,
    files,
    proxy::{Network, Proxy},
    service::Wires,
    until,
};
use rustix::process::Signal;

const MB: usize = 1_000_000;

/// Number of stored packs.
fn stored(service: &Service) -> u64 {
    let sql = "select count(*) from app.object where kind = 'pack' and state = 'stored'";
    service.sql(sql).unwrap().parse().unwrap()
}

/// Starts a backup, and waits until it has stored a pack and still has much to upload.
fn midway(service: &Service, backup: Call) -> Running {
    let before = stored(service);
    let running = backup.start().unwrap();
    until("a stored pack", || stored(service) > before).unwrap();
    running
}

/// Lets a call run for a while; it must not exit in that time. This is a time and no event: the subject is how long a
/// run waits.
fn goes_on(running: Running, time: Duration) -> Receiver<Outcome> {
    let (ended, outcome) = mpsc::channel();
    thread::spawn(move || ended.send(running.wait().unwrap()));
    if let Ok(early) = outcome.recv_timeout(time) {
        unreachable!("it ended early: {early}");
    }
    outcome
}

fn ended(outcome: &Receiver<Outcome>) -> Outcome {
    outcome.recv_timeout(Duration::from_secs(120)).unwrap()
}

/// Longer than the retries of a single request used to take.
const AWAY: Duration = Duration::from_secs(22);

// case: gives-up-after-seconds
#[test]
#[ignore = "slow"]
fn a_run_outlasts_a_restart_of_service_and_store() {
    let mut service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let bytes = files::noise(7, 60 * MB);
    fs::write(device.desk().join("rnd.bin"), &bytes).unwrap();
    let backup = ["backup", "--file", "rnd.bin", "--limit-upload", "8000"];

    // Service and store go down together, as in a reboot. The backup waits, says so, and continues.
    let running = midway(&service, device.call_plain(backup).env("SEALKEEP_PATIENCE", "300"));
    service.stop().unwrap();
    let outcome = goes_on(running, AWAY);
    service.restart().unwrap();
    let outcome = ended(&outcome);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("has been unavailable for"), "{outcome}");
    assert!(outcome.stderr.contains("waiting up to 5 min"), "{outcome}");
    assert!(outcome.stderr.contains("answers again"), "{outcome}");
    device.restore_to("latest", "back").ok().unwrap();
    assert!(fs::read(device.desk().join("back")).unwrap() == bytes);

    // After its time limit it exits, and the next run sends only what is missing.
    let more = files::noise(8, 60 * MB);
    fs::write(device.desk().join("rnd.bin"), &more).unwrap();
    let running = midway(&service, device.call(backup).env("SEALKEEP_PATIENCE", "3"));
    service.stop().unwrap();
    let gone = Instant::now();
    let outcome = running.wait().unwrap();
    assert!([4, 5].contains(&outcome.code), "{outcome}");
    assert!(gone.elapsed() < Duration::from_secs(15), "{:?}", gone.elapsed());
    service.restart().unwrap();
    let report = device.call(["backup", "--file", "rnd.bin"]).ok().unwrap();
    assert!(number(&report, "bytes_uploaded").unwrap() < 50 * MB as u64, "{report}");

    // Ctrl-C ends the waiting at once.
    fs::write(device.desk().join("rnd.bin"), files::noise(9, 60 * MB)).unwrap();
    let mut running = midway(&service, device.call(backup).env("SEALKEEP_PATIENCE", "300"));
    service.stop().unwrap();
    running.expect("has been unavailable for").unwrap();
    let asked = Instant::now();
    running.signal(Signal::INT).unwrap();
    let outcome = running.wait().unwrap();
    assert_eq!(outcome.code, 130, "{outcome}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    service.restart().unwrap();
}

/// A backup while one of the two behaves like this and the other works.
fn outlasts(network: Network, wire: fn(&Wires) -> &Proxy, said: &str) {
    let service = Service::start_wired().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let bytes = files::noise(5, 60 * MB);
    fs::write(device.desk().join("rnd.bin"), &bytes).unwrap();
    let backup = ["backup", "--file", "rnd.bin", "--limit-upload", "8000"];
    let running = midway(&service, device.call_plain(backup).env("SEALKEEP_PATIENCE", "300"));
    wire(service.wires().unwrap()).set(network);
    let outcome = goes_on(running, AWAY);
    wire(service.wires().unwrap()).set(Network::Normal);
    let outcome = ended(&outcome);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains(said) && outcome.stderr.contains("answers again"), "{outcome}");
    device.restore_to("latest", "back").ok().unwrap();
    assert!(fs::read(device.desk().join("back")).unwrap() == bytes);
}

#[test]
#[ignore = "slow"]
fn a_run_waits_for_the_store_alone() {
    outlasts(Network::CutAfter(0), |wires| &wires.store, "the storage has been unavailable for");
}

#[test]
#[ignore = "slow"]
fn a_run_waits_for_the_service_alone() {
    outlasts(Network::CutAfter(0), |wires| &wires.api, "the service has been unavailable for");
}

#[test]
#[ignore = "slow"]
fn a_run_waits_for_a_busy_service_without_retry_after() {
    outlasts(Network::Busy, |wires| &wires.api, "the service has been unavailable for");
}

#[test]
#[ignore = "slow"]
fn a_run_waits_for_a_busy_store_without_retry_after() {
    outlasts(Network::Busy, |wires| &wires.store, "the storage has been unavailable for");
}

#[test]
#[ignore = "slow"]
fn a_restore_waits_too() {
    let mut service = Service::start_wired().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let bytes = files::noise(3, 300 * MB);
    device.backup_bytes("noise", &bytes).ok().unwrap();
    let other = device.home().join("cache");
    drop(fs::remove_dir_all(other));
    let running = device.restore_to("latest", "back").env("SEALKEEP_PATIENCE", "300").start().unwrap();
    let begun = || {
        let entries = fs::read_dir(device.desk()).unwrap();
        entries.flatten().any(|entry| entry.metadata().is_ok_and(|about| about.len() > 0 && about.is_file()))
    };
    until("the first restored bytes", begun).unwrap();
    // Killed: asked to stop, a service would finish its requests first.
    service.kill().unwrap();
    let outcome = goes_on(running, AWAY);
    service.wires().unwrap().store.set(Network::Normal);
    service.restart().unwrap();
    ended(&outcome).expect_ok().unwrap();
    assert!(fs::read(device.desk().join("back")).unwrap() == bytes);
}

/// At its start an operation reports within three seconds that nothing responds, keeps trying, and gives up soon.
#[test]
fn an_unreachable_service_is_reported_at_once() {
    // A port that refuses connections, and one that accepts them and never responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for server in ["http://127.0.0.1:1", silent.as_str()] {
        let device = Device::with_server(server).unwrap();
        let call = device.call_plain(["login", "--email", "a@example.com"]).env("SEALKEEP_PASSWORD", "p");
        let begun = Instant::now();
        let mut terminal = Terminal::start(&call, 100).unwrap();
        terminal.expect("the service has been unavailable for").unwrap();
        assert!(begun.elapsed() < Duration::from_millis(4500), "{:?}", begun.elapsed());
        if server == silent {
            terminal.type_in("\x03").unwrap();
            assert_eq!(terminal.end().unwrap(), 130);
        } else {
            assert_eq!(terminal.end().unwrap(), 4);
            assert!((Duration::from_secs(8)..Duration::from_secs(25)).contains(&begun.elapsed()));
        }
        assert!(terminal.is_as_usual().unwrap());
    }
}
