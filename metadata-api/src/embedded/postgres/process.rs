//! The server process: waits for an earlier one to end, and starts one that dies with us.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Pid;

use super::{
    PATIENCE, PORT,
    error::{Error, io_error},
    host::{User, command},
};

/// Every PostgreSQL process works in its data directory. While one exists, no server may be started and no lock
/// removed; when none does, a lock file is stale, and its process id may belong to another program.
pub(super) async fn wait_for_earlier_run(data: &Path) -> Result<(), Error> {
    let started = Instant::now();
    while in_use(data) {
        if started.elapsed() > PATIENCE {
            return Err(Error::InUse(data.display().to_string()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let lock = data.join("postmaster.pid");
    if Path::new("/proc/self/cwd").exists() && lock.exists() {
        fs::remove_file(&lock).map_err(io_error(format!("removing {}", lock.display())))?;
    }
    Ok(())
}

fn in_use(data: &Path) -> bool {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data))
}

pub(super) type Started = (Pid, mpsc::Receiver<io::Result<ExitStatus>>, Arc<AtomicBool>);

/// Starts `postgres` so that the kernel ends it when we die. Runs on a thread that lives as long as the server: Linux
/// sends the parent-death signal when the parent's *thread* ends.
pub(super) fn spawn_guarded(
    postgres: &Path,
    data: &Path,
    socket_dir: &Path,
    log: &Path,
    user: Option<&User>,
) -> Result<Started, Error> {
    let out = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log)
        .map_err(io_error(format!("opening {}", log.display())))?;
    let err: File = out.try_clone().map_err(io_error("opening the log twice"))?;
    // prctl(2) between fork and exec would need unsafe code; util-linux has a program for it.
    let setpriv = Path::new("/usr/bin/setpriv");
    let guards = Command::new(setpriv).args(["--pdeathsig", "INT", "true"]).output();
    let mut guard = if guards.is_ok_and(|out| out.status.success()) {
        let mut guard = command(setpriv, user);
        guard.args(["--pdeathsig", "INT"]).arg(postgres);
        guard
    } else {
        tracing::warn!(
            "no setpriv with --pdeathsig: should this process be killed, PostgreSQL keeps running"
        );
        command(postgres, user)
    };
    guard
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(socket_dir)
        .args(["-p", &PORT.to_string()])
        .args(["-c", "listen_addresses="])
        .args(["-c", "unix_socket_permissions=0700"])
        .args(["-c", "max_connections=60"])
        // Statements may contain user input; we log errors ourselves.
        .args(["-c", "log_min_error_statement=panic"])
        .current_dir("/")
        // We handle Ctrl-C: the cluster must outlive the last request.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);

    let (pid_out, pid_in) = mpsc::channel();
    let (end_out, end_in) = mpsc::channel();
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = gone.clone();
    thread::Builder::new()
        .name("postgres".into())
        .spawn(move || match guard.spawn() {
            Ok(mut child) => {
                // The receiver may have given up waiting.
                let _ = pid_out.send(Ok(child.id()));
                let status = child.wait();
                is_gone.store(true, Ordering::Release);
                let _ = end_out.send(status);
            }
            Err(error) => {
                let _ = pid_out.send(Err(error));
            }
        })
        .map_err(io_error("starting a thread"))?;
    let pid = pid_in
        .recv()
        .map_err(|_| io::Error::other("the starting thread ended"))
        .and_then(|pid| pid)
        .map_err(io_error("starting postgres"))?;
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io_error("starting postgres")(io::Error::other("no process number")))?;
    Ok((pid, end_in, gone))
}
