//! Results side by side, with ratios to Sealkeep's.

use e2e::{Failure, Result};

use crate::{
    Limits,
    peers::{Peer, Sample, Step},
};

/// The steps of a round.
pub(crate) const STEPS: [&str; 4] = ["first backup", "a day later", "two days later", "restore"];
const RESTORE: usize = 3;

struct Line {
    wall: f64,
    speed: f64,
    stored: f64,
    peak: f64,
}

/// The medians of all rounds as a Markdown table.
pub(crate) fn render(samples: &[Sample], limits: &Limits) -> Result<String> {
    let mut lines = vec![
        "| step | program | wall s | MB per CPU-second | × sealkeep | added MB | × sealkeep | peak MiB |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let mut peers: Vec<Peer> = Vec::new();
    for sample in samples {
        if !peers.contains(&sample.peer) {
            peers.push(sample.peer);
        }
    }
    for (at, title) in STEPS.iter().enumerate() {
        let ours = line(samples, Peer::Sealkeep, at)?;
        for peer in &peers {
            let Line { wall, speed, stored, peak } = line(samples, *peer, at)?;
            let restored = at == RESTORE;
            let added = if restored { String::new() } else { format!("{stored:.2}") };
            let more = if restored { String::new() } else { format!("{:.2}", stored / ours.stored) };
            lines.push(format!(
                "| {title} | {} | {wall:.2} | {speed:.0} | {:.2} | {added} | {more} | {peak:.0} |",
                peer.name(),
                speed / ours.speed
            ));
        }
        let limit = match at {
            0 => format!("| bare pipeline | | {:.0} | {:.2} | | | |", limits.bare, limits.bare / ours.speed),
            RESTORE => continue,
            _ => {
                let alone = limits.alone.get(at - 1).copied().unwrap_or_default() as f64 / 1e6;
                format!("| changed rows alone | | | | {alone:.2} | {:.2} | |", alone / ours.stored)
            }
        };
        lines.push(format!("| {title} | *limit:* {}", limit.trim_start_matches("| ")));
    }
    lines.push(String::new());
    lines.push(
        "MB are 10^6 bytes of dump; CPU is user + system of the client process and its children; medians."
            .into(),
    );
    Ok(lines.join("\n"))
}

/// The median round's MB per CPU-second, and MB added.
pub(crate) fn of(samples: &[Sample], peer: Peer, step: usize) -> Result<(f64, f64)> {
    line(samples, peer, step).map(|line| (line.speed, line.stored))
}

fn line(samples: &[Sample], peer: Peer, at: usize) -> Result<Line> {
    let all = |value: &dyn Fn(&Sample, &Step) -> f64| {
        let mut values: Vec<f64> = samples
            .iter()
            .filter(|s| s.peer == peer)
            .filter_map(|s| Some(value(s, s.steps.get(at)?)))
            .collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let low = values.get((values.len().max(1) - 1) / 2);
        low.zip(values.get(middle))
            .map(|(a, b)| (a + b) / 2.0)
            .ok_or_else(|| Failure::new("a program has no numbers"))
    };
    Ok(Line {
        wall: all(&|_, step| step.usage.wall.as_secs_f64())?,
        speed: all(&|_, step| step.read as f64 / 1e6 / step.usage.cpu.as_secs_f64().max(0.01))?,
        stored: all(&|sample, step| {
            let before = at.checked_sub(1).and_then(|i| sample.steps.get(i)).map_or(0, |s| s.stored);
            (step.stored - before) as f64 / 1e6
        })?,
        peak: all(&|_, step| step.usage.peak_rss as f64 / 1024.0 / 1024.0)?,
    })
}
