//! Ends whatever is waited for, from another thread: a dump or a restore until its commit, and every look before it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{SourceError, process::Process};

/// Ends an operation from another thread. Clones are handles on the same one.
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
    /// Ends what runs now and keeps anything else from starting: programs and their database sessions go away.
    /// Nothing happens once a commit has begun. Returns at once.
    pub fn stop(&self) {
        let state = self.state();
        if !state.committing && !self.0.stopped.swap(true, Ordering::SeqCst) {
            state.running.iter().for_each(Process::ask_to_end);
        }
    }

    /// From here on it is not stopped any more.
    pub(super) fn begin_commit(&self) -> Result<(), SourceError> {
        let mut state = self.state();
        self.check()?;
        state.committing = true;
        Ok(())
    }

    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// [`SourceError::Cancelled`] once somebody asked to stop.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        if self.is_stopped() { Err(SourceError::Cancelled) } else { Ok(()) }
    }

    /// Ends this program, too, when it is asked to stop, until the returned value is dropped.
    pub(super) fn watch(&self, process: &Process) -> Watched {
        self.state().running.push(process.clone());
        // Whoever stopped it between the start and here did not see it.
        if self.is_stopped() {
            process.ask_to_end();
        }
        Watched { stopper: self.clone(), process: process.clone() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program that a [`Stopper`] knows.
pub(super) struct Watched {
    stopper: Stopper,
    process: Process,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stopper.state().running.retain(|known| !known.is(&self.process));
    }
}
