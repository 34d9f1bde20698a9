//! The bytes of one dump, and the proof that they are all of it.

use std::{
    io::{self, Read},
    process::ChildStdout,
};

use super::{
    PgUrl, SourceError, fifo, file,
    process::Process,
    sentinel::Sentinel,
    stopper::{Stopper, Watched},
};
use crate::{
    error::Error,
    event::Warning,
    format::snapshot::{Origin, ScriptNeeds, Table},
};

/// What is known of a dump that went through whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    /// What made the bytes, as far as it is known: `pg_dump`, `file`, `stdin`.
    pub tool: String,
    /// Its version, empty when there is none.
    pub tool_version: String,
    /// What kind of dump the bytes are, from the outside in: `gzip, pg_dump SQL`. See [`super::sentinel::Seen`].
    pub format: String,
    /// Whether the dump's own end was found. Otherwise only exit code and end of file say that it is whole.
    pub verified_end: bool,
    /// What restoring it asks of a server, for SQL text of pg_dump.
    pub needs: Option<ScriptNeeds>,
    /// Which database or file, without secrets. Begins with [`super::PgUrl::place`] for a database.
    pub detail: String,
    /// What the source is by itself, as far as it could be asked.
    pub origin: Origin,
    /// It is a file that changed while it was read, which was allowed.
    pub changed: bool,
    /// Its tables, as they were right before the dump, when they could be asked for.
    pub tables: Vec<Table>,
    /// The end of what the dump program said, without secrets.
    pub stderr: String,
}

impl Complete {
    /// `pg_dump 15.20, pg_dump custom format`
    #[must_use]
    pub fn tool_line(&self) -> String {
        let mut line = self.tool.clone();
        if !self.tool_version.is_empty() {
            line.push(' ');
            line.push_str(&self.tool_version);
        }
        format!("{line}, {}", self.format)
    }
}

enum Input {
    Program { process: Process, stdout: ChildStdout },
    File(file::Input),
    Stdin,
}

/// One dump. Reading gives its bytes; at their end the proof is made, and a dump that is not whole ends
/// in an error ([`crate::error::Error::source_read`] gets it out of the [`io::Error`]).
pub struct DumpStream {
    input: Input,
    sentinel: Sentinel,
    stopper: Stopper,
    #[expect(dead_code, reason = "held, not read")]
    watched: Option<Watched>,
    kept: Option<PgUrl>,
    complete: Complete,
    expected_bytes: Option<u64>,
    warnings: Vec<Warning>,
    allow_changes: bool,
    outcome: Option<Result<(), SourceError>>,
}

impl DumpStream {
    fn new(input: Input, complete: Complete, stopper: Stopper) -> Self {
        let watched = match &input {
            Input::Program { process, .. } => Some(stopper.watch(process)),
            Input::File(_) | Input::Stdin => None,
        };
        Self {
            input,
            sentinel: Sentinel::new(),
            stopper,
            watched,
            kept: None,
            complete,
            expected_bytes: None,
            warnings: Vec::new(),
            allow_changes: false,
            outcome: None,
        }
    }

    pub(super) fn program(
        process: Process,
        stdout: ChildStdout,
        complete: Complete,
        stopper: Stopper,
    ) -> Self {
        Self::new(Input::Program { process, stdout }, complete, stopper)
    }

    pub(super) fn file(
        opened: file::Opened,
        name: String,
        origin: Origin,
        stopper: Stopper,
        allow_changes: bool,
    ) -> Self {
        let mut complete = Complete { origin, ..unmade("file", name) };
        if let Some(version) = opened.copied_by {
            (complete.tool, complete.tool_version) = ("sqlite".to_owned(), version.to_owned());
        }
        let mut stream = Self::new(Input::File(opened.input), complete, stopper);
        (stream.expected_bytes, stream.warnings) = (opened.size, opened.warnings);
        stream.allow_changes = allow_changes;
        stream
    }

    pub(super) fn stdin(stopper: Stopper) -> Self {
        Self::new(Input::Stdin, unmade("stdin", "standard input".into()), stopper)
    }

    /// With about this many bytes, when that is known.
    pub(super) const fn expecting(mut self, bytes: Option<u64>) -> Self {
        self.expected_bytes = bytes;
        self
    }

    /// What its program needs while it runs: a URL's files go with it.
    pub(super) fn keeping(mut self, url: PgUrl) -> Self {
        self.kept = Some(url);
        self
    }

