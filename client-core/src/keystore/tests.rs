//! Tests that apply to every key store.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{sync::mpsc, thread, time::Duration};

use super::{FileKeyStore, KeyStore, MemoryKeyStore};
use crate::device::tests::sample;

/// A key store and its temporary directory.
type Kept = (Box<dyn KeyStore>, tempfile::TempDir);

fn all() -> Vec<Kept> {
    let home = || tempfile::tempdir().unwrap();
    let file = |passphrase: Option<&str>| {
        let home = home();
        let store = FileKeyStore::new(home.path(), passphrase.map(Into::into));
        (Box::new(store) as Box<dyn KeyStore>, home)
    };
    vec![file(None), file(Some("correct horse")), (Box::new(MemoryKeyStore::default()), home())]
}

#[test]
fn what_was_saved_last_is_loaded_until_it_is_deleted() {
    for (store, _home) in all() {
        let how = store.describe().to_string();
        assert!(!how.is_empty() && !how.contains("horse"), "{how}");
        assert!(store.load().unwrap().is_none(), "{how}");
        let mut secrets = sample();
        for email in ["first@example.com", "second@example.com"] {
            secrets.email = email.into();
            store.save(&secrets).unwrap();
            assert_eq!(store.load().unwrap().unwrap().email, email, "{how}");
        }
        for _ in 0..2 {
            store.delete().unwrap();
            assert!(store.load().unwrap().is_none(), "{how}");
        }
    }
}

#[test]
fn a_released_lock_can_be_acquired_again() {
    for (store, _home) in all() {
        for _ in 0..2 {
            let held = store.lock().unwrap();
            assert!(held.is_some(), "{}", store.describe());
            drop(held);
            let (done, waiting) = mpsc::channel();
            thread::scope(|scope| {
                let store = &store;
                scope.spawn(move || {
                    drop(store.exclusive().unwrap());
                    drop(store.exclusive().unwrap());
                    done.send(()).unwrap();
                });
                assert!(waiting.recv_timeout(Duration::from_secs(10)).is_ok(), "{}", store.describe());
            });
        }
    }
}
