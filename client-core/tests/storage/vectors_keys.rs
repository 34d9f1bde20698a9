//! Wrapped keys, recovery words and recovery files as files that never change: `testdata/vectors/wrap.json`,
//! `recovery.json`. See `vectors.rs`.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use api_types::AccountId;
use client_core::{
    chunk::ChunkerParams,
    crypto::{
        AccountSecret, Amk, Domain, IndexKey, Keyring, RecoveryIdentity, RecoveryWords, SigningRoot,
        kek_password, recovery, wrap,
    },
    id::DomainId,
};
use common::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const ACCOUNT: AccountId = AccountId::from_bytes([0x61; 16]);

fn keyring() -> Keyring {
    let domain = Domain {
        id: DomainId::from_bytes([0x71; 16]),
        chunk_id_key: ids(),
        chunker_key: chunker(),
        chunker_params: ChunkerParams::default(),
        index_key: IndexKey::from_bytes(&[0x73; 32]),
    };
    let root = SigningRoot::from_seed(&[0x76; 32]);
    Keyring::from_parts(VAULT, (5, EPOCH), identities().into(), root, vec![domain]).unwrap()
}

fn scope() -> wrap::Scope {
    wrap::Scope { vault: VAULT, epoch: EPOCH, version: 2 }
}

fn make_wrap() -> Value {
    let (amk, secret, salt) =
        (Amk::from_bytes(&[0x63; 32]), AccountSecret::from_bytes(&[0x64; 16]), [0x65; 32]);
    let kek = kek_password(&[0x62; 64], &secret, ACCOUNT);
    json!({
        "vault": VAULT.to_string(), "account": ACCOUNT.to_string(), "export_key": hex::encode([0x62; 64]), "account_secret": hex::encode(secret.expose()),
        "amk": hex::encode(amk.expose()), "salt": hex::encode(salt), "epoch": EPOCH, "version": 2, "kek_password": hex::encode(kek.expose()),
        "password_wrap": hex::encode(wrap::seal_amk_with_salt(&amk, &kek, scope(), &salt).unwrap()),
        "keyring": hex::encode(&*keyring().to_bytes().unwrap()),
        "keyring_wrap": hex::encode(wrap::seal_keyring_with_salt(&keyring(), &amk, &salt).unwrap()),
    })
}

#[test]
fn wraps_open_forever_and_are_still_written_the_same() {
    let vector = vector_made_by("wrap", make_wrap);
    assert_eq!(vector, make_wrap());
    let secret = AccountSecret::from_bytes(&array(&vector["account_secret"]));
    let export_key = bytes(&vector["export_key"]);
    let (amk, found) =
        wrap::open_amk(&bytes(&vector["password_wrap"]), &export_key, &secret, ACCOUNT, VAULT).unwrap();
    assert_eq!((hex::encode(amk.expose()), found), (vector["amk"].as_str().unwrap().to_owned(), scope()));
    let keyring = wrap::open_keyring(&bytes(&vector["keyring_wrap"]), &amk, VAULT).unwrap();
    assert_eq!(hex::encode(&*keyring.to_bytes().unwrap()), vector["keyring"]);
}

fn make_recovery() -> Value {
    let (amk, secret) = (Amk::from_bytes(&[0x63; 32]), AccountSecret::from_bytes(&[0x64; 16]));
    let cases: Vec<Value> = [[0x41; 32], [0; 32], [0x7f; 32], [0xff; 32]]
        .iter()
        .map(|entropy| {
            let words = RecoveryWords::from_entropy(entropy).unwrap();
            let identity = words.identity().unwrap();
            json!({ "entropy": hex::encode(entropy), "words": words.phrase().expose_secret(),
                    "identity": identity.expose().expose_secret(), "recipient": identity.recipient().to_string() })
        })
        .collect();
    let recipient = recovery_words().recipient().unwrap();
    let file = recovery::seal(&recipient, &keyring(), &amk, &secret, ACCOUNT, Some("a@b.example")).unwrap();
    json!({ "cases": cases, "about": "recovery_file opens with the first case and holds the keyring of wrap.json", "recovery_file": hex::encode(file) })
}

#[test]
fn words_and_recovery_files_open_forever() {
    let vector = vector_made_by("recovery", make_recovery);
    for case in vector["cases"].as_array().unwrap() {
        let words = RecoveryWords::parse(case["words"].as_str().unwrap()).unwrap();
        let identity = words.identity().unwrap();
        assert_eq!(case["identity"], identity.expose().expose_secret());
        assert_eq!(case["recipient"], identity.recipient().to_string());
    }
    let identity = RecoveryIdentity::parse(vector["cases"][0]["identity"].as_str().unwrap()).unwrap();
    let recovered = recovery::open(&bytes(&vector["recovery_file"]), &identity).unwrap();
    assert_eq!(*recovered.keyring.to_bytes().unwrap(), *keyring().to_bytes().unwrap());
    assert_eq!((recovered.account, recovered.email.as_deref()), (ACCOUNT, Some("a@b.example")));
}

#[test]
fn words_are_those_of_bip_39() {
    // The reference vectors of BIP 39 for 256 bits.
    for (entropy, first, last) in [
        ([0; 32], "abandon", "art"),
        ([0x7f; 32], "legal", "title"),
        ([0x80; 32], "letter", "bless"),
        ([0xff; 32], "zoo", "vote"),
    ] {
        let phrase = RecoveryWords::from_entropy(&entropy).unwrap().phrase();
        let phrase = phrase.expose_secret();
        assert!(phrase.starts_with(first) && phrase.ends_with(last), "{first} … {last}");
    }
}
