//! The header shared by packs and snapshot bodies: vault, epoch, and the data key in an age file.

use api_types::VaultId;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Format, FormatError};
use crate::crypto::{Cipher, PackSecret, ReadIdentity, Recipient, hkdf, unwrap_secret, wrap_secret};

const VERSION: u8 = 1;
/// The data key is in an age v1 file. 2 (HPKE) and 3 (X-Wing) are reserved.
const KEM_AGE: u8 = 1;
/// Bytes before the age file.
pub(super) const FIXED_LEN: usize = 64;
/// Maximum length of the age file: room for about 30 recipients.
const MAX_WRAP_LEN: usize = 4096 - FIXED_LEN;

/// Who can open sealed data: the vault's read key of the current epoch, and the recovery key.
#[derive(Debug, Clone)]
pub struct Recipients {
    read: Recipient,
    recovery: Recipient,
}

impl Recipients {
    /// Data is always sealed to both.
    #[must_use]
    pub const fn new(read: Recipient, recovery: Recipient) -> Self {
        Self { read, recovery }
    }

    /// A fresh data key and the age file that contains it.
    ///
    /// # Errors
    /// [`FormatError::Sealing`].
    pub(super) fn fresh_secret(&self, format: Format) -> Result<(PackSecret, Vec<u8>), FormatError> {
        let secret = PackSecret::generate();
        let wrap =
            wrap_secret(&secret, &[&self.read, &self.recovery]).map_err(|_| FormatError::Sealing(format))?;
        Ok((secret, wrap))
    }
}

/// What distinguishes the objects that start with this header.
pub(super) struct Profile {
    pub(super) format: Format,
    pub(super) magic: &'static [u8; 8],
    pub(super) commit_label: &'static str,
}

/// A parsed header.
pub(super) struct Header<'a> {
    profile: &'a Profile,
    pub(super) epoch: u32,
    commitment: &'a [u8; 32],
    wrap: &'a [u8],
    /// Its length in bytes.
    pub(super) len: usize,
    /// Its SHA-256: binds format, version, vault, epoch and recipients into everything sealed under it.
    pub(super) hash: [u8; 32],
}

/// Writes a header and returns its hash.
pub(super) fn write(
    profile: &Profile,
    vault: VaultId,
    epoch: u32,
    secret: &PackSecret,
    wrap: &[u8],
    out: &mut Vec<u8>,
) -> Result<[u8; 32], FormatError> {
    let wrap_len = u16::try_from(wrap.len())
        .ok()
        .filter(|len| usize::from(*len) <= MAX_WRAP_LEN)
        .ok_or(FormatError::TooLarge(profile.format))?;
    let start = out.len();
    out.extend_from_slice(profile.magic);
    out.extend_from_slice(&[VERSION, KEM_AGE]);
    out.extend_from_slice(&wrap_len.to_be_bytes());
    out.extend_from_slice(vault.as_bytes());
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(commitment(profile, vault, secret).expose_secret());
    out.extend_from_slice(wrap);
    Ok(Sha256::digest(&out[start..]).into())
}

fn commitment(profile: &Profile, vault: VaultId, secret: &PackSecret) -> secrecy::SecretBox<[u8; 32]> {
    hkdf(secret.expose(), vault.as_bytes(), profile.commit_label)
}

impl<'a> Header<'a> {
    /// Reads the header at the start of `bytes`, checking in the documented order: magic, version, kem, length, vault.
    pub(super) fn read(profile: &'a Profile, bytes: &'a [u8], vault: VaultId) -> Result<Self, FormatError> {
        let format = profile.format;
        let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_LEN>() else {
            return Err(FormatError::NotOurs(format));
        };
        // "SKPACK01": the last two digits number incompatible layouts.
        if fixed[..6] != profile.magic[..6] {
            return Err(FormatError::NotOurs(format));
        }
        if fixed[..8] != profile.magic[..] || fixed[8] != VERSION || fixed[9] != KEM_AGE {
            return Err(FormatError::NewerVersion(format));
        }
        let wrap_len = usize::from(u16::from_be_bytes([fixed[10], fixed[11]]));
        let wrap = rest
            .get(..wrap_len)
            .filter(|_| wrap_len <= MAX_WRAP_LEN)
            .ok_or_else(|| format.damaged("its header is cut off"))?;
        if fixed[12..28] != vault.as_bytes()[..] {
            return Err(FormatError::OtherVault(format));
        }
        let epoch = u32::from_be_bytes([fixed[28], fixed[29], fixed[30], fixed[31]]);
        let len = FIXED_LEN + wrap_len;
        let hash = Sha256::digest(&bytes[..len]).into();
        let commitment = fixed.last_chunk::<32>().ok_or_else(|| format.damaged("its header is cut off"))?;
        Ok(Self { profile, epoch, commitment, wrap, len, hash })
    }

    /// Opens the age file and checks that it contains the key that the writer committed to.
    pub(super) fn unlock(
        &self,
        vault: VaultId,
        identities: &[ReadIdentity],
    ) -> Result<PackSecret, FormatError> {
        let format = self.profile.format;
        let secret = unwrap_secret(self.wrap, self.epoch, identities)
            .map_err(|error| format.unwrap(error, self.epoch))?;
        let expected = commitment(self.profile, vault, &secret);
        if bool::from(expected.expose_secret().ct_eq(self.commitment)) {
            Ok(secret)
        } else {
            Err(format.damaged("its data key is not the one it commits to"))
        }
    }

    /// A cipher with a key for one purpose under this header.
    pub(super) fn cipher(&self, secret: &PackSecret, label: &str) -> Cipher {
        cipher(secret, &self.hash, label)
    }
}

pub(super) fn cipher(secret: &PackSecret, header_hash: &[u8; 32], label: &str) -> Cipher {
    Cipher::new(&hkdf(secret.expose(), header_hash, label))
}
