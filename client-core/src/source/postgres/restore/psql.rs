//! psql as the last stage: it executes a script that only we can end.

use std::{
    io::{ErrorKind, Read, Write},
    process::{ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use rustix::pipe::fcntl_getpipe_size;

use super::{
    super::{PgUrl, psql::Alarm, session::SETTINGS, tools::Tool},
    failures::Failures,
};
use crate::{
    source::{
        SourceError,
        process::{Process, Started},
        stopper::{Stopper, Watched},
    },
    text,
};

/// Bytes kept of psql's output: only our own mark appears there.
const PRINTED: usize = 4096;

/// Tells transactions apart, even for a superuser whose search path was changed.
const TRANSACTION: &str = "SELECT pg_catalog.txid_current();\n";
/// Bytes sent after the mark, besides what the pipe holds: more than psql's buffer. Once all of it was taken, psql has
/// read the mark.
const BEHIND_MARK: usize = 64 * 1024;
/// Time limit for the mark to appear from then on.
const MARK_COMES: Duration = Duration::from_secs(10);
/// psql's exit code after an error in the script, under `ON_ERROR_STOP`.
const SCRIPT_FAILED: i32 = 3;

/// What an error in the script ends.
#[derive(Clone)]
pub(super) enum Mode {
    /// The single transaction around everything.
    OneTransaction,
    /// The script.
    Stop,
    /// Nothing: it is recorded. With [`Psql::run_command`] the script, temporarily.
    Continue(Failures),
}

/// A running psql. If dropped before [`Psql::finish`], it is killed before its input ends, so that it never mistakes
/// the end of what it got for the end of the script.
pub(super) struct Psql {
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    tool: String,
    /// Printed once everything before it has been executed.
    mark: String,
    /// The transaction around everything.
    transaction: Option<String>,
    /// The key of `\restrict`, under which psql obeys no backslash command but the one that lifts it.
    key: Option<String>,
    stop: Stopper,
    _watched: Watched,
    /// Whether an error in the script ended it.
    script_failed: bool,
    done: bool,
}

impl Psql {
    /// Connects to `url`. In one transaction nothing takes effect before [`Psql::finish`].
    pub(super) fn start(url: &PgUrl, tool: &Tool, mode: &Mode, stop: &Stopper) -> Result<Self, SourceError> {
        stop.check()?;
        let mut command = url.command(&tool.path);
        let (on_error, failures) = match mode {
            Mode::OneTransaction | Mode::Stop => ("ON_ERROR_STOP=1", None),
            Mode::Continue(failures) => ("ON_ERROR_STOP=0", Some(failures.clone())),
        };
        command
            .args(["-X", "-q", "-w", "-A", "-t", "-v", on_error, "-o", "/dev/null", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let internal = |e: std::io::Error| SourceError::Internal(format!("{}: {e}", tool.path.display()));
        let on_line = move |line: &str| {
            if let Some(failures) = &failures {
                failures.add_line(line);
            }
        };
        let Started { process, stdin, stdout } =
            Process::start_listening(command, url.secrets(), on_line).map_err(internal)?;
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

    /// Whether it ignores backslash commands in the script.
    pub(super) const fn is_restricted(&self) -> bool {
        self.key.is_some()
    }

    /// A handle for ending it.
    pub(super) fn process(&self) -> Process {
        self.process.clone()
    }

    /// Writes the next bytes of the script.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Some(stdin) = &mut self.stdin else {
            return Err(SourceError::Internal("the restore program was closed".into()));
        };
        match stdin.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(self.ended_early()),
            Err(e) => Err(SourceError::Internal(format!("{}: {e}", self.tool))),
        }
    }

    /// Call once everything has been verified: waits until it is executed, then commits. It can be stopped until then.
    pub(super) fn finish(mut self) -> Result<(), Unfinished> {
        let certain = |error| Unfinished { error, committing: false };
        let unrestrict = self.unrestrict();
        self.executed(&format!("\n{unrestrict}\\o\n")).map_err(certain)?;
        if let Some(begun) = self.transaction.take() {
            // Something in the dump might have ended the transaction and begun another.
            if self.executed(TRANSACTION).map_err(certain)? != begun {
                return Err(certain(SourceError::TransactionLost));
            }
            self.stop.begin_commit().map_err(certain)?;
            self.executed("COMMIT;\n").map_err(|error| Unfinished { error, committing: true })?;
        }
        self.done = true;
        drop(self.stdin.take());
        self.process.wait_or_end();
        // All of its output has been received then.
        drop(self.process.wait());
        Ok(())
    }

    fn unrestrict(&self) -> String {
        self.key.as_ref().map(|key| format!("\\unrestrict {key}\n")).unwrap_or_default()
    }

    /// Sends a command of our own to psql itself, between two statements of the script.
    pub(super) fn run_command(&mut self, command: &str) -> Result<(), SourceError> {
        let restrict = self.key.as_ref().map(|key| format!("\\restrict {key}\n")).unwrap_or_default();
        let lines = format!("\n{}{command}\n{restrict}", self.unrestrict());
        self.write(lines.as_bytes())
    }

    /// Same as [`Psql::run_command`], and waits until it and everything before it has been executed.
    pub(super) fn run_command_and_wait(&mut self, command: &str) -> Result<(), SourceError> {
        let lines = format!("\n{}{command}\n", self.unrestrict());
        self.executed(&lines)?;
        let restrict = self.key.as_ref().map(|key| format!("\\restrict {key}\n")).unwrap_or_default();
        self.write(restrict.as_bytes())
    }

    /// Whether an error in the script ended it, and nothing else.
    pub(super) const fn script_failed(&self) -> bool {
        self.script_failed
    }

    /// Sends lines, and waits until they and everything before them have been executed without an error that stops.
    /// Returns the output.
    fn executed(&mut self, lines: &str) -> Result<String, SourceError> {
        let mark = format!("{}\n", self.mark);
        self.write(format!("{lines}\\echo {mark}").as_bytes())?;
        let held = self.stdin.as_ref().and_then(|stdin| fcntl_getpipe_size(stdin).ok());
        let blank = [[b' '; 1023].as_slice(), b"\n"].concat();
        self.write(&blank.repeat((held.unwrap_or_default() + BEHIND_MARK) / blank.len()))?;
        // Inside an open quote psql would take the mark for a part of it and wait forever.
        let alarm = Alarm::set(MARK_COMES, self.process());
        let (mut printed, mut byte) = (Vec::new(), [0]);
        while !printed.ends_with(mark.as_bytes()) {
            match self.stdout.read(&mut byte) {
                Ok(1..) if printed.len() < PRINTED => printed.extend_from_slice(&byte),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                _ => return Err(if alarm.rang() { self.out_of_step() } else { self.ended_early() }),
            }
        }
        printed.truncate(printed.len() - mark.len());
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// psql is inside a construct of the script that the filter believes to be complete.
    fn out_of_step(&self) -> SourceError {
        SourceError::RestoreFailed {
            tool: self.tool.clone(),
            how: text!("it reads the script in another way than Sealkeep does"),
            detail: String::new(),
        }
    }

    /// It ended unexpectedly.
    fn ended_early(&mut self) -> SourceError {
        if self.stop.is_stopped() {
            return SourceError::Cancelled;
        }
        // It closed its end; its input stays open until it is gone.
        self.process.wait_or_end();
        match self.process.wait() {
            Ok(ended) => {
                self.script_failed = ended.status.code() == Some(SCRIPT_FAILED);
                SourceError::RestoreFailed {
                    tool: self.tool.clone(),
                    how: if ended.status.success() { text!("it ended early") } else { ended.how() },
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
    /// Whether the commit had been sent.
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;
    use crate::source::{postgres::Tools, script::against_psql::serve};

    #[test]
    fn a_psql_inside_a_quote_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || serve(listener.accept().unwrap().0));
        let url = format!("postgres://a@127.0.0.1:{port}/a?sslmode=disable&gssencmode=disable");
        let url = PgUrl::parse(&url).unwrap();
        let psql = Tools::installed().newest("psql").unwrap();
        let mut psql = Psql::start(&url, &psql, &Mode::Stop, &Stopper::default()).unwrap();
        // No filter has examined this, so nothing refused it.
        psql.write(b"SELECT 1;\nSELECT 'open;\n").unwrap();
        let Err(unfinished) = psql.finish() else { unreachable!() };
        assert!(!unfinished.committing);
        assert!(unfinished.error.to_string().contains("in another way"), "{}", unfinished.error);
        assert!(!server.join().unwrap().iter().any(|query| query.contains("open")));
    }
}
