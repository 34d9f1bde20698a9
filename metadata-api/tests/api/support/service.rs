//! The actual program, `--embedded`, on free ports.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

/// One service for all tests that need no other settings.
pub static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

/// A running service. Dropping it stops the service and its PostgreSQL, also when a test panics.
pub struct Service {
    child: Child,
    /// `127.0.0.1:port`
    pub host: String,
    /// `127.0.0.1:port`
    pub store: String,
    dir: TempDir,
}

impl Service {
    pub fn start() -> Self {
        Self::start_in(Self::new_dir())
    }

    /// A directory that PostgreSQL's user can enter.
    pub fn new_dir() -> TempDir {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        dir
    }

    pub fn start_in(dir: TempDir) -> Self {
        // Statics are never dropped: the kernel ends the service with the test's process.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM", env!("CARGO_BIN_EXE_metadata-api"), "--embedded"])
            .arg(dir.path().join("service"))
            .args(["--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"])
            .args(["--auth-per-minute", "100000", "--requests-per-second", "100000"])
            .env("SEALKEEP_LOG", "warn,s3s=off")
            .stdout(Stdio::piped())
            .stderr(log_file(dir.path()));
        let mut child = spawn_from_a_lasting_thread(command);
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let _ = child.wait();
            panic!(
                "not ready: {line:?} {}",
                std::fs::read_to_string(dir.path().join("log")).unwrap_or_default()
            );
        };
        let host = |name: &str| {
            ready[name].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address").to_owned()
        };
        Self { host: host("service"), store: host("store"), child, dir }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("service")
    }

    /// Kills it as the kernel does when memory runs out.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("a running child");
        self.child.wait().expect("an ended child");
        std::mem::replace(&mut self.dir, Self::new_dir())
    }

    /// Waits until it exits.
    pub fn wait(mut self) -> (Option<i32>, TempDir) {
        let status = self.child.wait().expect("an ended child");
        (status.code(), std::mem::replace(&mut self.dir, Self::new_dir()))
    }

    /// Stops it as a service manager does. True if it exited successfully.
    pub fn terminate(&mut self) -> bool {
        signal(&self.child, Signal::TERM);
        self.child.wait().expect("an ended child").success()
    }
}

/// Sends a signal to a child that has not been waited for.
pub fn signal(child: &Child, signal: Signal) {
    rustix::process::kill_process(Pid::from_child(child), signal).expect("a running child");
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
        }
    }
}

/// The parent-death signal arrives when the parent's thread ends.
fn spawn_from_a_lasting_thread(mut command: Command) -> Child {
    let (out, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        out.send(command.spawn().expect("the service starts")).expect("a waiting test");
        loop {
            std::thread::park();
        }
    });
    started.recv().expect("the service starts")
}

fn log_file(dir: &Path) -> Stdio {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(dir.join("log"))
        .map_or_else(|_| Stdio::null(), Stdio::from)
}
