//! Stops blocking operations from another thread: a dump, a restore until its commit, and the checks before them.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{SourceError, process::Process};

/// Stops an operation from another thread. Clones refer to the same operation.
#[derive(Clone, Default)]
pub struct Stopper(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    committing: bool,
    running: Vec<Process>,
}

impl Stopper {
    /// Stops what is running and prevents anything else from starting: ends programs and their database sessions. Does
    /// nothing once a commit has begun. Returns at once.
    pub fn stop(&self) {
        let state = self.state();
        if !state.committing && !self.0.stopped.swap(true, Ordering::SeqCst) {
            state.running.iter().for_each(Process::request_end);
        }
    }

    /// From here on it can no longer be stopped.
    pub(super) fn begin_commit(&self) -> Result<(), SourceError> {
        let mut state = self.state();
        self.check()?;
        state.committing = true;
        Ok(())
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// [`SourceError::Cancelled`] once a stop was requested.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        if self.is_stopped() { Err(SourceError::Cancelled) } else { Ok(()) }
    }

    /// Also ends this program on a stop, until the returned value is dropped.
    pub(super) fn watch(&self, process: &Process) -> Watched {
        self.state().running.push(process.clone());
        // A stop between the program's start and here would otherwise miss it.
        if self.is_stopped() {
            process.request_end();
        }
        Watched { stopper: self.clone(), process: process.clone() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program registered with a [`Stopper`].
pub(super) struct Watched {
    stopper: Stopper,
    process: Process,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stopper.state().running.retain(|known| !known.is(&self.process));
    }
}
