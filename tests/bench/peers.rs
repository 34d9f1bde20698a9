//! The compared programs, each with its own defaults: default compression, one local repository.

use std::{
    fs::{self, File},
    io::{self, PipeWriter},
    path::Path,
    process::Command,
    thread::{self, JoinHandle},
};

use e2e::{
    Device, Failure, Result, Service, binaries,
    device::{number, text},
    files,
    measure::{self, Ended, Usage},
};

use crate::{Dumps, size};

const PASSWORD: &str = "a password for the bench";

/// A compared program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Sealkeep,
    Restic,
    Borg,
    Rustic,
}

/// One step of one round.
pub(crate) struct Step {
    /// Bytes of the dump.
    pub(crate) read: u64,
    pub(crate) usage: Usage,
    /// Bytes added to the repository by the step, without those of an empty one.
    pub(crate) stored: u64,
}

/// One round of one program.
pub(crate) struct Sample {
    pub(crate) peer: Peer,
    pub(crate) steps: Vec<Step>,
}

/// The installed ones; Sealkeep always.
pub(crate) fn installed() -> Vec<Peer> {
    let there = |name: &str| measure::run(Command::new(name).arg("--version")).is_ok();
    let mut peers = vec![Peer::Sealkeep];
    if measure::run(Command::new("restic").arg("version")).is_ok() {
        peers.push(Peer::Restic);
    }
    if there("borg") {
        peers.push(Peer::Borg);
    }
    if there("rustic") {
        peers.push(Peer::Rustic);
    }
    peers
}

impl Peer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sealkeep => "sealkeep",
            Self::Restic => "restic",
            Self::Borg => "borg",
            Self::Rustic => "rustic",
        }
    }

    pub(crate) fn version(&self) -> Result<String> {
        let ended = match self {
            Self::Sealkeep => measure::run(Command::new(binaries::sealkeep()?).arg("--version"))?,
            Self::Restic => measure::run(Command::new("restic").arg("version"))?,
            Self::Borg | Self::Rustic => measure::run(Command::new(self.name()).arg("--version"))?,
        };
        let text = String::from_utf8_lossy(&ended.stdout);
        Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    /// Runs one round with an empty repository.
    pub(crate) fn measure(self, dumps: &Dumps, dir: &Path) -> Result<Sample> {
        match self {
            Self::Sealkeep => sealkeep(dumps),
            Self::Restic => in_repository(self, dumps, dir, restic),
            Self::Borg => in_repository(self, dumps, dir, borg),
            Self::Rustic => in_repository(self, dumps, dir, rustic),
        }
    }
}

fn sealkeep(dumps: &Dumps) -> Result<Sample> {
    let service = Service::start()?;
    let device = Device::new(&service)?;
    device.sign_up("eu")?;
    let stored = || size(service.bucket().dir());
    let empty = stored()?;
    let mut steps = Vec::new();
    let mut snapshot = String::new();
    for dump in &dumps.days {
        let call =
            device.call(["backup".as_ref(), "--file".as_ref(), dump.as_os_str()]).arg("--name").arg("bench");
        let outcome = call.go()?;
        let report = outcome.expect_ok()?;
        snapshot = text(&report, "snapshot_id")?.to_owned();
        steps.push(Step {
            read: number(&report, "bytes_read")?,
            usage: outcome.usage,
            stored: stored()? - empty,
        });
    }
    let (out, hashing) = hashed()?;
    let outcome = device.call_plain(["restore", &snapshot, "--stdout"]).stdout_into(out)?;
    if outcome.code != 0 {
        return Err(Failure::new(outcome.stderr));
    }
    let read = check(hashing, dumps)?;
    steps.push(Step { read, usage: outcome.usage, stored: stored()? - empty });
    Ok(Sample { peer: Peer::Sealkeep, steps })
}

type Runner = fn(&Path, &[&str], &Path) -> Command;

fn restic(repository: &Path, arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new("restic");
    command.env("RESTIC_PASSWORD", PASSWORD).env("RESTIC_CACHE_DIR", repository.with_extension("cache"));
    command.args(["--quiet", "-r"]).arg(repository).args(arguments);
    match arguments {
        ["backup", ..] => command.arg("--stdin-filename=bench.dump").stdin_file(file),
        ["dump", ..] => command.arg("bench.dump"),
        _ => &mut command,
    };
    command
}

