//! `make bench`: compares Sealkeep with restic, Borg and rustic, if installed, on the same dumps of the same databases.
//!
//! Backs up the dumps of three days and restores the last; the programs alternate (A B A B), and each round starts with
//! an empty repository. The dumps are files, so pg_dump's time is not counted. Of Sealkeep only the client process is
//! counted: the service and the store represent a remote server.

mod bare;
mod changed;
mod history;
mod peers;
mod plot;
mod report;
mod series;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use e2e::{Postgres, Result, Spread, data, files};

use crate::peers::{Peer, Sample};

/// Compares Sealkeep with restic, Borg and rustic
#[derive(Debug, Parser)]
struct Settings {
    /// Size of the database, MB
    #[arg(long, env = "MB", default_value_t = 300)]
    mb: u64,
    /// How often each program takes its turn
    #[arg(long, env = "ROUNDS", default_value_t = 2)]
    rounds: u64,
    /// Only this shape of a day's changes
    #[arg(long, env = "SPREAD")]
    spread: Option<Shape>,
    /// Only this format of the dumps
    #[arg(long, env = "FORMAT")]
    format: Option<Form>,
    /// A small database, one shape, one format, one round: whether it runs, not how fast
    #[arg(long)]
    quick: bool,
    /// The long form: one backup a day with Sealkeep alone, for so many days
    #[arg(long, env = "DAYS", value_name = "N")]
    days: Option<u32>,
    /// How long a device without a cache takes to list 400 snapshots; with LONG=1 10,000 too
    #[arg(long)]
    history: bool,
    /// Where the plot goes
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// The bare pipeline over a file, for its processor time
    #[arg(long, value_name = "FILE", hide = true)]
    bare: Option<PathBuf>,
}

/// Which rows a day's work changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Uniform,
    Mostly,
    Recent,
}

impl Shape {
    const fn spread(self) -> Spread {
        match self {
            Self::Uniform => Spread::Uniform,
            Self::Mostly => Spread::Mostly,
            Self::Recent => Spread::Recent,
        }
    }
}

/// The dump format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    #[value(name = "custom-z0")]
    Uncompressed,
    Plain,
    Custom,
}

impl Form {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Uncompressed => &["-Fc", "-Z0"],
            Self::Plain => &["-Fp"],
            Self::Custom => &["-Fc"],
        }
    }
}

/// The input of every program.
pub(crate) struct Dumps {
    pub(crate) days: [PathBuf; 3],
    pub(crate) last_sha256: String,
}

/// Bounds that no program can beat.
pub(crate) struct Limits {
    /// Chunking, hashing, compressing and sealing on one core, without reading or uploading: MB per CPU-second.
    pub(crate) bare: f64,
    /// Each day's changed rows, compressed in one piece, bytes.
    pub(crate) alone: [u64; 2],
}

fn main() -> ExitCode {
    match run(Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings) -> Result<()> {
    let Settings { mut mb, mut rounds, spread, format, quick, days, history, plot, bare } = settings;
    if let Some(file) = bare {
        return bare::run(&file);
    }
    if history {
        return history::run();
    }
    let dir = files::temporary()?;
    let mut shapes = spread.map_or_else(|| vec![Shape::Uniform, Shape::Mostly], |one| vec![one]);
    let mut forms =
        format.map_or_else(|| vec![Form::Uncompressed, Form::Plain, Form::Custom], |one| vec![one]);
    if quick {
        (mb, rounds) = (mb.min(30), 1);
        shapes.truncate(1);
        forms.truncate(1);
    }
    if let Some(days) = days.filter(|days| *days > 0) {
        let spread = shapes.first().map_or(Spread::Uniform, |shape| shape.spread());
        return series::run(dir.path(), mb, days, spread);
    }
    let peers = peers::installed();
    say(&format!("Programs: {}", peers.iter().map(Peer::version).collect::<Result<Vec<_>>>()?.join(", ")));
    let mut drawn = None;
    for shape in &shapes {
        for form in &forms {
            say(&format!(
                "\n## pg_dump {}, 1 % changed a day: {}",
                form.arguments().join(" "),
                shape.spread().as_str()
            ));
            let (dumps, limits) = dumps(dir.path(), mb, shape.spread(), *form)?;
            let mut samples: Vec<Sample> = Vec::new();
            for _ in 0..rounds {
                for peer in &peers {
                    match peer.measure(&dumps, dir.path()) {
                        Ok(sample) => samples.push(sample),
                        // Do not fail: another version may take other arguments.
                        Err(error) if *peer == Peer::Rustic => say(&format!("rustic is left out: {error}")),
                        Err(error) => return Err(error),
                    }
                }
            }
            say(&format!("\n{}", report::render(&samples, &limits)?));
            drawn.get_or_insert((samples, limits));
        }
    }
    match (plot, drawn) {
        (Some(file), Some((samples, limits))) => plot::draw(&file, &samples, &limits),
        _ => Ok(()),
    }
}

fn dumps(dir: &Path, megabytes: u64, spread: Spread, form: Form) -> Result<(Dumps, Limits)> {
    let postgres = Postgres::start()?;
    data::fill(&postgres, "bench", megabytes)?;
    let days = [0, 1, 2].map(|day| dir.join(format!("day-{day}.dump")));
    let plain = [0, 1, 2].map(|day| dir.join(format!("day-{day}.plain")));
    let mut alone = [0; 2];
    for (day, file) in days.iter().enumerate() {
        if let Ok(day @ 1..) = u32::try_from(day) {
            data::change(&postgres, "bench", 1.0, spread, day)?;
        }
        postgres.dump_as("bench", form.arguments(), file)?;
        // Rows are lines only in an uncompressed dump.
        postgres.dump_as("bench", Form::Uncompressed.arguments(), &plain[day])?;
        if let Some(before) = day.checked_sub(1) {
            alone[before] = changed::alone(&plain[before], &plain[day])?;
            fs::remove_file(&plain[before])?;
        }
    }
    let bare = bare::measure(&plain[2])?;
    fs::remove_file(&plain[2])?;
    // Reads everything once, so that the first program does not pay for a cold cache.
    let [_, _, last_sha256] = [files::sha256(&days[0])?, files::sha256(&days[1])?, files::sha256(&days[2])?];
    say(&format!("{} bytes on the first day", fs::metadata(&days[0])?.len()));
    Ok((Dumps { days, last_sha256 }, Limits { bare, alone }))
}

/// Size of all files below a directory, bytes.
pub(crate) fn size(dir: &Path) -> Result<u64> {
    files::walk(dir)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    // The reader may be gone, and then nobody needs the output.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
