//! Reads the beginning of an archive with a `pg_restore` that never connects, before anything is changed.

use std::{
    io::{ErrorKind, Read, Write},
    process::{ChildStdin, ChildStdout, Stdio},
    thread::{self, JoinHandle},
};

use super::super::{PgUrl, tools::Tool};
use crate::{
    format::snapshot::DatabaseProperties,
    source::{
        SourceError,
        process::{Process, Started},
        script::{Policy, ScriptError, ScriptFilter},
        stopper::{Stopper, Watched},
    },
};

/// Give up on a longer table of contents, bytes.
const MAX_HEAD: usize = 256 * 1024 * 1024;
/// Bytes examined at once.
const PIECE: usize = 64 * 1024;

/// `pg_restore` on the beginning of an archive. It ends once it has seen the table of contents.
pub(super) struct ArchiveHead<T> {
    process: Process,
    _watched: Watched,
    stdin: Option<ChildStdin>,
    seen: Option<JoinHandle<T>>,
    fed: usize,
}

impl<T: Send + 'static> ArchiveHead<T> {
    /// `read` gets its output, and reads it to the end.
    pub(super) fn start(
        url: &PgUrl,
        tool: &Tool,
        arguments: &[&str],
        stopper: &Stopper,
        read: impl FnOnce(ChildStdout) -> T + Send + 'static,
    ) -> Result<Self, SourceError> {
        stopper.check()?;
        let mut command = url.command(&tool.path);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let internal = |e: std::io::Error| SourceError::Internal(format!("{}: {e}", tool.path.display()));
        let Started { process, stdin, stdout } = Process::start(command, url.secrets()).map_err(internal)?;
        let seen = stdout.map(|stdout| thread::spawn(move || read(stdout)));
        Ok(Self { _watched: stopper.watch(&process), process, stdin, seen, fed: 0 })
    }

    /// Feeds the next bytes of the archive; `true` if no more are needed.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> bool {
        self.fed += bytes.len();
        let Some(stdin) = &mut self.stdin else { return true };
        match stdin.write_all(bytes) {
            Ok(()) => self.fed > MAX_HEAD || self.seen.as_ref().is_none_or(JoinHandle::is_finished),
            Err(e) => e.kind() == ErrorKind::BrokenPipe || self.fed > MAX_HEAD,
        }
    }

    /// The result, if it saw the whole table of contents.
    pub(super) fn end(mut self) -> Option<T> {
        drop(self.stdin.take());
        self.process.wait_or_end();
        let whole = self.process.wait().is_ok_and(|ended| ended.status.success());
        let seen = self.seen.take().and_then(|thread| thread.join().ok());
        seen.filter(|_| whole)
    }
}

impl<T> Drop for ArchiveHead<T> {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.process.wait_or_end();
    }
}

/// What a dump's definitions require of a server, and what they say about the database.
pub(super) type Definitions = Result<Option<DatabaseProperties>, ScriptError>;

/// Runs all definitions of an archive, including those after its rows, through the filter.
pub(super) fn definitions(
    url: &PgUrl,
    tool: &Tool,
    policy: &Policy,
    stopper: &Stopper,
) -> Result<ArchiveHead<Definitions>, SourceError> {
    let policy = Policy { one_transaction: false, ..policy.clone() };
    ArchiveHead::start(url, tool, &["-f", "-", "--schema-only", "--create"], stopper, |stdout| {
        filtered(stdout, policy)
    })
}

fn filtered(mut stdout: ChildStdout, policy: Policy) -> Definitions {
    let mut filter = ScriptFilter::new(policy);
    let (mut piece, mut passed, mut read) = (vec![0; PIECE], Vec::new(), Ok(()));
    loop {
        match stdout.read(&mut piece) {
            Ok(0) => break,
            Ok(n) if read.is_ok() => {
                passed.clear();
                read = filter.push(piece.get(..n).unwrap_or_default(), &mut passed);
                filter.turns();
            }
            // It must not block on us.
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Ok(None),
        }
    }
    read?;
    filter.finish(&mut passed)?;
    Ok(filter.database().cloned())
}
