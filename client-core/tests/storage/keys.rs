//! Wraps, the keyring and the recovery file: who can open them, who cannot, and the error then. Numbers are those of
//! tests/negative-tests.md.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use api_types::AccountId;
use client_core::crypto::{
    AccountSecret, Amk, Keyring, ReadIdentity, RecoveryWords, recovery,
    recovery::RecoveryError,
    wrap::{self, Scope, WrapError},
};
use common::*;
use secrecy::ExposeSecret;

const ACCOUNT: AccountId = AccountId::from_bytes([0x61; 16]);
const EXPORT_KEY: [u8; 64] = [0x62; 64];

fn scope() -> Scope {
    Scope { vault: VAULT, epoch: 1, version: 3 }
}

#[test]
fn n10_password_without_account_secret_opens_nothing() {
    let (amk, secret) = (Amk::generate(), AccountSecret::generate());
    let wrapped = wrap::seal_amk(&amk, &EXPORT_KEY, &secret, ACCOUNT, scope()).unwrap();
    let open = |export: &[u8], secret: &AccountSecret, account, vault| {
        wrap::open_amk(&wrapped, export, secret, account, vault).map(|(amk, scope)| (*amk.expose(), scope))
    };
    assert_eq!(open(&EXPORT_KEY, &secret, ACCOUNT, VAULT), Ok((*amk.expose(), scope())));
    assert_eq!(open(&EXPORT_KEY, &AccountSecret::generate(), ACCOUNT, VAULT), Err(WrapError::WrongKey));
    assert_eq!(open(&[0x63; 64], &secret, ACCOUNT, VAULT), Err(WrapError::WrongKey));
    assert_eq!(open(&EXPORT_KEY, &secret, AccountId::from_bytes([9; 16]), VAULT), Err(WrapError::WrongKey));
    // 80: from another vault
    assert_eq!(open(&EXPORT_KEY, &secret, ACCOUNT, OTHER_VAULT), Err(WrapError::Elsewhere));
    for at in 0..wrapped.len() {
        let mut damaged = wrapped.clone();
        damaged[at] ^= 1;
        assert!(wrap::open_amk(&damaged, &EXPORT_KEY, &secret, ACCOUNT, VAULT).is_err(), "byte {at}");
        assert!(wrap::open_amk(&wrapped[..at], &EXPORT_KEY, &secret, ACCOUNT, VAULT).is_err(), "{at} bytes");
    }
}

fn parts(keyring: &Keyring) -> Vec<u8> {
    keyring.to_bytes().unwrap().to_vec()
}

#[test]
fn n80_a_keyring_of_another_vault_epoch_or_key_does_not_open() {
    let (amk, keyring) = (Amk::generate(), Keyring::generate(VAULT));
    let wrapped = wrap::seal_keyring(&keyring, &amk).unwrap();
    assert_eq!(parts(&wrap::open_keyring(&wrapped, &amk, VAULT).unwrap()), parts(&keyring));
    assert_eq!(wrap::open_keyring(&wrapped, &Amk::generate(), VAULT).err(), Some(WrapError::WrongKey));
    assert_eq!(wrap::open_keyring(&wrapped, &amk, OTHER_VAULT).err(), Some(WrapError::Elsewhere));
    for at in [25, 28, 29, 32, 33, 65, 97, wrapped.len() - 1] {
        let mut damaged = wrapped.clone();
        damaged[at] ^= 1;
        assert!(wrap::open_keyring(&damaged, &amk, VAULT).is_err(), "byte {at}");
    }
    // One kind of wrap is not accepted as the other.
    let secret = AccountSecret::generate();
    let password = wrap::seal_amk(&amk, &EXPORT_KEY, &secret, ACCOUNT, scope()).unwrap();
    assert_eq!(wrap::open_keyring(&password, &amk, VAULT).err(), Some(WrapError::Elsewhere));
}

#[test]
fn a_keyring_that_is_not_whole_is_refused() {
    let keyring = Keyring::generate(VAULT);
    let bytes = parts(&keyring);
    assert_eq!(parts(&Keyring::from_bytes(&bytes).unwrap()), bytes);
    for len in 0..bytes.len() {
        assert!(Keyring::from_bytes(&bytes[..len]).is_err());
    }
    let mut newer = bytes;
    newer[1] = 2;
    let error = client_core::error::Error::from(Keyring::from_bytes(&newer).err().unwrap());
    assert!(error.next_step().contains("update"), "{error:?}");
    let build = |(version, epoch), identities, domains| {
        let root = client_core::crypto::SigningRoot::generate();
        Keyring::from_parts(VAULT, (version, epoch), identities, root, domains).is_ok()
    };
    let domain = client_core::crypto::Domain::generate;
    assert!(build((1, 2), vec![ReadIdentity::generate(1), ReadIdentity::generate(2)], vec![domain()]));
    assert!(!build((1, 2), vec![ReadIdentity::generate(1)], vec![domain()]));
    assert!(!build((1, 1), vec![ReadIdentity::generate(1), ReadIdentity::generate(1)], vec![domain()]));
    assert!(!build((0, 1), vec![ReadIdentity::generate(1)], vec![domain()]));
    assert!(!build((1, 1), vec![ReadIdentity::generate(1)], Vec::new()));
}

#[test]
fn the_recovery_file_opens_with_the_words_alone() {
    let (amk, secret, keyring) = (Amk::generate(), AccountSecret::generate(), Keyring::generate(VAULT));
    let words = RecoveryWords::generate().unwrap();
    let file =
        recovery::seal(&words.recipient().unwrap(), &keyring, &amk, &secret, ACCOUNT, Some("a@b.example"))
            .unwrap();

    let typed = RecoveryWords::parse(words.phrase().expose_secret()).unwrap();
    let recovered = recovery::open(&file, &typed.identity().unwrap()).unwrap();
    assert_eq!(parts(&recovered.keyring), parts(&keyring));
    assert_eq!(recovered.amk.expose(), amk.expose());
    assert_eq!(recovered.account_secret.expose(), secret.expose());
    assert_eq!(recovered.account, ACCOUNT);
    assert_eq!(recovered.email.as_deref(), Some("a@b.example"));

    let others = RecoveryWords::generate().unwrap().identity().unwrap();
    assert_eq!(recovery::open(&file, &others).err(), Some(RecoveryError::WrongWords));
    assert_eq!(
        recovery::open(&file[..file.len() - 1], &typed.identity().unwrap()).err(),
        Some(RecoveryError::Damaged)
    );
    assert_eq!(recovery::open(b"{}", &typed.identity().unwrap()).err(), Some(RecoveryError::Damaged));
}
