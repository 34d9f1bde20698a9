//! What a process cost: wall time, processor time with its children's, peak memory.

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

/// What was used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// From start to end.
    pub wall: Duration,
    /// User and system time of the process and of its children that ended.
    pub cpu: Duration,
    /// Highest resident memory of the process itself, bytes, to within 10 ms of its end.
    pub peak_rss: u64,
}

/// How a process ended and what it wrote.
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Standard output, when it was piped.
    pub stdout: Vec<u8>,
    /// Standard error, when it was piped.
    pub stderr: Vec<u8>,
    /// What it cost.
    pub usage: Usage,
}

/// Runs a command to its end, its output captured unless set otherwise before.
///
/// # Errors
/// It does not start.
pub fn run(command: &mut Command) -> Result<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(&name)?;
    finish(child, Instant::now())
}

/// Waits for a child, reading what it writes.
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

/// Sends a signal to a child that was not reaped yet.
///
/// # Errors
/// It is gone.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill_process(pid_of(pid)?, signal).context("sending a signal")
}

fn pid_of(pid: u32) -> Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| Failure::new("no such process"))
}

fn read_all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read until then is worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

/// Waits for the end and leaves the process in the table, where its times can be read.
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

fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; fields are counted behind it. utime is the 14th, cstime the 17th.
    let ticks: u32 = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().skip(11).take(4).filter_map(|f| f.parse::<u32>().ok()).sum())
        .unwrap_or_default();
    Duration::from_secs_f64(f64::from(ticks) / TICKS_PER_SEC)
}

/// Highest resident memory of a running process so far, bytes.
#[must_use]
pub fn peak_rss(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}
