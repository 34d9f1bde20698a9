//! Measures a process: wall time, processor time including its children, peak memory.

use std::{
    fs,
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::failure::{Context, Failure, Result};

/// Linux counts processor time in hundredths of a second.
const TICKS_PER_SEC: f64 = 100.0;

/// Resources used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// From start to end.
    pub wall: Duration,
    /// User and system time of the process and its finished children.
    pub cpu: Duration,
    /// Peak resident memory of the process itself, bytes, up to the last 10 ms.
    pub peak_rss: u64,
}

/// How a process ended, and its output.
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output, if it was piped.
    pub stdout: Vec<u8>,
    /// Standard error, if it was piped.
    pub stderr: Vec<u8>,
    /// The resources used.
    pub usage: Usage,
}

/// Runs a command until it exits, capturing its output unless set otherwise.
///
/// # Errors
/// It does not start.
pub fn run(command: &mut Command) -> Result<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(&name)?;
    finish(child, Instant::now())
}

/// Waits for a child while reading its output.
///
/// # Errors
/// It cannot be watched.
pub fn finish(mut child: Child, started: Instant) -> Result<Ended> {
    let pid = child.id();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let over = AtomicBool::new(false);
    let peak = AtomicU64::new(0);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peak.fetch_max(peak_rss(pid), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
            }
        });
        let out = scope.spawn(move || read_all(stdout));
        let err = scope.spawn(move || read_all(stderr));
        let waited = wait_unreaped(pid);
        let usage = Usage { wall: started.elapsed(), cpu: cpu(pid), peak_rss: 0 };
        over.store(true, Ordering::Relaxed);
        let status = child.wait().context("waiting for a child")?;
        waited?;
        watch.join().map_err(|_| Failure::new("the watcher died"))?;
        let stdout = out.join().map_err(|_| Failure::new("the reader died"))?;
        let stderr = err.join().map_err(|_| Failure::new("the reader died"))?;
        Ok(Ended { status, stdout, stderr, usage: Usage { peak_rss: peak.load(Ordering::Relaxed), ..usage } })
    })
}

/// Sends a signal to a child that has not been reaped.
///
/// # Errors
/// It has exited.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill_process(pid_of(pid)?, signal).context("sending a signal")
}

fn pid_of(pid: u32) -> Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| Failure::new("no such process"))
}

fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // Whatever was read so far is worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

/// Waits for the exit without reaping, so that the process's times remain readable.
fn wait_unreaped(pid: u32) -> Result<()> {
    let pid = pid_of(pid)?;
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::new(format!("waiting for a child: {error}"))),
        }
    }
}

/// Fields of a process's stat line from number `from` (at least 3) on, as in proc(5); empty if it has exited.
fn stat(pid: u32, from: usize) -> Vec<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may contain anything; the fields follow it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(from - 3).map_while(|field| field.parse().ok()).collect()
}

fn cpu(pid: u32) -> Duration {
    // User and system time, of the process and of its finished children.
    let ticks: u32 = stat(pid, 14).iter().take(4).sum();
    Duration::from_secs_f64(f64::from(ticks) / TICKS_PER_SEC)
}

/// A running process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// All processes of a group, oldest first.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub fn of_group(group: u32) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if stat(pid, 5).first() == Some(&group) {
                found.push(Self(pid));
            }
        }
        found.sort_by_key(|process| process.age().map_or(Duration::ZERO, |age| Duration::MAX - age));
        Ok(found)
    }

    /// Time since its start, to a hundredth of a second.
    ///
    /// # Errors
    /// It has exited.
    pub fn age(self) -> Result<Duration> {
        let gone = || Failure::new(format!("process {} is gone", self.0));
        let up = fs::read_to_string("/proc/uptime")?;
        let up: f64 = up.split_whitespace().next().and_then(|up| up.parse().ok()).ok_or_else(gone)?;
        let started = f64::from(*stat(self.0, 22).first().ok_or_else(gone)?) / TICKS_PER_SEC;
        Ok(Duration::from_secs_f64((up - started).max(0.0)))
    }

    /// Processor time so far.
    #[must_use]
    pub fn cpu(self) -> Duration {
        cpu(self.0)
    }

    /// Its proportional share of memory (PSS), bytes.
    #[must_use]
    pub fn memory(self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0)).unwrap_or_default();
        kib(&rollup, "Pss:")
    }
}

fn kib(lines: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok();
    lines.lines().find_map(value).unwrap_or_default() * 1024
}

/// Peak resident memory of a running process so far, bytes.
#[must_use]
pub fn peak_rss(pid: u32) -> u64 {
    let program = |of: &str| fs::read_link(format!("/proc/{of}/exe")).ok();
    // Right after its start a child still shares our memory: `vfork` returns before `exec` replaces it.
    if program(&pid.to_string()) == program("self") {
        return 0;
    }
    kib(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "VmHWM:")
}
