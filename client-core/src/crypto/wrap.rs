//! WRAP v1: seals one secret with another, bound to its kind, its owner and its version.

use api_types::{AccountId, VaultId};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{AccountSecret, Amk, AuthenticationFailed, Cipher, Kek, Keyring, TAG_LEN, hkdf, kek_password};
use crate::{
    secret::fill_random,
    text,
    text::{Text, told},
};

const MAGIC: &[u8; 8] = b"SKWRAP01";
const HEADER_LEN: usize = 8 + 1 + 16 + 4 + 4 + 32 + 32;
/// Maximum length of a wrap (64 KiB), as accepted by the service.
const MAX_LEN: usize = 64 * 1024;

/// What is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Password = 1,
    // 2 is reserved for a passkey's PRF
    Keyring = 3,
    /// Local files that a device keeps next to its keys. Never sent.
    Local = 128,
}

/// The owner and the state of a secret. Only counts up: clients pin it, so that an old one cannot come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The vault.
    pub vault: VaultId,
    /// Key epoch, from 1.
    pub epoch: u32,
    /// Version of this wrap, from 1.
    pub version: u32,
}

/// Why a wrap cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Not in this format.
    NotAWrap,
    /// From another vault, or of another kind.
    Elsewhere,
    /// The key does not match: wrong password, or wrong account secret. One answer for both.
    WrongKey,
    /// The key matches, but the content is damaged.
    Damaged,
}

told!(WrapError);

impl WrapError {
    pub(crate) fn text(self) -> Text {
        match self {
            Self::NotAWrap => text!("this is not a Sealkeep key file (version 1)"),
            Self::Elsewhere => text!("these wrapped keys are for another vault or another purpose"),
            Self::WrongKey => {
                text!("the password and the keys on this device do not open the vault's keys")
            }
            Self::Damaged => text!("the wrapped keys are damaged"),
        }
    }
}

impl From<AuthenticationFailed> for WrapError {
    fn from(AuthenticationFailed: AuthenticationFailed) -> Self {
        Self::Damaged
    }
}

/// Wraps the master key with password and account secret.
///
/// # Errors
/// [`WrapError`].
pub fn seal_amk(
    amk: &Amk,
    export_key: &[u8],
    account_secret: &AccountSecret,
    account: AccountId,
    scope: Scope,
) -> Result<Vec<u8>, WrapError> {
    seal(
        Kind::Password,
        &kek_password(export_key, account_secret, account),
        scope,
        amk.expose(),
        &fresh_salt(),
    )
}

/// Opens the result of [`seal_amk`].
///
/// # Errors
/// [`WrapError`].
pub fn open_amk(
    wrapped: &[u8],
    export_key: &[u8],
    account_secret: &AccountSecret,
    account: AccountId,
    vault: VaultId,
) -> Result<(Amk, Scope), WrapError> {
    let kek = kek_password(export_key, account_secret, account);
    let (plain, scope) = open(Kind::Password, &kek, vault, wrapped)?;
    Ok((Amk::try_from(plain.as_slice()).map_err(|_| WrapError::Damaged)?, scope))
}

/// Wraps the keyring with the master key.
///
/// # Errors
/// [`WrapError`].
pub fn seal_keyring(keyring: &Keyring, amk: &Amk) -> Result<Vec<u8>, WrapError> {
    seal_keyring_with_salt(keyring, amk, &fresh_salt())
}

/// Opens the result of [`seal_keyring`]. The caller compares version and epoch with those it saw last.
///
/// # Errors
/// [`WrapError`].
pub fn open_keyring(wrapped: &[u8], amk: &Amk, vault: VaultId) -> Result<Keyring, WrapError> {
    let (plain, scope) = open(Kind::Keyring, &kek_keyring(amk, vault), vault, wrapped)?;
    let keyring = Keyring::from_bytes(&plain).map_err(|_| WrapError::Damaged)?;
    let inside = Scope { vault: keyring.vault(), epoch: keyring.epoch(), version: keyring.version() };
    if inside == scope { Ok(keyring) } else { Err(WrapError::Damaged) }
}

/// Wraps data that only this device keeps, such as connection strings.
///
/// # Errors
/// [`WrapError`].
pub fn seal_local(plain: &[u8], amk: &Amk, vault: VaultId) -> Result<Vec<u8>, WrapError> {
    let scope = Scope { vault, epoch: 0, version: 0 };
    seal(Kind::Local, &kek_local(amk, vault), scope, plain, &fresh_salt())
}

