//! Detects a pooler that reassigns a server's sessions after each transaction, before anything relies on a session:
//! what pg_dump sets for itself would stay behind in the application's connections.

use std::{
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout, Stdio},
};

use serde::Deserialize;

use super::{
    INSPECT_TIMEOUT, PgUrl, answers::question, optional, psql::Alarm, refusal::may_be_about_options,
    session::OPTIONS, tools::Tool,
};
use crate::source::{
    SourceError,
    process::{Process, Started},
    stopper::{Stopper, Watched},
};

/// How often two sessions take turns. A busy pool soon assigns another server process to a session; an idle one
/// assigns the same to both.
const TURNS: usize = 4;

#[derive(Deserialize)]
struct Direct {
    direct: Option<String>,
}

/// For everything except dumps: checks whether a pooler that shares sessions is in front of the server. Returns the
/// URL with [`OPTIONS`] for sessions, if the connection accepts them.
///
/// # Errors
/// [`SourceError::Pooler`], [`SourceError::Cancelled`]. Any other connection failure is left to whoever connects next.
pub(super) fn refuse(url: &PgUrl, psql: &Tool, stopper: &Stopper) -> Result<PgUrl, SourceError> {
    let marked = url.with_options(OPTIONS);
    let mark = question("mark", "SELECT current_setting('sealkeep.direct', true) AS direct");
    match optional::ask(&marked, psql, &[mark], stopper, Some(INSPECT_TIMEOUT)) {
        Ok(answers) if answers.row("mark").is_some_and(|Direct { direct }| direct.is_some()) => Ok(marked),
        Err(error @ (SourceError::Pooler(_) | SourceError::Cancelled)) => Err(error),
        Err(error) if !may_be_about_options(&error) => Ok(url.clone()),
        Ok(_) | Err(_) => refuse_shared(url, psql, stopper).map(|()| url.clone()),
    }
}

/// Compares two sessions: either each always has its own server process, or a pooler shares processes between them.
///
/// # Errors
/// [`SourceError::Pooler`].
pub(super) fn refuse_shared(url: &PgUrl, psql: &Tool, stopper: &Stopper) -> Result<(), SourceError> {
    let mut sessions = [Session::start(url, psql, stopper)?, Session::start(url, psql, stopper)?];
    let mut known: [Option<String>; 2] = [None, None];
    for _ in 0..TURNS {
        for (session, before) in sessions.iter_mut().zip(0..) {
            // A session without an answer waits in a queue: the pool assigns whole sessions and is full.
            let Some(now) = session.process_id() else { return stopper.check() };
            let moved = known.get(before).and_then(Option::as_ref).is_some_and(|known| *known != now);
            let shared = known.get(1 - before).and_then(Option::as_ref) == Some(&now);
            if moved || shared {
                return Err(SourceError::Pooler(url.place()));
            }
            if let Some(known) = known.get_mut(before) {
                *known = Some(now);
            }
        }
    }
    Ok(())
}

struct Session {
    process: Process,
    stdin: ChildStdin,
    answers: BufReader<ChildStdout>,
    _watched: Watched,
    _alarm: Alarm,
}

impl Session {
    fn start(url: &PgUrl, psql: &Tool, stopper: &Stopper) -> Result<Self, SourceError> {
        stopper.check()?;
        let mut command = url.command(&psql.path);
        command.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let internal = |e: std::io::Error| SourceError::Internal(format!("psql: {e}"));
        let Started { process, stdin, stdout } = Process::start(command, url.secrets()).map_err(internal)?;
        let watched = stopper.watch(&process);
        let alarm = Alarm::set(INSPECT_TIMEOUT, process.clone());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(SourceError::Internal("psql has no pipes".into()));
        };
        Ok(Self { process, stdin, answers: BufReader::new(stdout), _watched: watched, _alarm: alarm })
    }

    /// The server process that answers now.
    fn process_id(&mut self) -> Option<String> {
        self.stdin.write_all(b"SELECT pg_catalog.pg_backend_pid();\n").ok()?;
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        let number = line.trim().to_owned();
        (!number.is_empty()).then_some(number)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.process.end();
    }
}
