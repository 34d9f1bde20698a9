//! Tests that apply to every key store.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use super::{FileKeyStore, KeptIn, KeyStore, MemoryKeyStore};
use crate::device::tests::sample;

struct Fixture {
    store: Arc<dyn KeyStore>,
    /// The same keys, as another process reaches them.
    other: Arc<dyn KeyStore>,
    home: tempfile::TempDir,
}

fn all() -> Vec<Fixture> {
    let home = || tempfile::tempdir().unwrap();
    let file = |passphrase: Option<&str>| {
        let home = home();
        let open = || Arc::new(FileKeyStore::new(home.path(), passphrase.map(Into::into)));
        Fixture { store: open(), other: open(), home }
    };
    let memory = Arc::new(MemoryKeyStore::default());
    let memory = Fixture { store: Arc::<MemoryKeyStore>::clone(&memory), other: memory, home: home() };
    vec![file(None), file(Some("correct horse")), memory]
}

/// A new kind does not compile here; then it needs a line in `all`.
#[test]
fn every_key_store_has_a_fixture() {
    let kind = |kept: &KeptIn| match kept {
        KeptIn::File(_) => "file",
        KeptIn::SealedFile(_) => "sealed file",
        KeptIn::Memory => "memory",
    };
    let found: Vec<_> = all().iter().map(|fixture| kind(&fixture.store.describe())).collect();
    assert_eq!(found, ["file", "sealed file", "memory"]);
}

#[test]
fn what_was_saved_last_is_loaded_until_it_is_deleted() {
    for Fixture { store, other, home: _home } in all() {
        let how = store.describe().to_string();
        assert!(!how.is_empty() && !how.contains("horse"), "{how}");
        assert!(store.load().unwrap().is_none(), "{how}");
        let mut secrets = sample();
        for email in ["first@example.com", "second@example.com"] {
            secrets.email = email.into();
            store.save(&secrets).unwrap();
            assert_eq!(store.load().unwrap().unwrap().email, email, "{how}");
            assert_eq!(other.load().unwrap().unwrap().email, email, "{how}");
        }
        for _ in 0..2 {
            store.delete().unwrap();
            assert!(store.load().unwrap().is_none(), "{how}");
        }
    }
}

#[test]
fn a_save_that_fails_leaves_what_was_saved() {
    // Memory never fails.
    for Fixture { store, home, .. } in all().into_iter().filter(|it| it.store.describe() != KeptIn::Memory) {
        let how = store.describe();
        let mut secrets = sample();
        secrets.email = "first@example.com".into();
        store.save(&secrets).unwrap();
        secrets.email = "second@example.com".into();
        let away = home.path().with_extension("away");
        fs::rename(home.path(), &away).unwrap();
        assert!(store.save(&secrets).is_err(), "{how}");
        fs::rename(&away, home.path()).unwrap();
        assert_eq!(store.load().unwrap().unwrap().email, "first@example.com", "{how}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "{how}: something was left behind");
    }
}

#[test]
fn a_lock_excludes_everybody_else_until_it_is_released() {
    for Fixture { store, other, home: _home } in all() {
        let how = store.describe();
        for _ in 0..2 {
            let held = store.lock().unwrap();
            assert!(held.is_some(), "{how}");
            assert!(other.lock().unwrap().is_none(), "{how}");
            drop(held);
            assert!(other.lock().unwrap().is_some(), "{how}");
        }
        let held = store.exclusive().unwrap();
        let (done, waiting) = mpsc::channel();
        let waits = thread::spawn(move || {
            for _ in 0..2 {
                drop(other.exclusive().unwrap());
                done.send(()).unwrap();
            }
        });
        // A time and no event: nothing must happen.
        assert!(waiting.recv_timeout(Duration::from_millis(200)).is_err(), "{how}");
        drop(held);
        for _ in 0..2 {
            assert!(waiting.recv_timeout(Duration::from_secs(10)).is_ok(), "{how}");
        }
        waits.join().unwrap();
    }
}
