//! The bytes of one dump, and the proof that they are complete.

use std::io::{self, Read};

use super::{SourceError, Stopper, completeness::CompletenessCheck};
use crate::{
    error::Error,
    event::Warning,
    format::snapshot::{Origin, ScriptNeeds, Table},
    text,
    text::Text,
};

/// What is known about a complete dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    /// The program that produced the bytes, as far as it is known: `pg_dump`, `file`, `stdin`.
    pub tool: String,
    /// Its version; empty if it has none.
    pub tool_version: String,
    /// The dump's format, from the outermost layer inwards: `gzip, pg_dump SQL`. See [`super::completeness::Seen`].
    pub format: String,
    /// Whether the end of the dump itself was found. Otherwise only exit code and end of file show that it is
    /// complete.
    pub verified_end: bool,
    /// What the server needs for a restore, for SQL text of pg_dump.
    pub needs: Option<ScriptNeeds>,
    /// The database or file, without secrets. Begins with [`super::Source::place`].
    pub detail: String,
    /// The source's own identity, as far as it could be determined.
    pub origin: Origin,
    /// It is a file that changed while it was read, and that was allowed.
    pub changed: bool,
    /// Its tables right before the dump, if they could be determined.
    pub tables: Vec<Table>,
    /// The end of the dump program's error output, without secrets.
    pub stderr: String,
}

impl Complete {
    /// What is known before reading: the program and the source.
    #[must_use]
    pub fn new(tool: &str, version: &str, detail: String) -> Self {
        Self {
            tool: tool.to_owned(),
            tool_version: version.to_owned(),
            format: String::new(),
            verified_end: false,
            needs: None,
            detail,
            origin: Origin::default(),
            changed: false,
            tables: Vec::new(),
            stderr: String::new(),
        }
    }

    /// `pg_dump 15.20, pg_dump custom format`
    #[must_use]
    pub fn tool_line(&self) -> String {
        if self.tool_version.is_empty() {
            return self.format.clone();
        }
        format!("{} {}, {}", self.tool, self.tool_version, self.format)
    }
}

/// Where a dump's bytes come from.
pub trait Input: Send {
    /// Reads the next bytes; 0 at the end. Returns soon after `stopper` is used.
    ///
    /// # Errors
    /// [`io::Error`].
    fn read(&mut self, buffer: &mut [u8], stopper: &Stopper) -> io::Result<usize>;

    /// Checks whether the producer succeeded. Nothing more is read; `to_end`: everything was. Adds what is known only
    /// now to `complete`.
    ///
    /// # Errors
    /// [`SourceError`].
    fn check(&mut self, _complete: &mut Complete, _to_end: bool) -> Result<(), SourceError> {
        Ok(())
    }

    /// Stops the producer: the rest is not needed.
    fn end(&mut self) {}
}

/// One dump. Reading yields its bytes; at their end it is checked for completeness, and an incomplete dump ends with
/// an error ([`crate::error::Error::source_read`] extracts it from the [`io::Error`]).
pub struct DumpStream {
    input: Box<dyn Input>,
    check: CompletenessCheck,
    stopper: Stopper,
    complete: Complete,
    expected_bytes: Option<u64>,
    warnings: Vec<Warning>,
    outcome: Option<Result<(), SourceError>>,
}

impl DumpStream {
    /// `complete`: what is known before reading.
    #[must_use]
    pub fn new(input: impl Input + 'static, complete: Complete, stopper: Stopper) -> Self {
        Self {
            input: Box::new(input),
            check: CompletenessCheck::new(),
            stopper,
            complete,
            expected_bytes: None,
            warnings: Vec::new(),
            outcome: None,
        }
    }

    /// Sets the approximate size, if it is known.
    #[must_use]
    pub const fn expecting(mut self, bytes: Option<u64>) -> Self {
        self.expected_bytes = bytes;
        self
    }

    /// Sets the warnings for the user.
    #[must_use]
    pub fn warning(mut self, warnings: Vec<Warning>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Stops the dump from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Approximate size of the dump: the size of the database or file.
    #[must_use]
    pub const fn expected_bytes(&self) -> Option<u64> {
        self.expected_bytes
    }

    /// What the user should know before the dump begins.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Proves that everything was read and that it was complete.
    ///
    /// # Errors
    /// [`SourceError::DumpFailed`], [`SourceError::Incomplete`], also when it was not read to its end.
    pub fn finish(mut self) -> Result<Complete, SourceError> {
        match self.outcome.clone() {
            Some(Ok(())) => Ok(self.complete.clone()),
            Some(Err(error)) => Err(error),
            None => {
                self.input.end();
                Err(SourceError::Incomplete(text!("it was not read to its end")))
            }
        }
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        if self.stopper.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        let read = loop {
            let read = self.input.read(buffer, &self.stopper);
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
                self.check.feed(bytes).map_err(|broken| self.program_first(broken.0))?;
            }
            _ => self.verify_end()?,
        }
        Ok(read)
    }

    /// At the end of file: the program must have succeeded and the dump must have its own end.
    fn verify_end(&mut self) -> Result<(), SourceError> {
        self.check(true)?;
        let seen = self.check.finish().map_err(|broken| SourceError::Incomplete(broken.0))?;
        (self.complete.format, self.complete.verified_end) = (seen.to_string(), seen.verified);
        self.complete.needs = seen.needs;
        Ok(())
    }

    fn check(&mut self, to_end: bool) -> Result<(), SourceError> {
        let checked = self.input.check(&mut self.complete, to_end);
        if self.stopper.is_stopped() { Err(SourceError::Cancelled) } else { checked }
    }

    /// For invalid data: if the program failed, too, its own error comes first.
    fn program_first(&mut self, broken: Text) -> SourceError {
        self.input.end();
        match self.check(false) {
            Err(error @ (SourceError::Cancelled | SourceError::Changed { .. })) => error,
            _ => SourceError::Incomplete(broken),
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
            self.input.end();
        }
    }
}
