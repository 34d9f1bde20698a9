//! The first step on the worst day: a device with nothing but its keys lists all snapshots.

use std::{env, fs, time::Duration};

use e2e::{Device, Failure, Result, Service, device::text, forger::Forger};

use crate::say;

/// Numbers of snapshots, and the time limit for listing them from a local service without a cache.
const BARS: [(usize, Duration); 2] = [(400, Duration::from_secs(2)), (10_000, Duration::from_secs(20))];
/// Attempts, of which the fastest counts: the machine is shared.
const TRIES: usize = 3;

/// Measures 400 snapshots, with `LONG` also 10,000; fails if one exceeds its limit.
pub(crate) fn run() -> Result<()> {
    let service = Service::start()?;
    let device = Device::new(&service)?;
    device.sign_up("eu")?;
    let first = device.backup_bytes("many", b"the same rows every day").go()?.expect_ok()?;
    let first = text(&first, "snapshot_id")?.parse().map_err(|_| Failure::new("an id that is none"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut stored = 1;
    say("| snapshots | a device without a cache lists them in | ms each | bar |");
    say("|---|---|---|---|");
    let mut late = false;
    let long = env::var_os("LONG").is_some();
    for (count, bar) in BARS.into_iter().take(if long { 2 } else { 1 }) {
        let forger = Forger::of(&device)?;
        // One device signs one chain: each series continues where the last one ended.
        let last = latest(&device, first)?;
        runtime.block_on(forger.repeat(last, count - stored))?;
        stored = count;
        let mut best = Duration::MAX;
        for _ in 0..TRIES {
            for name in ["state.db", "state.db-wal", "state.db-shm"] {
                drop(fs::remove_file(device.home().join(name)));
            }
            let listed = device.call(["snapshots"]).go()?;
            let found = listed.expect_ok()?["snapshots"].as_array().map_or(0, Vec::len);
            if found != count {
                return Err(Failure::new(format!("{found} snapshots are listed instead of {count}")));
            }
            best = best.min(listed.usage.wall);
        }
        let (seconds, each) = (best.as_secs_f64(), best.as_secs_f64() * 1e3 / count as f64);
        say(&format!("| {count} | {seconds:.2} s | {each:.2} | {} s |", bar.as_secs()));
        late |= best > bar;
    }
    if late { Err(Failure::new("that is longer than it may take")) } else { Ok(()) }
}

fn latest(device: &Device, first: api_types::SnapshotId) -> Result<api_types::SnapshotId> {
    let listed = device.call(["snapshots"]).go()?.expect_ok()?;
    let newest = listed["snapshots"][0]["id"].as_str().and_then(|id| id.parse().ok());
    Ok(newest.unwrap_or(first))
}
