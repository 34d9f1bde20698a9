//! Why a step of a story failed, in a sentence.

use std::{fmt, io, result};

/// One sentence.
#[derive(PartialEq, Eq)]
pub struct Failure(String);

/// The result of a step.
pub type Result<T> = result::Result<T, Failure>;

impl Failure {
    /// From a sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// What `unwrap` prints in a story.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("not the JSON that was promised: {error}"))
    }
}

/// Adds what was being done to a failure.
pub trait Context<T> {
    /// Prepends `what`.
    ///
    /// # Errors
    /// The same failure with its context.
    fn context(self, what: &str) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for result::Result<T, E> {
    fn context(self, what: &str) -> Result<T> {
        self.map_err(|e| Failure(format!("{what}: {e}")))
    }
}
