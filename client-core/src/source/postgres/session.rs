//! A session that stays open to hold the lock that says "this restore is alive".

use std::{
    io::{BufReader, Read, Write},
    process::{ChildStdin, ChildStdout, Stdio},
};

use super::{PgUrl, refusal::refusal, tools::Tool};
use crate::source::{
    SourceError,
    process::{Process, Started},
    stopper::Stopper,
};

/// Notices a dead network within half a minute. This session's messages are short, so a peer with a full window is
/// never taken for a dead one. Everything else comes from the environment.
const WATCHFUL: &str = "keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=30000";
/// Options of every restoring session, if the connection accepts any: they apply from the first statement on, whatever
/// is set for role and database.
pub(super) const OPTIONS: &str = "-c sealkeep.direct=1 -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off";
/// Sent first in every restoring session: the server notices within half a minute that we are gone, and no setting of
/// a role or database can end us halfway. Settings unknown to a server are skipped.
pub(super) const SETTINGS: &str = "
SET client_min_messages = warning;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET default_transaction_read_only = off;
SET search_path = pg_catalog;
SELECT set_config(s.name, v.value, false)
  FROM (VALUES ('transaction_timeout', '0'), ('idle_session_timeout', '0'),
               ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
               ('tcp_user_timeout', '30000'), ('client_connection_check_interval', '10000')) v(name, value)
  JOIN pg_settings s ON s.name = v.name
 WHERE s.name <> 'client_connection_check_interval' OR version() !~* 'visual c|mingw|msvc|windows';
RESET search_path;
";
/// Longer answers are not ours, bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A psql that is kept open. It and its session end when this value is dropped or this process ends.
pub(super) struct Session {
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    url: PgUrl,
    mark: String,
    /// The key of `\restrict`, under which psql obeys no command while it reads SQL.
    key: Option<String>,
    stopper: Stopper,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// Same as [`super::psql::ask`].
    pub(super) fn open(url: &PgUrl, psql: &Tool, stopper: &Stopper) -> Result<Self, SourceError> {
        let mut command = url.command(&psql.path);
        command
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-w",
                "-v",
                "VERBOSITY=verbose",
                "-v",
                "ON_ERROR_STOP=1",
                "-f",
                "-",
            ])
            .args(["-d", WATCHFUL])
            .env("PGCLIENTENCODING", "UTF8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let internal = |e: std::io::Error| SourceError::Internal(format!("psql: {e}"));
        let Started { process, stdin, stdout } = Process::start(command, url.secrets()).map_err(internal)?;
        let stdout = stdout.ok_or_else(|| SourceError::Internal("psql has no output".into()))?;
        let mark = format!("sealkeep:{}", uuid::Uuid::new_v4().simple());
        let key = psql.restricts().then(|| uuid::Uuid::new_v4().simple().to_string());
        let mut session = Self {
            process,
            stdin,
            stdout: BufReader::new(stdout),
            url: url.clone(),
            mark,
            key,
            stopper: stopper.clone(),
        };
        session.execute(SETTINGS)?;
        Ok(session)
    }

    /// Runs SQL. An error ends the session.
    ///
    /// # Errors
    /// The server's error message.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(), SourceError> {
        self.stopper.check()?;
        // Stoppable only while waiting: an idle session keeps its lock until its restore has been undone.
        let _watched = self.stopper.watch(&self.process);
        let Some(stdin) = &mut self.stdin else {
            return Err(SourceError::Internal("the session with the database server is over".into()));
        };
        let restricted = match &self.key {
            Some(key) => format!("\\restrict {key}\n{sql}\n\\unrestrict {key}"),
            None => sql.to_owned(),
        };
        // If psql is already gone, its own output says why.
        let asked = stdin.write_all(format!("{restricted}\n\\echo {}\n", self.mark).as_bytes());
        drop(asked.and_then(|()| stdin.flush()));
        let end = format!("{}\n", self.mark);
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(end.as_bytes()) {
            match self.stdout.read(&mut byte) {
                Ok(1..) if answer.len() < MAX_ANSWER => answer.extend_from_slice(&byte),
                _ => return Err(self.ended()),
            }
        }
        Ok(())
    }

    fn ended(&mut self) -> SourceError {
        drop(self.stdin.take());
        match self.process.wait() {
            Ok(_) if self.stopper.is_stopped() => SourceError::Cancelled,
            Ok(ended) => refusal(&self.url, &ended),
            Err(e) => SourceError::Internal(format!("psql: {e}")),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Nothing is in progress between two questions: the end of its input ends psql and the session.
        drop(self.stdin.take());
        self.process.wait_or_end();
    }
}
