//! A file.

use std::{fs, sync::LazyLock};

use client_core::source::{self, Engine};
use tempfile::TempDir;

use super::Fixture;

pub(super) struct OneFile;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.dump"), vec![7; 100_000]).unwrap();
    folder
});

fn named(name: &str) -> String {
    FOLDER.path().join(name).display().to_string()
}

impl Fixture for OneFile {
    fn engine(&self) -> &'static dyn Engine {
        source::engine("file").unwrap()
    }

    fn present(&self) -> String {
        named("shop.dump")
    }

    fn absent(&self) -> Option<String> {
        Some(named("absent"))
    }
}
