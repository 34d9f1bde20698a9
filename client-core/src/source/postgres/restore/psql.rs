//! psql as the last stage: it executes a script whose end only we write.

use std::{
    io::{ErrorKind, Read, Write},
    process::{ChildStdin, ChildStdout, Stdio},
};

use super::{
    super::{PgUrl, session::SETTINGS, tools::Tool},
    failures::Failures,
};
use crate::source::{
    SourceError,
    process::{Process, Started},
    stopper::{Stopper, Watched},
};

/// Kept of what psql prints, bytes: only our own mark stands there.
const PRINTED: usize = 4096;

/// Tells one transaction from another, also for a superuser whose search path was changed.
const TRANSACTION: &str = "SELECT pg_catalog.txid_current();\n";
/// psql's exit code after an error of the script, under `ON_ERROR_STOP`.
const SCRIPT_FAILED: i32 = 3;

/// What an error of the script ends.
#[derive(Clone)]
pub(super) enum Mode {
    /// The one transaction that everything is in.
    OneTransaction,
    /// The script.
    Stop,
    /// Nothing: it is noted. With [`Psql::obey`] the script, for a while.
    GoOn(Failures),
}

/// A running psql. Dropped before [`Psql::finish`] it is killed before its input ends, so that it can never take the
/// end of what it got for the end of the script.
pub(super) struct Psql {
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    tool: String,
    /// Printed when everything before it was executed.
    mark: String,
    /// The transaction that everything is in.
    transaction: Option<String>,
    /// The key of `\restrict`, under which psql obeys no backslash command but the one that ends it.
    key: Option<String>,
    stop: Stopper,
    _watched: Watched,
    /// An error of the script ended it.
    script_failed: bool,
    done: bool,
}

