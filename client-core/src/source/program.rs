//! A dump written by a program.

use std::{
    io::{self, Read},
    process::ChildStdout,
};

use super::{Complete, SourceError, Stopper, process::Process, stopper::Watched, stream::Input};

/// A running dump program, ended on drop. Fields are dropped in this order: what the program needs goes last.
pub(super) struct Program {
    process: Process,
    stdout: ChildStdout,
    #[expect(dead_code, reason = "held, not read")]
    watched: Watched,
    #[expect(dead_code, reason = "held, not read")]
    kept: Box<dyn Send>,
}

impl Program {
    /// `kept`: what it needs while it runs.
    pub(super) fn new(
        process: Process,
        stdout: ChildStdout,
        stopper: &Stopper,
        kept: impl Send + 'static,
    ) -> Self {
        let watched = stopper.watch(&process);
        Self { process, stdout, watched, kept: Box::new(kept) }
    }
}

impl Input for Program {
    fn read(&mut self, buffer: &mut [u8], _stopper: &Stopper) -> io::Result<usize> {
        self.stdout.read(buffer)
    }

    fn check(&mut self, complete: &mut Complete, _to_end: bool) -> Result<(), SourceError> {
        let ended = self
            .process
            .wait()
            .map_err(|e| SourceError::Internal(format!("waiting for {}: {e}", complete.tool)))?;
        if !ended.status.success() {
            return Err(SourceError::DumpFailed {
                tool: format!("{} {}", complete.tool, complete.tool_version),
                how: ended.how(),
                detail: ended.detail(),
            });
        }
        complete.stderr = ended.stderr;
        Ok(())
    }

    fn end(&mut self) {
        self.process.end();
    }
}
