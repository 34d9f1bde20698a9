//! A whole service: the program itself, `--embedded`, on free ports.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// Ends with the value. PostgreSQL ends with it, also when a test panics.
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

    /// A directory that PostgreSQL's user may enter.
    pub fn new_dir() -> TempDir {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        dir
    }

    pub fn start_in(dir: TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_metadata-api"))
            .arg("--embedded")
            .arg(dir.path().join("service"))
            .args(["--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"])
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(log_file(dir.path()))
            .spawn()
            .expect("the service starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let _ = child.wait();
            panic!("not ready: {line:?} {}", std::fs::read_to_string(dir.path().join("log")).unwrap_or_default());
        };
        let host = |name: &str| {
            ready[name].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address").to_owned()
        };
        Self { host: host("service"), store: host("store"), child, dir }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("service")
    }

    /// As the kernel does it when memory runs out.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("a running child");
        self.child.wait().expect("an ended child");
        std::mem::replace(&mut self.dir, Self::new_dir())
    }

    /// As a service manager does it. True when it ended well.
    pub fn terminate(&mut self) -> bool {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        self.child.wait().expect("an ended child").success()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
        }
    }
}

fn log_file(dir: &Path) -> Stdio {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(dir.join("log"))
        .map_or_else(|_| Stdio::null(), Stdio::from)
}