impl Psql {
    /// Connects to `url`. In one transaction nothing counts before [`Psql::finish`].
    pub(super) fn start(url: &PgUrl, tool: &Tool, mode: &Mode, stop: &Stopper) -> Result<Self, SourceError> {
        stop.check()?;
        let mut command = url.command(&tool.path);
        let (on_error, failures) = match mode {
            Mode::OneTransaction | Mode::Stop => ("ON_ERROR_STOP=1", None),
            Mode::GoOn(failures) => ("ON_ERROR_STOP=0", Some(failures.clone())),
        };
        command
            .args(["-X", "-q", "-w", "-A", "-t", "-v", on_error, "-o", "/dev/null", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let internal = |e: std::io::Error| SourceError::Internal(format!("{}: {e}", tool.path.display()));
        let hear = move |line: &str| {
            if let Some(failures) = &failures {
                failures.hear(line);
            }
        };
        let Started { process, stdin, stdout } =
            Process::start_heard(command, url.secrets(), hear).map_err(internal)?;
        let stdout = stdout.ok_or_else(|| SourceError::Internal("psql has no output".into()))?;
        let watched = stop.watch(&process);
        let mut psql = Self {
            process,
            stdin,
            stdout,
            tool: format!("psql {}", tool.version),
            mark: format!("sealkeep:{}", uuid::Uuid::new_v4().simple()),
            transaction: None,
            key: tool.restricts().then(|| uuid::Uuid::new_v4().simple().to_string()),
            stop: stop.clone(),
            _watched: watched,
            script_failed: false,
            done: false,
        };
        psql.write(SETTINGS.as_bytes())?;
        if matches!(mode, Mode::OneTransaction) {
            psql.transaction = Some(psql.executed(&format!("BEGIN;\n\\o\n{TRANSACTION}"))?);
            psql.write(b"\\o /dev/null\n")?;
        }
        if let Some(key) = &psql.key {
            let restrict = format!("\\restrict {key}\n");
            psql.write(restrict.as_bytes())?;
        }
        Ok(psql)
    }

    /// Whether it obeys no command of the script.
    pub(super) const fn is_restricted(&self) -> bool {
        self.key.is_some()
    }

    /// A handle to end it with.
    pub(super) fn process(&self) -> Process {
        self.process.clone()
    }

    /// The next bytes of the script.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Some(stdin) = &mut self.stdin else {
            return Err(SourceError::Internal("the restore program was closed".into()));
        };
        match stdin.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(self.broken()),
            Err(e) => Err(SourceError::Internal(format!("{}: {e}", self.tool))),
        }
    }

    /// Everything before was verified: waits until it was executed, then commits. It can be stopped until then.
    pub(super) fn finish(mut self) -> Result<(), Unfinished> {
        let certain = |error| Unfinished { error, committing: false };
        let unrestrict = self.unrestrict();
        self.executed(&format!("\n{unrestrict}\\o\n")).map_err(certain)?;
        if let Some(begun) = self.transaction.take() {
            // Something of the dump might have ended it and begun another.
            if self.executed(TRANSACTION).map_err(certain)? != begun {
                return Err(certain(SourceError::TransactionLost));
            }
            self.stop.begin_commit().map_err(certain)?;
            self.executed("COMMIT;\n").map_err(|error| Unfinished { error, committing: true })?;
        }
        self.done = true;
        drop(self.stdin.take());
        self.process.let_go();
        // Everything that it said has been heard then.
        drop(self.process.wait());
        Ok(())
    }

    fn unrestrict(&self) -> String {
        self.key.as_ref().map(|key| format!("\\unrestrict {key}\n")).unwrap_or_default()
    }

    /// Gives a command of our own to psql itself, between two statements of the script.
    pub(super) fn obey(&mut self, command: &str) -> Result<(), SourceError> {
        let restrict = self.key.as_ref().map(|key| format!("\\restrict {key}\n")).unwrap_or_default();
        let lines = format!("\n{}{command}\n{restrict}", self.unrestrict());
        self.write(lines.as_bytes())
    }

    /// The same, and waits until it and everything before it was executed.
    pub(super) fn obey_at_once(&mut self, command: &str) -> Result<(), SourceError> {
        let lines = format!("\n{}{command}\n", self.unrestrict());
        self.executed(&lines)?;
        let restrict = self.key.as_ref().map(|key| format!("\\restrict {key}\n")).unwrap_or_default();
        self.write(restrict.as_bytes())
    }

    /// Whether an error of the script has ended it, and nothing else.
    pub(super) const fn script_failed(&self) -> bool {
        self.script_failed
    }

    /// Sends lines, and waits until they and everything before them was executed without an error that stops. What was
    /// printed comes back.
    fn executed(&mut self, lines: &str) -> Result<String, SourceError> {
        let mark = format!("{}\n", self.mark);
        self.write(format!("{lines}\\echo {mark}").as_bytes())?;
        let (mut printed, mut byte) = (Vec::new(), [0]);
        while !printed.ends_with(mark.as_bytes()) {
            match self.stdout.read(&mut byte) {
                Ok(1..) if printed.len() < PRINTED => printed.extend_from_slice(&byte),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                _ => return Err(self.broken()),
            }
        }
        printed.truncate(printed.len() - mark.len());
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// It went away in the middle.
    fn broken(&mut self) -> SourceError {
        if self.stop.is_stopped() {
            return SourceError::Cancelled;
        }
        // It closed its end; its input stays open until it is gone.
        self.process.let_go();
        match self.process.wait() {
            Ok(ended) => {
                self.script_failed = ended.status.code() == Some(SCRIPT_FAILED);
                SourceError::RestoreFailed {
                    tool: self.tool.clone(),
                    how: if ended.status.success() { "it ended early".into() } else { ended.how() },
                    detail: ended.detail(),
                }
            }
            Err(e) => SourceError::Internal(format!("{}: {e}", self.tool)),
        }
    }
}

/// A script that was not executed to its end, as far as is known.
pub(super) struct Unfinished {
    pub(super) error: SourceError,
    /// The commit had been sent.
    pub(super) committing: bool,
}

impl Drop for Psql {
    fn drop(&mut self) {
        if !self.done {
            // Before its input is closed.
            self.process.abandon();
        }
        drop(self.stdin.take());
    }
}
