//! Turns a dump into one SQL script for psql; archives go through `pg_restore -f -`, which never connects.

use std::{
    io::{ErrorKind, Read, Write},
    process::{ChildStdin, ChildStdout, Stdio},
    thread::{self, JoinHandle},
};

use super::{
    super::{PgUrl, tools::Tool},
    continue_on_error::{ContinueOnError, CurrentPsql},
    psql::{Mode, Psql, Unfinished},
};
use crate::{
    source::{
        SourceError,
        process::{Process, Started},
        script::{LeftOut, PRELUDE, Policy, Reason, ScriptFilter, ScriptReport},
        stopper::{Stopper, Watched},
    },
    text,
    text::Text,
};

/// Bytes of a script examined at once.
const PIECE: usize = 64 * 1024;

/// The stages of a restore. If dropped before [`Pipeline::finish`], nothing takes effect.
pub(super) enum Pipeline {
    /// The dump is a script.
    Script(Box<Script>),
    /// `pg_restore` writes the script.
    Archive(Archive),
}

/// The path of a script to psql: through the filter, so that nothing in it can run a program.
pub(super) struct Script {
    run: Run,
    filter: ScriptFilter,
    passed: Vec<u8>,
}

enum Run {
    /// Ends at its first error.
    Whole(Psql),
    /// Continues after errors.
    ContinueOnError(Box<ContinueOnError>),
}

/// A `pg_restore` that writes a script, and the thread that passes it on.
pub(super) struct Archive {
    process: Process,
    stdin: Option<ChildStdin>,
    tool: String,
    psql: CurrentPsql,
    pump: Option<JoinHandle<Result<Script, SourceError>>>,
    stop: Stopper,
    _watched: Watched,
}

impl Script {
    /// Under `policy`, and under `\restrict` if psql has it. That does not keep the script from changing how psql and
    /// the server parse it, so its settings are guarded in any case.
    pub(super) fn start(
        url: &PgUrl,
        psql: &Tool,
        mut policy: Policy,
        stop: &Stopper,
    ) -> Result<Self, SourceError> {
        policy.guard_settings = true;
        let run = if policy.continue_on_error {
            Run::ContinueOnError(Box::new(ContinueOnError::start(url, psql, stop)?))
        } else {
            let mode = if policy.one_transaction { Mode::OneTransaction } else { Mode::Stop };
            let mut psql = Psql::start(url, psql, &mode, stop)?;
            psql.write(PRELUDE.as_bytes())?;
            Run::Whole(psql)
        };
        Ok(Self { run, filter: ScriptFilter::new(policy), passed: Vec::new() })
    }

