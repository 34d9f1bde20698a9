//! The result of the last readiness check.

use std::sync::{Mutex, PoisonError};

/// The problem found by the last check, if any.
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
