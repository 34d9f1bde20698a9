//! Queries a server through psql: the same library, and so the same URL, TLS and password rules as pg_dump's.

use std::{
    io::{Read, Write},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{PgUrl, answers::Answers, refusal::refusal, session::SETTINGS, tools::Tool};
use crate::source::{
    SourceError,
    process::{Ended, Process, Started},
    stopper::Stopper,
};

/// Longer answers are not ours, bytes.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// What to do after a failed statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnError {
    /// Stop; the failure is an error.
    Stop,
    /// Continue, even inside a transaction. Only a lost or failed connection is an error.
    Continue,
}

/// How long to wait for an answer.
#[derive(Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub(super) stopper: &'a Stopper,
    /// `None`: indefinitely.
    pub(super) at_most: Option<Duration>,
}

impl<'a> Waiting<'a> {
    /// Waits until the answer arrives or a stop is requested.
    pub(super) const fn patient(stopper: &'a Stopper) -> Self {
        Self { stopper, at_most: None }
    }
}

/// psql's output, and how it ended.
pub(super) struct Output {
    pub(super) answer: Vec<u8>,
    pub(super) ended: Ended,
    /// Whether the time limit expired first.
    pub(super) late: bool,
}

/// Asks one [`question`](super::answers::question).
pub(super) fn ask(
    url: &PgUrl,
    psql: &Tool,
    question: &str,
    waiting: Waiting<'_>,
) -> Result<Answers, SourceError> {
    let script = format!("BEGIN READ ONLY;\nSET LOCAL search_path = pg_catalog;\n{question}COMMIT;\n");
    run_strictly(url, psql, &script, waiting).map(|answer| Answers::read(&answer))
}

/// Runs SQL, under [`SETTINGS`].
pub(super) fn execute(url: &PgUrl, psql: &Tool, sql: &str, waiting: Waiting<'_>) -> Result<(), SourceError> {
    run_strictly(url, psql, sql, waiting).map(drop)
}

fn run_strictly(url: &PgUrl, psql: &Tool, sql: &str, waiting: Waiting<'_>) -> Result<Vec<u8>, SourceError> {
    let output = run(url, psql, &format!("{SETTINGS}{sql}"), OnError::Stop, waiting)?;
    if output.late {
        let detail = format!("no answer in {} seconds", waiting.at_most.unwrap_or_default().as_secs());
        return Err(SourceError::QueryFailed { place: url.place(), detail, state: None });
    }
    if output.ended.status.success() { Ok(output.answer) } else { Err(refusal(url, &output.ended)) }
}

/// Runs SQL and returns psql's output, even if it failed. The SQL goes through a pipe, so that no name appears in an
/// argument.
pub(super) fn run(
    url: &PgUrl,
    psql: &Tool,
    sql: &str,
    on_error: OnError,
    waiting: Waiting<'_>,
) -> Result<Output, SourceError> {
    waiting.stopper.check()?;
    url.suits(psql)?;
    let mut command = url.command(&psql.path);
    command.args(["-X", "-A", "-t", "-q", "-w", "-v", "VERBOSITY=verbose"]);
    command.args(match on_error {
        OnError::Stop => ["-v", "ON_ERROR_STOP=1"],
        OnError::Continue => ["-v", "ON_ERROR_ROLLBACK=on"],
    });
    // Names come back as UTF-8, whatever the server's encoding.
    command.args(["-f", "-"]).env("PGCLIENTENCODING", "UTF8").stdin(Stdio::piped()).stdout(Stdio::piped());
    let internal = |e: std::io::Error| SourceError::Internal(format!("psql: {e}"));
    let Started { process, stdin, stdout } = Process::start(command, url.secrets()).map_err(internal)?;
    let _watched = waiting.stopper.watch(&process);
    let alarm = waiting.at_most.map(|time| Alarm::set(time, process.clone()));
    // Whatever is injected into the SQL, psql does not take it for a command.
    let restrict = if psql.restricts() {
        format!("\\restrict {}\n", uuid::Uuid::new_v4().simple())
    } else {
        String::new()
    };
    let sql = format!("{restrict}{sql}");
    if let Some(mut stdin) = stdin {
        // If psql is already gone, its own output says why.
        drop(stdin.write_all(sql.as_bytes()));
    }
    let mut answer = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(MAX_ANSWER).read_to_end(&mut answer).map_err(internal)?;
    }
    let ended = process.wait().map_err(internal)?;
    let late = alarm.is_some_and(Alarm::rang);
    waiting.stopper.check()?;
    Ok(Output { answer, ended, late })
}

/// Ends a program when its time is up.
pub(super) struct Alarm {
    off: mpsc::Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Alarm {
    pub(super) fn set(time: Duration, process: Process) -> Self {
        let (off, wait) = mpsc::channel();
        let thread = thread::spawn(move || {
            let rang = wait.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout);
            if rang {
                process.end();
            }
            rang
        });
        Self { off, thread }
    }

    /// Stops the alarm. Returns whether it had already rung.
    pub(super) fn rang(self) -> bool {
        // It may have rung already.
        let _ = self.off.send(());
        self.thread.join().unwrap_or_default()
    }
}

/// Quotes a name for SQL.
pub(super) fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text for SQL, whatever the value of `standard_conforming_strings`.
pub(super) fn quote_text(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
