//! age v1 (X25519) identities and recipients: seal and open the data keys of packs and snapshots, in a way that stock
//! `age` can, too.

use std::{
    fmt,
    io::{Read, Write},
    iter,
    str::FromStr,
};

use age::{DecryptError, Decryptor, Encryptor, x25519};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, Zeroizing};

use super::PackSecret;
use crate::id::InvalidId;

/// Secret half of a vault's read key, one per epoch.
pub struct ReadIdentity {
    identity: x25519::Identity,
    /// `None` opens every epoch: the recovery key.
    epoch: Option<u32>,
}

impl ReadIdentity {
    /// Generates a random identity.
    #[must_use]
    pub fn generate(epoch: u32) -> Self {
        Self { identity: x25519::Identity::generate(), epoch: Some(epoch) }
    }

    /// Parses `AGE-SECRET-KEY-1…`.
    ///
    /// # Errors
    /// [`InvalidId`] for any other text.
    pub fn parse(text: &str, epoch: u32) -> Result<Self, InvalidId> {
        parse(text).map(|identity| Self { identity, epoch: Some(epoch) })
    }

    /// `AGE-SECRET-KEY-1…`, for sealing and for key stores.
    #[must_use]
    pub fn expose(&self) -> SecretString {
        self.identity.to_string()
    }

    /// The public half, to seal to.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(self.identity.to_public())
    }

    /// Its epoch; `None` for a recovery key, which opens all.
    #[must_use]
    pub const fn epoch(&self) -> Option<u32> {
        self.epoch
    }

    pub(crate) fn opens(&self, epoch: u32) -> bool {
        self.epoch.is_none_or(|own| own == epoch)
    }
}

/// The recovery key: 24 words, as an age identity.
pub struct RecoveryIdentity(x25519::Identity);

impl RecoveryIdentity {
    /// Parses `AGE-SECRET-KEY-1…`.
    ///
    /// # Errors
    /// [`InvalidId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse(text).map(Self)
    }

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidId> {
        use bech32::ToBase32;
        let mut words = bytes.to_base32();
        let text = bech32::encode("age-secret-key-", &words, bech32::Variant::Bech32).map(Zeroizing::new);
        words.fill_with(Default::default);
        parse(&text.map_err(|_| INVALID)?).map(Self)
    }

    /// `AGE-SECRET-KEY-1…`: what stock `age -i` takes.
    #[must_use]
    pub fn expose(&self) -> SecretString {
        self.0.to_string()
    }

    /// The public half, to seal to.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// Allows opening packs and snapshots with only the recovery key.
    #[must_use]
    pub fn to_read_identity(&self) -> ReadIdentity {
        ReadIdentity { identity: self.0.clone(), epoch: None }
    }

    pub(super) fn decrypt(&self, file: &[u8], limit: u64) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        decrypt(file, iter::once(&self.0), limit)
    }
}

const INVALID: InvalidId = InvalidId("age secret key");

fn parse(text: &str) -> Result<x25519::Identity, InvalidId> {
    text.trim().parse().map_err(|_| INVALID)
}

/// Public half of a read or recovery key: `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Recipient {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self).map_err(|_| InvalidId("age recipient"))
    }
}

impl Serialize for Recipient {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl Recipient {
    /// Encrypts a whole age file to this recipient.
    pub(super) fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, super::AuthenticationFailed> {
        encrypt(&[self], plain)
    }
}

/// Why an age file cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnwrapError {
    WrongKey,
    Damaged,
}

fn encrypt(recipients: &[&Recipient], plain: &[u8]) -> Result<Vec<u8>, super::AuthenticationFailed> {
    let failed = |_| super::AuthenticationFailed;
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|r| &r.0 as &dyn age::Recipient))
        .map_err(|_| super::AuthenticationFailed)?;
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).map_err(failed)?;
    writer.write_all(plain).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn decrypt<'i>(
    file: &[u8],
    identities: impl Iterator<Item = &'i x25519::Identity>,
    limit: u64,
) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
    let refused = |error| match error {
        DecryptError::NoMatchingKeys => UnwrapError::WrongKey,
        _ => UnwrapError::Damaged,
    };
    let decryptor = Decryptor::new_buffered(file).map_err(refused)?;
    let reader = decryptor.decrypt(identities.map(|i| i as &dyn age::Identity)).map_err(refused)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(4096));
    reader.take(limit + 1).read_to_end(&mut plain).map_err(|_| UnwrapError::Damaged)?;
    if plain.len() as u64 > limit { Err(UnwrapError::Damaged) } else { Ok(plain) }
}

/// Wraps a data key in an age file.
pub(crate) fn wrap_secret(
    secret: &PackSecret,
    recipients: &[&Recipient],
) -> Result<Vec<u8>, super::AuthenticationFailed> {
    encrypt(recipients, secret.expose())
}

/// Extracts the data key from an age file of the given epoch.
pub(crate) fn unwrap_secret(
    file: &[u8],
    epoch: u32,
    identities: &[ReadIdentity],
) -> Result<PackSecret, UnwrapError> {
    let usable = identities.iter().filter(|i| i.opens(epoch)).map(|i| &i.identity);
    let mut plain = decrypt(file, usable, 32)?;
    let secret = PackSecret::try_from(plain.as_slice()).map_err(|_| UnwrapError::Damaged);
    plain.zeroize();
    secret
}