    fn current_psql(&self) -> CurrentPsql {
        match &self.run {
            Run::Whole(psql) => CurrentPsql::new(psql.process()),
            Run::ContinueOnError(run) => run.current_psql(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        self.filter.push(bytes, &mut self.passed)?;
        self.pass_on()
    }

    fn pass_on(&mut self) -> Result<(), SourceError> {
        match &mut self.run {
            Run::Whole(psql) => psql.write(&self.passed)?,
            Run::ContinueOnError(run) => run.write(&self.passed, self.filter.turns())?,
        }
        self.passed.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Outcome, Unfinished> {
        let early = |error: SourceError| Unfinished { error, committing: false };
        let report = self.filter.finish(&mut self.passed).map_err(|error| early(error.into()))?;
        self.pass_on().map_err(early)?;
        let failed = match self.run {
            Run::Whole(psql) => psql.finish().map(|()| Vec::new()),
            Run::ContinueOnError(run) => run.finish(),
        }?;
        Ok(Outcome { failed, notes: reportable(&report), left_out: report.left_out })
    }
}

/// What is worth reporting of what was left out: neither what the user asked for nor what makes no difference.
fn reportable(report: &ScriptReport) -> Vec<Text> {
    let of_database = report.left_out.iter().filter(|left| left.reason == Reason::Database).count();
    let missing = report.left_out.iter().filter(|left| matches!(left.reason, Reason::Missing(..)));
    let missing = missing.map(|left| {
        text!(
            "skipped because {reason}: {statement} (line {line})",
            reason = left.reason,
            statement = left.statement,
            line = left.line
        )
    });
    let summary = (of_database > 0).then(|| {
        text!(
            "skipped {number} statements about the original database, such as CREATE DATABASE",
            number = of_database
        )
    });
    missing.chain(summary).collect()
}

/// The result of a script that was executed to its end.
pub(super) struct Outcome {
    /// Errors of the server, if it kept going.
    pub(super) failed: Vec<String>,
    /// What the filter left out, as sentences.
    pub(super) notes: Vec<Text>,
    /// Statements that were left out.
    pub(super) left_out: Vec<LeftOut>,
}

impl Archive {
    /// Starts `pg_restore` with these arguments in front of `script`.
    pub(super) fn start(
        url: &PgUrl,
        tool: &Tool,
        arguments: &[&str],
        script: Script,
        stop: &Stopper,
    ) -> Result<Self, SourceError> {
        stop.check()?;
        let mut command = url.command(&tool.path);
        command.args(["-f", "-"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Started { process, stdin, stdout } = Process::start(command, url.secrets())
            .map_err(|e| SourceError::Internal(format!("{}: {e}", tool.path.display())))?;
        let stdout = stdout.ok_or_else(|| SourceError::Internal("pg_restore has no output".into()))?;
        let psql = script.current_psql();
        let pump = thread::spawn(move || pump(stdout, script));
        Ok(Self {
            _watched: stop.watch(&process),
            process,
            stdin,
            tool: format!("pg_restore {}", tool.version),
            psql,
            pump: Some(pump),
            stop: stop.clone(),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Some(stdin) = &mut self.stdin else {
            return Err(SourceError::Internal("pg_restore was closed".into()));
        };
        match stdin.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(match self.close() {
                Err(error) => error,
                Ok(_) => SourceError::RestoreFailed {
                    tool: self.tool.clone(),
                    how: text!("it ended early"),
                    detail: "it did not read the entire dump".into(),
                },
            }),
            Err(e) => Err(SourceError::Internal(format!("{}: {e}", self.tool))),
        }
    }

    /// Ends the archive. The script's end stays open: only the caller knows whether all is well.
    fn close(&mut self) -> Result<Script, SourceError> {
        drop(self.stdin.take());
        let ended = self.process.wait();
        let script = match self.pump.take().map(JoinHandle::join) {
            Some(Ok(script)) => script,
            Some(Err(_)) | None => Err(SourceError::Internal("the restore's script was lost".into())),
        };
        if self.stop.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        // psql's error comes first: it makes pg_restore fail, too.
        let script = script?;
        let ended = ended.map_err(|e| SourceError::Internal(format!("{}: {e}", self.tool)))?;
        if ended.status.success() {
            return Ok(script);
        }
        Err(SourceError::RestoreFailed { tool: self.tool.clone(), how: ended.how(), detail: ended.detail() })
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        if let Some(pump) = self.pump.take() {
            // psql first: the thread may be waiting for it, and it must not see the end of a truncated script.
            self.psql.abandon();
            self.process.end();
            drop(self.stdin.take());
            drop(pump.join());
        }
    }
}

/// Passes the script on. Returns its psql open; after an error it is gone.
fn pump(mut from: ChildStdout, mut script: Script) -> Result<Script, SourceError> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(script),
            Ok(n) => script.write(piece.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(SourceError::Internal(format!("pg_restore's output: {e}"))),
        }
    }
}

impl Pipeline {
    /// Writes the next bytes of the dump.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        match self {
            Self::Script(script) => script.write(bytes),
            Self::Archive(archive) => archive.write(bytes),
        }
    }

    /// Ends the script, once the whole dump is verified. Returns what failed if it kept going.
    pub(super) fn finish(self) -> Result<Outcome, Unfinished> {
        match self {
            Self::Script(script) => script.finish(),
            Self::Archive(mut archive) => {
                let script = archive.close().map_err(|error| Unfinished { error, committing: false })?;
                script.finish()
            }
        }
    }
}
