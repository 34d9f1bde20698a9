//! Whether the service can work, as it was found last.

use std::sync::{Mutex, PoisonError};

/// What the last look found: a sentence, or nothing amiss.
#[derive(Debug)]
pub(crate) struct Readiness(Mutex<Result<(), String>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Mutex::new(Err("not looked yet".into())))
    }
}

impl Readiness {
    pub(crate) fn set(&self, found: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    pub(crate) fn get(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
