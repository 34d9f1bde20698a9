//! `pg_restore` connected to a database that was created for it, keeping going after errors. It reads rows itself, so
//! that the rows of a COPY that failed are never taken for statements.

use std::{
    io::{ErrorKind, Write},
    process::{ChildStdin, Stdio},
};

use super::{
    super::{PgUrl, tools::Tool},
    stop::Stop,
};
use crate::source::{
    SourceError,
    process::{Ended, Process, Started},
};

/// What it says after errors that it went on from.
const IGNORED: &str = "errors ignored on restore: ";

/// A `pg_restore` that keeps going. Dropped before [`Direct::finish`], it is killed before its input ends.
pub(super) struct Direct {
    process: Process,
    stdin: Option<ChildStdin>,
    tool: String,
    stop: Stop,
    done: bool,
}

impl Direct {
    pub(super) fn start(
        url: &PgUrl,
        tool: &Tool,
        major: u32,
        no_owner: bool,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut command = url.command(&tool.path);
        // An empty connection string takes everything from the environment.
        command.args(["--no-password", "--dbname", ""]);
        if no_owner {
            command.args(["--no-owner", "--no-privileges"]);
        }
        let given = command.get_envs().find(|(name, _)| *name == "PGOPTIONS").and_then(|(_, value)| value);
        let mut options = given.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        options.push_str(" -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3");
        if major >= 14 {
            options.push_str(" -c client_connection_check_interval=10000");
        }
        command.env("PGOPTIONS", options.trim_start()).stdin(Stdio::piped()).stdout(Stdio::null());
        let Started { process, stdin, .. } = Process::start(command, url.secrets())
            .map_err(|e| SourceError::Internal(format!("{}: {e}", tool.path.display())))?;
        let direct = Self {
            process,
            stdin,
            tool: format!("pg_restore {}", tool.version),
            stop: stop.clone(),
            done: false,
        };
        stop.watch(&direct.process)?;
        Ok(direct)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let Some(stdin) = &mut self.stdin else {
            return Err(SourceError::Internal("pg_restore was closed".into()));
        };
        match stdin.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(_) if self.stop.is_stopped() => Err(SourceError::Cancelled),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {
                self.process.let_go();
                Err(match self.process.wait() {
                    Ok(ended) => self.failed(&ended),
                    Err(e) => SourceError::Internal(format!("{}: {e}", self.tool)),
                })
            }
            Err(e) => Err(SourceError::Internal(format!("{}: {e}", self.tool))),
        }
    }

    /// The dump was verified as a whole: what failed of it.
    pub(super) fn finish(mut self) -> Result<Vec<String>, SourceError> {
        drop(self.stdin.take());
        let ended = self.process.wait().map_err(|e| SourceError::Internal(format!("{}: {e}", self.tool)))?;
        self.done = true;
        if self.stop.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        if ended.status.success() {
            return Ok(Vec::new());
        }
        if !ended.said.contains(IGNORED) {
            return Err(self.failed(&ended));
        }
        let mut failed: Vec<String> = ended
            .said
            .lines()
            .filter(|line| line.contains("error:"))
            .map(|line| line.trim_start_matches("pg_restore: error: ").trim().to_owned())
            .collect();
        let all = ended.said.rsplit(IGNORED).next().and_then(|count| count.trim().parse::<usize>().ok());
        if let Some(more) = all.and_then(|all| all.checked_sub(failed.len())).filter(|more| *more > 0) {
            failed.insert(0, format!("{more} earlier errors"));
        }
        Ok(failed)
    }

    fn failed(&self, ended: &Ended) -> SourceError {
        SourceError::RestoreFailed { tool: self.tool.clone(), how: ended.how(), detail: ended.detail() }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        if !self.done {
            self.process.abandon();
        }
        drop(self.stdin.take());
    }
}