/// Opens the result of [`seal_local`].
///
/// # Errors
/// [`WrapError`].
pub fn open_local(wrapped: &[u8], amk: &Amk, vault: VaultId) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    Ok(open(Kind::Local, &kek_local(amk, vault), vault, wrapped)?.0)
}

fn kek_local(amk: &Amk, vault: VaultId) -> Kek {
    Kek::derived(&hkdf(amk.expose(), vault.as_bytes(), "sealkeep/v1/local"))
}

fn kek_keyring(amk: &Amk, vault: VaultId) -> Kek {
    Kek::derived(&hkdf(amk.expose(), vault.as_bytes(), "sealkeep/v1/keyring"))
}

fn fresh_salt() -> [u8; 32] {
    let mut salt = [0; 32];
    fill_random(&mut salt);
    salt
}

fn seal(kind: Kind, kek: &Kek, scope: Scope, plain: &[u8], salt: &[u8; 32]) -> Result<Vec<u8>, WrapError> {
    let mut out = Vec::with_capacity(HEADER_LEN + plain.len() + TAG_LEN);
    out.extend_from_slice(MAGIC);
    out.push(kind as u8);
    out.extend_from_slice(scope.vault.as_bytes());
    out.extend_from_slice(&scope.epoch.to_be_bytes());
    out.extend_from_slice(&scope.version.to_be_bytes());
    out.extend_from_slice(salt);
    out.extend_from_slice(hkdf(kek.expose(), salt, "sealkeep/v1/wrap/commit").expose_secret());
    let mut body = Zeroizing::new(plain.to_vec());
    let cipher = Cipher::new(&hkdf(kek.expose(), salt, "sealkeep/v1/wrap/key"));
    // The key is derived from a fresh salt and seals only this, so the nonce is constant.
    let tag = cipher.seal([0; 12], &out, &mut body)?;
    out.extend_from_slice(&body);
    out.extend_from_slice(&tag);
    Ok(out)
}

fn open(
    kind: Kind,
    kek: &Kek,
    vault: VaultId,
    wrapped: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, Scope), WrapError> {
    let (header, body) = wrapped
        .split_first_chunk::<HEADER_LEN>()
        .filter(|(header, body)| {
            header.starts_with(MAGIC) && body.len() >= TAG_LEN && wrapped.len() <= MAX_LEN
        })
        .ok_or(WrapError::NotAWrap)?;
    let scope = Scope { vault, epoch: be32(header, 25), version: be32(header, 29) };
    if header[8] != kind as u8 || header[9..25] != vault.as_bytes()[..] {
        return Err(WrapError::Elsewhere);
    }
    let (salt, commitment) = header[33..].split_at(32);
    let expected = hkdf(kek.expose(), salt, "sealkeep/v1/wrap/commit");
    if !bool::from(expected.expose_secret().ct_eq(commitment)) {
        return Err(WrapError::WrongKey);
    }
    let mut plain = Zeroizing::new(body.to_vec());
    Cipher::new(&hkdf(kek.expose(), salt, "sealkeep/v1/wrap/key")).open([0; 12], header, &mut plain)?;
    Ok((plain, scope))
}

fn be32(header: &[u8; HEADER_LEN], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// For test vectors: with a given salt. A salt must never be used twice with one key.
///
/// # Errors
/// Same as [`seal_amk`].
#[doc(hidden)]
pub fn seal_amk_with_salt(amk: &Amk, kek: &Kek, scope: Scope, salt: &[u8; 32]) -> Result<Vec<u8>, WrapError> {
    seal(Kind::Password, kek, scope, amk.expose(), salt)
}

/// Like [`seal_amk_with_salt`], for a keyring.
///
/// # Errors
/// Same as [`seal_keyring`].
#[doc(hidden)]
pub fn seal_keyring_with_salt(keyring: &Keyring, amk: &Amk, salt: &[u8; 32]) -> Result<Vec<u8>, WrapError> {
    let scope = Scope { vault: keyring.vault(), epoch: keyring.epoch(), version: keyring.version() };
    let plain = keyring.to_bytes().map_err(|_| WrapError::Damaged)?;
    seal(Kind::Keyring, &kek_keyring(amk, scope.vault), scope, &plain, salt)
}
