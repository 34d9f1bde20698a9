//! The service's own keys, each derived for one purpose. None of them opens a vault's data.

pub mod token;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use api_types::opaque::Suite;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use opaque_ke::ServerSetup;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    config::{Secrets, UnusableSecret},
    error::ApiError,
};

const NONCE_LEN: usize = 12;

type Key = SecretBox<[u8; 32]>;

/// Derived once at startup.
pub(crate) struct ServerKeys {
    opaque: ServerSetup<Suite>,
    seal_totp: Key,
    seal_sign_in: Key,
    unknown_accounts: Key,
    rate_keys: Key,
    successors: Key,
    recovery_pepper: Key,
}

/// The kind of a sealed value; part of the key derivation and of the authenticated data.
#[derive(Clone, Copy)]
pub(crate) enum SealKind {
    /// A second-factor seed, bound to its account.
    Totp,
    /// OPAQUE's state between two messages, bound to its sign-in.
    SignIn,
}

impl ServerKeys {
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, UnusableSecret> {
        let master = secrets.master_key.expose_secret();
        let pepper = secrets.refresh_pepper.expose_secret();
        Ok(Self {
            opaque: ServerSetup::deserialize(secrets.opaque_setup.expose_secret())
                .map_err(|_| UnusableSecret("OPAQUE server setup"))?,
            seal_totp: derive(master, b"sealkeep/v1/server/totp")?,
            seal_sign_in: derive(master, b"sealkeep/v1/server/sign-in-state")?,
            unknown_accounts: derive(master, b"sealkeep/v1/server/unknown-accounts")?,
            rate_keys: derive(master, b"sealkeep/v1/server/rate-keys")?,
            successors: derive(pepper, b"sealkeep/v1/server/refresh-successor")?,
            recovery_pepper: derive(pepper, b"sealkeep/v1/server/recovery-code")?,
        })
    }

    pub(crate) fn opaque(&self) -> &ServerSetup<Suite> {
        &self.opaque
    }

    /// Seeds the response for an address without an account: always the same for one address.
    pub(crate) fn unknown_account(&self, email: &str) -> [u8; 32] {
        mac(&self.unknown_accounts, &[email.as_bytes()])
    }

    /// Key of a counter; does not reveal whom it counts.
    pub(crate) fn rate_key(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.rate_keys, parts)
    }

    /// The successor of a refresh token; deterministic per attempt, so that a lost response can be repeated.
    pub(crate) fn successor(&self, token: &[u8; 32], attempt: &[u8; 16]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(&self.successors, &[token, attempt]))
    }

    pub(crate) fn recovery_pepper(&self) -> &[u8] {
        self.recovery_pepper.expose_secret()
    }

    /// AES-256-GCM with the random nonce prepended; opens only for the same kind and owner.
    pub(crate) fn seal(&self, kind: SealKind, owner: &[u8; 16], plain: &[u8]) -> Result<Vec<u8>, ApiError> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let sealed = self
            .cipher(kind)?
            .encrypt(&nonce.into(), Payload { msg: plain, aad: owner })
            .map_err(|_| ApiError::internal("sealing failed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The reverse of [`ServerKeys::seal`].
    pub(crate) fn open(
        &self,
        kind: SealKind,
        owner: &[u8; 16],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let fault = || ApiError::internal("a sealed value does not open: wrong master key, or changed");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(fault)?;
        self.cipher(kind)?
            .decrypt(&(*nonce).into(), Payload { msg: sealed, aad: owner })
            .map(Zeroizing::new)
            .map_err(|_| fault())
    }

    fn cipher(&self, kind: SealKind) -> Result<Aes256Gcm, ApiError> {
        let key = match kind {
            SealKind::Totp => &self.seal_totp,
            SealKind::SignIn => &self.seal_sign_in,
        };
        Aes256Gcm::new_from_slice(key.expose_secret()).map_err(|_| ApiError::internal("key length"))
    }
}

fn derive(secret: &[u8; 32], label: &[u8]) -> Result<Key, UnusableSecret> {
    let mut key = Box::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(label, key.as_mut_slice())
        .map_err(|_| UnusableSecret("master key"))?;
    Ok(SecretBox::new(key))
}

/// HMAC-SHA-256 over length-prefixed parts, so that different lists of parts never collide.
fn mac(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(key.expose_secret());
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    zeroize::Zeroize::zeroize(&mut block);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