    /// With this for a person to know.
    pub(super) fn warning(mut self, warnings: Vec<Warning>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Ends the dump from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// About how large the dump will be: the size of the database or of the file.
    #[must_use]
    pub const fn expected_bytes(&self) -> Option<u64> {
        self.expected_bytes
    }

    /// What a person should know before the dump begins.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Proof that everything was read and that it was everything.
    ///
    /// # Errors
    /// [`SourceError::DumpFailed`], [`SourceError::Incomplete`], also when it was not read to its end.
    pub fn finish(mut self) -> Result<Complete, SourceError> {
        match self.outcome.clone() {
            Some(Ok(())) => Ok(self.complete.clone()),
            Some(Err(error)) => Err(error),
            None => {
                self.stop_program();
                Err(SourceError::Incomplete("it was not read to its end".into()))
            }
        }
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        if self.stopper.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        let read = loop {
            let read = match &mut self.input {
                Input::Program { stdout, .. } => stdout.read(buffer),
                Input::File(file::Input::File(file)) => file.read(buffer),
                Input::File(file::Input::Disk(disk)) => disk.read(buffer),
                Input::File(file::Input::Pipe(pipe)) => pipe.read(buffer, self.stopper.flag()),
                Input::Stdin => fifo::read_stdin(buffer, self.stopper.flag()),
            };
            match read {
                Err(e) if e.kind() == io::ErrorKind::Interrupted && !self.stopper.is_stopped() => {}
                other => break other,
            }
        };
        if self.stopper.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        let read = read.map_err(|e| SourceError::Unreadable {
            what: self.complete.detail.clone(),
            detail: e.to_string(),
        })?;
        match buffer.get(..read) {
            Some(bytes) if read > 0 => {
                self.sentinel.feed(bytes).map_err(|broken| self.program_first(broken.to_string()))?;
            }
            _ => self.prove()?,
        }
        Ok(read)
    }

    /// End of file: the program must have ended well and the dump must have its own end.
    fn prove(&mut self) -> Result<(), SourceError> {
        self.check_program()?;
        self.check_file(true)?;
        let seen = self.sentinel.finish().map_err(|broken| SourceError::Incomplete(broken.to_string()))?;
        (self.complete.format, self.complete.verified_end) = (seen.to_string(), seen.verified);
        self.complete.needs = seen.needs;
        Ok(())
    }

    /// A file must be the one that it was.
    fn check_file(&mut self, to_end: bool) -> Result<(), SourceError> {
        let Input::File(file::Input::File(file)) = &self.input else { return Ok(()) };
        let what = &self.complete.detail;
        let changed = file
            .changed(to_end)
            .map_err(|e| SourceError::Unreadable { what: what.clone(), detail: e.to_string() })?;
        match changed {
            None => Ok(()),
            Some(_) if self.allow_changes => {
                self.complete.changed = true;
                Ok(())
            }
            Some(how) => Err(SourceError::Changed { what: what.clone(), how }),
        }
    }

    fn check_program(&mut self) -> Result<(), SourceError> {
        let Input::Program { process, .. } = &self.input else { return Ok(()) };
        let ended = process.wait().map_err(|e| SourceError::Internal(format!("waiting for pg_dump: {e}")))?;
        if self.stopper.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        if !ended.status.success() {
            return Err(SourceError::DumpFailed {
                tool: format!("{} {}", self.complete.tool, self.complete.tool_version),
                how: ended.how(),
                detail: ended.detail(),
            });
        }
        self.complete.stderr = ended.said;
        Ok(())
    }

    /// Bytes that make no sense: the program's own words come first, when it failed too.
    fn program_first(&mut self, broken: String) -> SourceError {
        self.stop_program();
        match self.check_program().and_then(|()| self.check_file(false)) {
            Err(error @ (SourceError::Cancelled | SourceError::Changed { .. })) => error,
            _ => SourceError::Incomplete(broken),
        }
    }

    fn stop_program(&mut self) {
        if let Input::Program { process, .. } = &self.input {
            process.end();
        }
    }
}

impl Read for DumpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.outcome {
            Some(Ok(())) => return Ok(0),
            Some(Err(error)) => return Err(Error::from(error.clone()).into_io()),
            None if buffer.is_empty() => return Ok(0),
            None => {}
        }
        match self.next(buffer) {
            Ok(0) => {
                self.outcome = Some(Ok(()));
                Ok(0)
            }
            Ok(read) => Ok(read),
            Err(error) => {
                self.outcome = Some(Err(error.clone()));
                Err(Error::from(error).into_io())
            }
        }
    }
}

impl Drop for DumpStream {
    fn drop(&mut self) {
        if !matches!(self.outcome, Some(Ok(()))) {
            self.stop_program();
        }
    }
}

fn unmade(tool: &str, detail: String) -> Complete {
    Complete {
        tool: tool.to_owned(),
        tool_version: String::new(),
        format: String::new(),
        verified_end: false,
        needs: None,
        changed: false,
        detail,
        origin: Origin::default(),
        tables: Vec::new(),
        stderr: String::new(),
    }
}
