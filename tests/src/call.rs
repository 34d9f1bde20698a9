//! Runs the `sealkeep` command.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Instant,
};

use serde_json::Value;

use crate::{
    failure::{Context, Failure, Result},
    measure::{self, Usage},
    wait,
};

/// A call that has not started.
pub struct Call {
    pub(crate) command: Command,
    pub(crate) stdin: Option<Vec<u8>>,
    pub(crate) shown: String,
}

/// The result of a call.
pub struct Outcome {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// The resources used.
    pub usage: Usage,
    shown: String,
}

/// A running call.
pub struct Running {
    pub(crate) child: Child,
    started: Instant,
    pub(crate) shown: String,
    /// Standard error, once [`Running::expect`] reads it.
    said: Option<Said>,
}

/// What a running program writes to standard error.
struct Said {
    so_far: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Call {
    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the bytes for standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Connects standard input to a pipe or file.
    #[must_use]
    pub fn stdin_from(mut self, from: impl Into<Stdio>) -> Self {
        self.command.stdin(from);
        self
    }

    /// Runs it with standard output into a file.
    ///
    /// # Errors
    /// It does not start.
    pub fn stdout_into(mut self, to: impl Into<Stdio>) -> Result<Outcome> {
        self.command.stdout(to).stderr(Stdio::piped());
        let started = Instant::now();
        let child = self.command.spawn().context(&self.shown)?;
        Running { child, started, shown: self.shown, said: None }.wait()
    }

    /// Runs it with standard error into a file or pipe, discarding standard output. Returns the exit code.
    ///
    /// # Errors
    /// It does not start.
    pub fn stderr_into(mut self, to: impl Into<Stdio>) -> Result<i32> {
        let status = self.command.stdout(Stdio::null()).stderr(to).status().context(&self.shown)?;
        Ok(status.code().unwrap_or(-1))
    }

    /// Starts it.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(mut self) -> Result<Running> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.stdin.is_some() {
            self.command.stdin(Stdio::piped());
        }
        let started = Instant::now();
        let mut child = self.command.spawn().context(&self.shown)?;
        if let Some(bytes) = self.stdin
            && let Some(mut stdin) = child.stdin.take()
        {
            // A command that exits early closes the pipe; its exit code is more useful than this error.
            thread::spawn(move || drop(stdin.write_all(&bytes)));
        }
        Ok(Running { child, started, shown: self.shown, said: None })
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It does not start.
    pub fn go(self) -> Result<Outcome> {
        self.start()?.wait()
    }

    /// Runs it, expects success and returns its JSON document.
    ///
    /// # Errors
    /// The command's.
    pub fn ok(self) -> Result<Value> {
        self.go()?.expect_ok()
    }

    /// Runs it, expects an exit code, and returns the printed error.
    ///
    /// # Errors
    /// It exited differently.
    pub fn refused(self, code: i32) -> Result<Value> {
        let outcome = self.go()?;
        let error = outcome.error();
        match error {
            Some(error) if outcome.code == code => Ok(error),
            _ => Err(Failure::new(format!("exit code {code} and an error were expected of {outcome}"))),
        }
    }
}

impl Running {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// It has exited.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        measure::signal(self.child.id(), signal)
    }

    /// Waits until standard error contains this text.
    ///
    /// # Errors
    /// It does not appear in time, or the call ends without it.
    pub fn expect(&mut self, text: &str) -> Result<()> {
        let said = self.said.get_or_insert_with(|| Said::read(self.child.stderr.take()));
        let what = format!("{text:?} from `{}`", self.shown);
        // The last look comes after the end: until then more may appear.
        wait::until(&what, || said.contains(text) || said.reader.is_finished())?;
        if said.contains(text) {
            Ok(())
        } else {
            Err(Failure::new(format!("`{}` ended without {text:?}: {}", self.shown, said.text())))
        }
    }

    /// Whether it has exited.
    ///
    /// # Errors
    /// Its status is unavailable.
    pub fn is_over(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for it to exit.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn wait(self) -> Result<Outcome> {
        let ended = measure::finish(self.child, self.started)?;
        let stderr = match self.said {
            Some(said) => said.all()?,
            None => String::from_utf8_lossy(&ended.stderr).into_owned(),
        };
        Ok(Outcome {
            code: ended.status.code().unwrap_or(-1),
            stdout: ended.stdout,
            stderr,
            usage: ended.usage,
            shown: self.shown,
        })
    }
}

impl Said {
    fn read(pipe: Option<ChildStderr>) -> Self {
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&so_far);
        let reader = thread::spawn(move || {
            let Some(mut pipe) = pipe else { return };
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..n]);
            }
        });
        Self { so_far, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.so_far.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn contains(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    fn all(self) -> Result<String> {
        let Self { so_far, reader } = self;
        reader.join().map_err(|_| Failure::new("the reader died"))?;
        Ok(String::from_utf8_lossy(&so_far.lock().unwrap_or_else(PoisonError::into_inner)).into_owned())
    }
}

impl Outcome {
    /// All JSON documents on standard output.
    #[must_use]
    pub fn documents(&self) -> Vec<Value> {
        String::from_utf8_lossy(&self.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The result, if one was printed.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        self.documents().into_iter().find(|d| d.get("error").is_none())
    }

    /// The error, if one was printed.
    #[must_use]
    pub fn error(&self) -> Option<Value> {
        self.documents().iter().find_map(|d| d.get("error").cloned())
    }

    /// The result of a successful call.
    ///
    /// # Errors
    /// It failed.
    pub fn expect_ok(&self) -> Result<Value> {
        match (self.code, self.documents().pop()) {
            (0, Some(document)) => Ok(document),
            _ => Err(Failure::new(format!("success was expected of {self}"))),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let out = String::from_utf8_lossy(self.stdout.get(..2000).unwrap_or(&self.stdout));
        write!(f, "`{}`: exit code {}\nstdout: {out}\nstderr: {}", self.shown, self.code, self.stderr)
    }
}
