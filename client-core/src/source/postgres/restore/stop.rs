//! Ends a restore from any thread, until the moment of its commit.

use std::sync::{Arc, Mutex, PoisonError};

use crate::source::{SourceError, process::Process};

/// Ends what a restore started. Clones end the same restore.
#[derive(Clone, Default)]
pub struct Stop(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stopped: bool,
    committing: bool,
    processes: Vec<Process>,
}

impl Stop {
    /// Ends it: its programs and their sessions go. Nothing happens once the commit has begun. Returns at once.
    pub fn stop(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.committing || state.stopped {
            return;
        }
        state.stopped = true;
        for process in state.processes.drain(..) {
            process.ask_to_end();
        }
    }

    /// A program that goes when the restore is stopped.
    pub(super) fn watch(&self, process: &Process) -> Result<(), SourceError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return Err(SourceError::Cancelled);
        }
        state.processes.push(process.clone());
        Ok(())
    }

    /// From here on it is not stopped any more.
    pub(super) fn begin_commit(&self) -> Result<(), SourceError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return Err(SourceError::Cancelled);
        }
        state.committing = true;
        state.processes.clear();
        Ok(())
    }

    /// Whether somebody asked to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stopped
    }
}
