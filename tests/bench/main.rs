//! `make bench`: Sealkeep beside restic (and Borg, where installed) on the same dumps of the same database.
//!
//! First backup, second backup after a day's changes, restore of the second; the programs take turns (A B A B), and
//! each round starts with an empty repository. Dumps lie on disk, so pg_dump's time is nobody's. Of Sealkeep only the
//! client process is counted: the service and the store stand for a server elsewhere.
//!
//! `MB` sizes the database, `ROUNDS` the turns, `SPREAD` says which rows change (`recent`, `mostly`, `uniform`), `FORMAT`
//! what the dump is (`custom-z0`, `plain`, `custom`). `DAYS` runs a series of days with Sealkeep alone instead.

mod changed;
mod peers;
mod report;
mod series;

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use e2e::{Failure, Postgres, Result, Spread, data, files};

use crate::{peers::Peer, report::Sample};

/// What every program gets to back up.
pub(crate) struct Dumps {
    pub(crate) first: PathBuf,
    pub(crate) second: PathBuf,
    pub(crate) second_sha256: String,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let megabytes = setting("MB", 300)?;
    let rounds = setting("ROUNDS", 2)?;
    let spread = match env::var("SPREAD").as_deref() {
        Ok("uniform") => Spread::Uniform,
        Ok("mostly") => Spread::Mostly,
        _ => Spread::Recent,
    };
    let (format, form): (_, &[&str]) = match env::var("FORMAT").as_deref() {
        Ok("plain") => ("plain SQL", &["-Fp"]),
        Ok("custom") => ("-Fc", &["-Fc"]),
        _ => ("-Fc -Z0", &["-Fc", "-Z0"]),
    };
    let dir = files::temporary()?;
    if let Ok(days @ 1..) = setting("DAYS", 0)?.try_into() {
        return series::run(dir.path(), megabytes, days, spread);
    }
    say(&format!(
        "Making {megabytes} MB of database and two dumps ({format}), 1 % changed between: {} …",
        spread.as_str()
    ));
    let dumps = dumps(dir.path(), megabytes, spread, form)?;
    let peers = peers::installed();
    say(&format!("Programs: {}", peers.iter().map(Peer::version).collect::<Result<Vec<_>>>()?.join(", ")));
    let mut samples: Vec<Sample> = Vec::new();
    for round in 1..=rounds {
        for peer in &peers {
            say(&format!("Round {round}: {} …", peer.name()));
            samples.push(peer.measure(&dumps, dir.path())?);
        }
    }
    say(&format!("\n{}", report::render(&samples)?));
    Ok(())
}

fn dumps(dir: &Path, megabytes: u64, spread: Spread, form: &[&str]) -> Result<Dumps> {
    let postgres = Postgres::start()?;
    data::fill(&postgres, "bench", megabytes)?;
    let (first, second) = (dir.join("first.dump"), dir.join("second.dump"));
    postgres.dump_as("bench", form, &first)?;
    data::change(&postgres, "bench", 1.0, spread, 1)?;
    postgres.dump_as("bench", form, &second)?;
    say(&format!(
        "  the changed rows alone, compressed: {:.2} MB",
        changed::alone(&first, &second)? as f64 / 1e6
    ));
    // Read once, so that the first program does not pay for a cold cache.
    files::sha256(&first)?;
    let second_sha256 = files::sha256(&second)?;
    say(&format!("  {} and {} bytes", fs::metadata(&first)?.len(), fs::metadata(&second)?.len()));
    Ok(Dumps { first, second, second_sha256 })
}

fn setting(name: &str, default: u64) -> Result<u64> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => {
            value.parse().map_err(|_| Failure::new(format!("{name} has to be a whole number")))
        }
        _ => Ok(default),
    }
}

/// Bytes of all files below a directory.
pub(crate) fn size(dir: &Path) -> Result<u64> {
    files::walk(dir)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Nobody reads it any more: then there is nothing to say.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
