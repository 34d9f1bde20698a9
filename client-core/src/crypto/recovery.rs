//! The recovery file: everything a vault's owner needs, as JSON in an age v1 file for the recovery key, so that stock
//! `age` and the words suffice.

use api_types::{AccountId, VaultId};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    AccountSecret, Amk, Domain, IndexKey, Keyring, ReadIdentity, Recipient, RecoveryIdentity, SigningRoot,
    identity::UnwrapError, keyring::InvalidKeyring, wire::SecretText,
};
use crate::{
    chunk::{ChunkIdKey, ChunkerKey, ChunkerParams},
    id::{DomainId, InvalidId},
    text,
    text::{Text, told},
};

/// First field of the JSON.
const FORMAT: &str = "sealkeep-recovery-1";
/// Maximum length of the JSON.
const MAX_LEN: u64 = 64 * 1024;

/// Why a recovery file cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Sealed with other words.
    WrongWords,
    /// Not an age file, truncated or modified.
    Damaged,
    /// Written by a newer version.
    Newer(String),
    /// Sealing failed.
    Sealing,
}

told!(RecoveryError);

impl RecoveryError {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::WrongWords => text!("these recovery words do not belong to this account"),
            Self::Damaged => text!("the recovery file is damaged"),
            Self::Newer(format) => text!(
                "the recovery file has the format `{format}`; this program reads `sealkeep-recovery-1`",
                format
            ),
            Self::Sealing => text!("the recovery file could not be sealed"),
        }
    }
}

impl From<InvalidId> for RecoveryError {
    fn from(_: InvalidId) -> Self {
        Self::Damaged
    }
}

impl From<InvalidKeyring> for RecoveryError {
    fn from(_: InvalidKeyring) -> Self {
        Self::Damaged
    }
}

/// The content of a recovery file.
pub struct Recovered {
    /// The vault's keys.
    pub keyring: Keyring,
    /// The vault's master key.
    pub amk: Amk,
    /// The second secret besides the password.
    pub account_secret: AccountSecret,
    /// The account's id.
    pub account: AccountId,
    /// The account's email address.
    pub email: Option<String>,
}

/// Creates a recovery file.
///
/// # Errors
/// [`RecoveryError::Sealing`].
pub fn seal(
    recipient: &Recipient,
    keyring: &Keyring,
    amk: &Amk,
    account_secret: &AccountSecret,
    account: AccountId,
    email: Option<&str>,
) -> Result<Vec<u8>, RecoveryError> {
    let file = File {
        format: FORMAT.to_owned(),
        vault: keyring.vault(),
        account,
        email: email.map(str::to_owned),
        version: keyring.version(),
        epoch: keyring.epoch(),
        amk: SecretText::hex(amk.expose()),
        account_secret: SecretText::hex(account_secret.expose()),
        read_identities: keyring
            .read_identities()
            .iter()
            .map(|identity| Identity {
                epoch: identity.epoch().unwrap_or_default(),
                identity: SecretText::new(identity.expose().expose_secret()),
            })
            .collect(),
        signing_root: SecretText::hex(keyring.signing_root().seed()),
        domains: keyring
            .domains()
            .iter()
            .map(|domain| DomainKeys {
                id: domain.id,
                chunk_id_key: SecretText::hex(domain.chunk_id_key.expose()),
                chunker_key: SecretText::hex(domain.chunker_key.expose()),
                chunker_params: domain.chunker_params,
                index_key: SecretText::hex(domain.index_key.expose()),
            })
            .collect(),
    };
    // Large enough that the buffer is never reallocated, which would leave a copy behind.
    let mut json = Zeroizing::new(Vec::with_capacity(MAX_LEN as usize));
    serde_json::to_writer_pretty(&mut *json, &file).map_err(|_| RecoveryError::Sealing)?;
    recipient.encrypt(&json).map_err(|_| RecoveryError::Sealing)
}

/// Opens the result of [`seal`].
///
/// # Errors
/// [`RecoveryError`].
pub fn open(bytes: &[u8], identity: &RecoveryIdentity) -> Result<Recovered, RecoveryError> {
    let json = identity.decrypt(bytes, MAX_LEN).map_err(|error| match error {
        UnwrapError::WrongKey => RecoveryError::WrongWords,
        UnwrapError::Damaged => RecoveryError::Damaged,
    })?;
    let Format { format } = serde_json::from_slice(&json).map_err(|_| RecoveryError::Damaged)?;
    if format != FORMAT {
        return Err(RecoveryError::Newer(format));
    }
    let file: File = serde_json::from_slice(&json).map_err(|_| RecoveryError::Damaged)?;
    let identities = file
        .read_identities
        .iter()
        .map(|i| ReadIdentity::parse(&i.identity.0, i.epoch))
        .collect::<Result<_, _>>()?;
    let domains = file
        .domains
        .iter()
        .map(|d| {
            Ok(Domain {
                id: d.id,
                chunk_id_key: ChunkIdKey::from_bytes(&*key(&d.chunk_id_key)?),
                chunker_key: ChunkerKey::from_bytes(&*key(&d.chunker_key)?),
                chunker_params: d.chunker_params,
                index_key: IndexKey::from_bytes(&*key(&d.index_key)?),
            })
        })
        .collect::<Result<_, RecoveryError>>()?;
    let keyring = Keyring::from_parts(
        file.vault,
        (file.version, file.epoch),
        identities,
        SigningRoot::from_seed(&*key(&file.signing_root)?),
        domains,
    )?;
    Ok(Recovered {
        keyring,
        amk: Amk::from_bytes(&*key(&file.amk)?),
        account_secret: AccountSecret::from_bytes(&*key(&file.account_secret)?),
        account: file.account,
        email: file.email.clone(),
    })
}

fn key<const N: usize>(text: &SecretText) -> Result<Zeroizing<[u8; N]>, RecoveryError> {
    text.to_bytes().ok_or(RecoveryError::Damaged)
}

#[derive(Deserialize)]
struct Format {
    format: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    vault: VaultId,
    account: AccountId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    email: Option<String>,
    version: u32,
    epoch: u32,
    amk: SecretText,
    account_secret: SecretText,
    read_identities: Vec<Identity>,
    signing_root: SecretText,
    domains: Vec<DomainKeys>,
}

#[derive(Serialize, Deserialize)]
struct Identity {
    epoch: u32,
    identity: SecretText,
}

#[derive(Serialize, Deserialize)]
struct DomainKeys {
    id: DomainId,
    chunk_id_key: SecretText,
    chunker_key: SecretText,
    chunker_params: ChunkerParams,
    index_key: SecretText,
}