fn borg(repository: &Path, arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new("borg");
    command.env("BORG_PASSPHRASE", PASSWORD).env("BORG_BASE_DIR", repository.with_extension("cache"));
    match arguments {
        ["init", ..] => command.args(["init", "--encryption=repokey-blake2"]).arg(repository),
        ["backup", name] => command
            .args(["create", "--compression=zstd,3", "--stdin-name=bench.dump"])
            .arg(format!("{}::{name}", repository.display()))
            .arg("-")
            .stdin_file(file),
        _ => command.args(["extract", "--stdout"]).arg(format!("{}::last", repository.display())),
    };
    command
}

fn rustic(repository: &Path, arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new("rustic");
    command.env("RUSTIC_REPOSITORY", repository).env("RUSTIC_PASSWORD", PASSWORD);
    command.env("RUSTIC_CACHE_DIR", repository.with_extension("cache"));
    match arguments {
        ["init", ..] => command.arg("init"),
        ["backup", ..] => command.args(["backup", "--stdin-filename=bench.dump", "-"]).stdin_file(file),
        _ => command.args(["dump", "latest:bench.dump"]),
    };
    command
}

/// Standard input from a file.
trait StdinFile {
    fn stdin_file(&mut self, file: &Path) -> &mut Self;
}

impl StdinFile for Command {
    fn stdin_file(&mut self, file: &Path) -> &mut Self {
        match File::open(file) {
            Ok(file) => self.stdin(file),
            Err(_) => self,
        }
    }
}

fn in_repository(peer: Peer, dumps: &Dumps, dir: &Path, runner: Runner) -> Result<Sample> {
    let repository = dir.join(format!("repository-{}", peer.name()));
    let nothing = Path::new("/dev/null");
    let ok = |ended: Ended| {
        if ended.status.success() {
            Ok(ended)
        } else {
            Err(Failure::new(format!("{}: {}", peer.name(), String::from_utf8_lossy(&ended.stderr))))
        }
    };
    ok(measure::run(&mut runner(&repository, &["init"], nothing))?)?;
    let empty = size(&repository)?;
    let mut steps = Vec::new();
    for (day, dump) in dumps.days.iter().enumerate() {
        let name = if day + 1 == dumps.days.len() { "last".to_owned() } else { format!("day-{day}") };
        let arguments: &[&str] =
            if peer == Peer::Restic { &["backup", "--stdin"] } else { &["backup", &name] };
        let ended = ok(measure::run(&mut runner(&repository, arguments, dump))?)?;
        steps.push(Step {
            read: fs::metadata(dump)?.len(),
            usage: ended.usage,
            stored: size(&repository)? - empty,
        });
    }
    let arguments: &[&str] = if peer == Peer::Restic { &["dump", "latest"] } else { &["restore"] };
    let (out, hashing) = hashed()?;
    let usage = into(runner(&repository, arguments, nothing), out, peer)?;
    let read = check(hashing, dumps)?;
    steps.push(Step { read, usage, stored: size(&repository)? - empty });
    fs::remove_dir_all(&repository)?;
    let cache = repository.with_extension("cache");
    if cache.exists() {
        fs::remove_dir_all(cache)?;
    }
    Ok(Sample { peer, steps })
}

fn into(mut command: Command, out: PipeWriter, peer: Peer) -> Result<Usage> {
    let started = std::time::Instant::now();
    let child = command.stdout(out).spawn()?;
    // It holds the pipe's other end.
    drop(command);
    let ended = measure::finish(child, started)?;
    if ended.status.success() {
        Ok(ended.usage)
    } else {
        Err(Failure::new(format!("{} could not restore", peer.name())))
    }
}

type Hashing = JoinHandle<io::Result<(u64, String)>>;

/// Restores go into a pipe and are hashed there, so that the file system's write time does not count.
fn hashed() -> Result<(PipeWriter, Hashing)> {
    let (from, to) = io::pipe()?;
    Ok((to, thread::spawn(|| files::sha256_from(from))))
}

fn check(hashing: Hashing, dumps: &Dumps) -> Result<u64> {
    let (bytes, sha256) = hashing.join().map_err(|_| Failure::new("hashing died"))??;
    if sha256 == dumps.last_sha256 {
        Ok(bytes)
    } else {
        Err(Failure::new("what came back is not what was backed up"))
    }
}
