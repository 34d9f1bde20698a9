//! Standard input, tested by name only.

use client_core::source::{self, Engine};

use super::Fixture;

pub(super) struct Nothing;

impl Fixture for Nothing {
    fn engine(&self) -> &'static dyn Engine {
        source::engine("stdin").unwrap()
    }

    fn present(&self) -> String {
        "nightly".into()
    }

    fn absent(&self) -> Option<String> {
        None
    }

    fn can_be_read(&self) -> bool {
        false
    }
}
