//! A month: one backup per day of a changing database, and the cost of restoring its newest snapshot afterwards.

use std::{fs, path::Path};

use e2e::{
    Device, Postgres, Result, Service, Spread, data,
    device::{number, text},
    files,
};

use crate::{changed, say, size};

/// Runs `days` days after the first one and prints a line for each.
pub(crate) fn run(dir: &Path, megabytes: u64, days: u32, spread: Spread) -> Result<()> {
    let postgres = Postgres::start()?;
    data::fill(&postgres, "bench", megabytes)?;
    let service = Service::start()?;
    let device = Device::new(&service)?;
    device.sign_up("eu")?;
    let stored = || size(service.bucket().dir());
    let (mut before, mut total) = (stored()?, 0);
    let dump = |day: u32| dir.join(format!("day-{day}.dump"));
    say(
        "| day | dump MB | added MB | changed rows alone MB | ratio | MB per CPU-second | restore: packs read | CPU s | wall s | peak MiB |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|");
    for day in 0..=days {
        if day > 0 {
            data::change(&postgres, "bench", 1.0, spread, day)?;
        }
        let file = dump(day);
        postgres.dump("bench", &file)?;
        let alone = match day.checked_sub(1) {
            Some(yesterday) => {
                let alone = changed::alone(&dump(yesterday), &file)?;
                fs::remove_file(dump(yesterday))?;
                alone
            }
            None => 0,
        };
        let call = device.call(["backup".as_ref(), "--file".as_ref(), file.as_os_str()]);
        let outcome = call.arg("--name").arg("bench").go()?;
        let report = outcome.expect_ok()?;
        let read = number(&report, "bytes_read")? as f64 / 1e6;
        let added = (stored()? - before) as f64 / 1e6;
        before = stored()?;
        total += u64::from(day > 0) * (added * 1e6) as u64;
        let ratio = if alone > 0 { added * 1e6 / alone as f64 } else { 0.0 };
        let restore = if day % 10 == 0 || day < 3 || day == days {
            let restored = device.restore_to(text(&report, "snapshot_id")?, "restored").go()?;
            let packs = number(&restored.expect_ok()?, "packs_read")?;
            let file = device.desk().join("restored");
            if files::sha256(&file)? != text(&report, "sha256")? {
                return Err(e2e::Failure::new("what came back is not what was backed up"));
            }
            fs::remove_file(file)?;
            let usage = restored.usage;
            format!(
                "{packs} | {:.2} | {:.2} | {:.0}",
                usage.cpu.as_secs_f64(),
                usage.wall.as_secs_f64(),
                usage.peak_rss as f64 / 1048576.0
            )
        } else {
            "| | |".to_owned()
        };
        say(&format!(
            "| {day} | {read:.1} | {added:.2} | {:.2} | {ratio:.2} | {:.0} | {restore} |",
            alone as f64 / 1e6,
            read / outcome.usage.cpu.as_secs_f64().max(0.01),
        ));
    }
    say(&format!("Together {:.1} MB in {days} days.", total as f64 / 1e6));
    Ok(())
}
