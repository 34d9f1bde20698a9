//! Toy databases.

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

use client_core::source::Engine;

use super::{
    Fixture,
    toy::{self, Toy},
};

pub(super) struct Toys;

static FILLED: LazyLock<()> = LazyLock::new(|| toy::fill("filled", "one\ntwo\nthree\n"));

impl Fixture for Toys {
    fn engine(&self) -> &'static dyn Engine {
        &Toy
    }

    fn present(&self) -> String {
        *FILLED;
        format!("toy://ada:{}@filled", super::SECRETS[0])
    }

    fn absent(&self) -> Option<String> {
        Some("toy://absent".into())
    }

    fn fresh(&self) -> Option<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Some(format!("toy://fresh{}", NEXT.fetch_add(1, Ordering::SeqCst)))
    }

    fn content(&self, text: &str) -> Option<String> {
        toy::content(text.rsplit(['/', '@']).next()?)
    }
}
