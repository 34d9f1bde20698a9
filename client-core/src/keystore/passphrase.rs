//! Sealing with a passphrase: an age file, so that stock `age` can open it, too.

use std::{
    env,
    io::{Read, Write},
    path::PathBuf,
};

use age::{
    Decryptor, Encryptor,
    scrypt::{Identity, Recipient},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind},
    text,
};

/// First bytes of an age file.
const MAGIC: &[u8] = b"age-encryption.org/v1";
/// scrypt N = 2^17: 128 MiB and a few tenths of a second.
const WORK_FACTOR: u8 = 17;
/// Files that require more than N = 2^20 are refused.
const MAX_WORK_FACTOR: u8 = 20;

/// From `SEALKEEP_KEYSTORE_PASSPHRASE`, or the systemd credential `sealkeep-passphrase`.
pub(super) fn from_environment() -> Result<Option<SecretString>, Error> {
    if let Some(given) = env::var("SEALKEEP_KEYSTORE_PASSPHRASE").ok().filter(|text| !text.is_empty()) {
        return Ok(Some(given.into()));
    }
    let Some(folder) = env::var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    from_file(PathBuf::from(folder).join("sealkeep-passphrase"))
}

fn from_file(path: PathBuf) -> Result<Option<SecretString>, Error> {
    match std::fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => {
            let text = text.trim_end_matches(['\r', '\n']);
            Ok((!text.is_empty()).then(|| text.into()))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(&path.display().to_string(), &e)),
    }
}

/// Whether these bytes are sealed.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

pub(super) fn seal(plain: &[u8], passphrase: &SecretString) -> Result<Vec<u8>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::internal("sealing the key store", e);
    let mut recipient = Recipient::new(copy(passphrase));
    recipient.set_work_factor(WORK_FACTOR);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|e| failed(&e))?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|e| failed(&e))?;
    writer.write_all(plain).map_err(|e| failed(&e))?;
    writer.finish().map_err(|e| failed(&e))?;
    Ok(sealed)
}

pub(super) fn open(sealed: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, Error> {
    let wrong = || {
        Error::new(
            ErrorKind::WrongCredentials,
            text!("the passphrase does not open this device's key store"),
            "nothing was changed",
            "check SEALKEEP_KEYSTORE_PASSPHRASE or the systemd credential sealkeep-passphrase",
        )
    };
    let mut identity = Identity::new(copy(passphrase));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let decryptor = Decryptor::new(sealed).map_err(|_| wrong())?;
    let mut reader =
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|_| wrong())?;
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut plain).map_err(|_| wrong())?;
    Ok(plain)
}

fn copy(passphrase: &SecretString) -> age::secrecy::SecretString {
    age::secrecy::SecretString::from(passphrase.expose_secret().to_owned())
}
