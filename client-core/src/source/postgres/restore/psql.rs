//! psql as the last stage: it executes a script whose end only we write.

use std::{
    io::{ErrorKind, Read, Write},
    process::{ChildStdin, ChildStdout, Stdio},
};

use super::{
    super::{PgUrl, tools::Tool},
    SESSION_SETTINGS,
    stop::Stop,
};
use crate::source::{
    SourceError,
    process::{Process, Started},
};

/// Kept of what psql prints, bytes: only our own mark stands there.
const PRINTED: usize = 4096;

/// A running psql. Dropped before [`Psql::finish`] it is killed before its input ends, so that it can never take the
/// end of what it got for the end of the script.
pub(super) struct Psql {
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    tool: String,
    /// Printed when everything before it was executed.
    mark: String,
    one_transaction: bool,
    /// The key of `\restrict`, under which psql obeys no backslash command but the one that ends it.
    key: Option<String>,
    stop: Stop,
    done: bool,
}

impl Psql {
    /// Connects to `url`. With `one_transaction` nothing counts before [`Psql::finish`].
    pub(super) fn start(
        url: &PgUrl,
        tool: &Tool,
        one_transaction: bool,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut command = url.command(&tool.path);
        command
            .args(["-X", "-q", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let internal = |e: std::io::Error| SourceError::Internal(format!("{}: {e}", tool.path.display()));
        let Started { process, stdin, stdout } = Process::start(command, url.secrets()).map_err(internal)?;
        let stdout = stdout.ok_or_else(|| SourceError::Internal("psql has no output".into()))?;
        let mut psql = Self {
            process,
            stdin,
            stdout,
            tool: format!("psql {}", tool.version),
            mark: format!("sealkeep:{}", uuid::Uuid::new_v4().simple()),
            one_transaction,
            key: tool.restricts().then(|| uuid::Uuid::new_v4().simple().to_string()),
            stop: stop.clone(),
            done: false,
        };
        stop.watch(&psql.process)?;
        psql.write(SESSION_SETTINGS.as_bytes())?;
        if one_transaction {
            psql.write(b"BEGIN;\n")?;
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
        let unrestrict = self.key.as_ref().map(|key| format!("\\unrestrict {key}\n")).unwrap_or_default();
        self.executed(&format!("\n{unrestrict}\\o\n")).map_err(certain)?;
        if self.one_transaction {
            self.stop.begin_commit().map_err(certain)?;
            self.executed("COMMIT;\n").map_err(|error| Unfinished { error, committing: true })?;
        }
        self.done = true;
        drop(self.stdin.take());
        self.process.let_go();
        Ok(())
    }

    /// Sends lines, and waits until they and everything before them was executed without an error.
    fn executed(&mut self, lines: &str) -> Result<(), SourceError> {
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
        Ok(())
    }

    /// It went away in the middle.
    fn broken(&mut self) -> SourceError {
        if self.stop.is_stopped() {
            return SourceError::Cancelled;
        }
        // It closed its end; its input stays open until it is gone.
        self.process.let_go();
        match self.process.wait() {
            Ok(ended) => SourceError::RestoreFailed {
                tool: self.tool.clone(),
                how: if ended.status.success() { "it ended early".into() } else { ended.how() },
                detail: ended.detail(),
            },
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
