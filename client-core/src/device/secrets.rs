//! Everything a device must keep secret and must not lose, and its binary format.

use api_types::{
    AccountId, Base64, DeviceId, HeadHash, Region, Sha256, VaultId, account::Session, vault::VaultInfo,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{DeviceIdentity, DirectoryPin, Head, Pending, Pins, hidden::Hidden, pending::StoredPending};
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// Version of the binary format.
const VERSION: u8 = 1;

/// A signed-in session's tokens.
#[derive(Clone)]
pub struct SessionTokens {
    /// JWT, valid for one hour.
    pub access: Zeroizing<String>,
    /// Seconds since 1970, by the service's clock.
    pub expires_at: i64,
    /// 32 bytes, for a single use.
    pub refresh: Zeroizing<Vec<u8>>,
    /// The attempt in which `refresh` is being used, 16 bytes: set and stored before the request is sent, so that a
    /// lost answer can be requested again.
    pub attempt: Option<[u8; 16]>,
}

impl SessionTokens {
    /// From a service's answer.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        Self {
            access: Zeroizing::new(session.access_token.clone()),
            expires_at: session.expires_at,
            refresh: Zeroizing::new(session.refresh_token.0.clone()),
            attempt: None,
        }
    }
}

/// A successful sign-up or sign-in.
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// OPAQUE's export key, 64 bytes: opens the password wrap together with the account secret. The service never has
    /// it.
    pub export_key: Zeroizing<Vec<u8>>,
}

impl SignedIn {
    /// The account's vault.
    ///
    /// # Errors
    /// The account has no vault.
    pub fn only_vault(&self) -> Result<&VaultInfo, Error> {
        self.session.vaults.first().ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                text!("this account has no vault"),
                "nothing was changed",
                "ask the service's operator",
            )
        })
    }
}

/// A vault's secrets, as bytes that `crypto` understands.
pub struct VaultSecrets {
    /// The vault's location; pins storage origin and bucket.
    pub info: VaultInfo,
    /// The master key, 32 bytes.
    pub amk: Zeroizing<Vec<u8>>,
    /// The account secret.
    pub account_secret: Zeroizing<Vec<u8>>,
    /// The keyring, plain CBOR.
    pub keyring: Zeroizing<Vec<u8>>,
    /// age recipient of the recovery words (`age1…`).
    pub recovery_recipient: String,
    /// The minimum that the service must show, even if `pins.db` is lost; only increases.
    pub floor: Pins,
}

/// Everything a device keeps.
pub struct DeviceSecrets {
    /// The metadata service's URL.
    pub service: String,
    /// The account's email address.
    pub email: String,
    /// The account's id.
    pub account: AccountId,
    /// Its keys.
    pub device: DeviceIdentity,
    /// `None` after signing out.
    pub session: Option<SessionTokens>,
    /// `None` until the vault is created or opened here.
    pub vault: Option<VaultSecrets>,
    /// The newest version of the password's wrap that this device created or saw accepted; never decreases.
    pub password_version: u32,
    /// `None` once the vault exists.
    pub pending: Option<Pending>,
}

impl DeviceSecrets {
    /// After sign-up or sign-in; the vault's secrets come later.
    #[must_use]
    pub fn new(
        service: impl Into<String>,
        email: impl Into<String>,
        account: AccountId,
        device: DeviceIdentity,
        signed_in: &SignedIn,
    ) -> Self {
        Self {
            service: service.into(),
            email: email.into(),
            account,
            device,
            session: Some(SessionTokens::new(&signed_in.session)),
            vault: None,
            password_version: 1,
            pending: None,
        }
    }

    /// The vault's secrets.
    ///
    /// # Errors
    /// [`ErrorKind::NotSignedIn`] until the vault is created or opened on this device.
    pub fn vault(&self) -> Result<&VaultSecrets, Error> {
        self.vault.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::NotSignedIn,
                text!("this device does not have the vault's keys yet"),
                "nothing was changed",
                "run `sealkeep login` and enter the recovery words",
            )
        })
    }

    /// The vault's id.
    ///
    /// # Errors
    /// Same as [`DeviceSecrets::vault`].
    pub fn vault_id(&self) -> Result<VaultId, Error> {
        Ok(self.vault()?.info.vault_id)
    }

    /// The binary format (CBOR).
    ///
    /// # Errors
    /// Never, in practice: the encoder is fallible.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let stored = Stored {
            version: VERSION,
            service: self.service.clone(),
            email: self.email.clone(),
            account: self.account,
            device: StoredDevice {
                id: self.device.id,
                name: self.device.name.clone(),
                signing: Hidden::new(&self.device.signing_key().to_bytes()),
                sealing: Hidden::new(self.device.sealing_key().as_bytes()),
            },
            session: self.session.as_ref().map(|s| StoredSession {
                access: Hidden::new(s.access.as_bytes()),
                expires_at: s.expires_at,
                refresh: Hidden(s.refresh.clone()),
                attempt: s.attempt.map(|a| Base64(a.to_vec())),
            }),
            vault: self.vault.as_ref().map(|v| StoredVault {
                info: v.info.clone(),
                amk: Hidden(v.amk.clone()),
                account_secret: Hidden(v.account_secret.clone()),
                keyring: Hidden(v.keyring.clone()),
                recovery_recipient: v.recovery_recipient.clone(),
                floor: StoredFloor::from(&v.floor),
            }),
            password_version: self.password_version,
            pending: self.pending.as_ref().map(StoredPending::from),
        };
        // Large enough that the buffer is not reallocated, which would leave unwiped copies behind.
        let heads = self.vault.as_ref().map_or(0, |v| v.floor.heads.len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024 + 256 * heads));
        ciborium::into_writer(&stored, &mut *bytes).map_err(|e| Error::internal("the key store", &e))?;
        Ok(bytes)
    }

    /// Parses the result of [`DeviceSecrets::to_bytes`].
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`], or [`ErrorKind::NewerFormat`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || {
            Error::new(
                ErrorKind::Damaged,
                text!("this device's key store is damaged"),
                "everything in the bucket is untouched",
                "restore the file from a copy, or remove it and run `sealkeep login` with the recovery words",
            )
        };
        let version: Versioned = ciborium::from_reader(bytes).map_err(|_| damaged())?;
        if version.version > VERSION {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                text!(
                    "the key store is of version {version}; this program reads {known}",
                    version = version.version,
                    known = VERSION
                ),
                "nothing was changed",
                "update sealkeep",
            ));
        }
        let stored: Stored = ciborium::from_reader(bytes).map_err(|_| damaged())?;
        let key = |hidden: &Hidden| -> Result<Zeroizing<[u8; 32]>, Error> {
            hidden.0.as_slice().try_into().map(Zeroizing::new).map_err(|_| damaged())
        };
        let device = DeviceIdentity::from_parts(
            stored.device.id,
            stored.device.name,
            &*key(&stored.device.signing)?,
            &*key(&stored.device.sealing)?,
        );
        let session = match stored.session {
            None => None,
            Some(s) => Some(SessionTokens {
                access: s.access.text().ok_or_else(damaged)?,
                expires_at: s.expires_at,
                refresh: s.refresh.0,
                attempt: s.attempt.map(|a| a.to_array().ok_or_else(damaged)).transpose()?,
            }),
        };
        let vault = stored.vault.map(|v| VaultSecrets {
            info: v.info,
            amk: v.amk.0,
            account_secret: v.account_secret.0,
            keyring: v.keyring.0,
            recovery_recipient: v.recovery_recipient,
            floor: v.floor.into(),
        });
        Ok(Self {
            service: stored.service,
            email: stored.email,
            account: stored.account,
            device,
            session,
            vault,
            password_version: stored.password_version,
            pending: stored.pending.map(|p| p.read().ok_or_else(damaged)).transpose()?,
        })
    }

    /// The vault's region, if the vault is known.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        self.vault.as_ref().map(|v| v.info.region)
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u8,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u8,
    service: String,
    email: String,
    account: AccountId,
    device: StoredDevice,
    session: Option<StoredSession>,
    vault: Option<StoredVault>,
    password_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<StoredPending>,
}

#[derive(Serialize, Deserialize)]
struct StoredDevice {
    id: DeviceId,
    name: String,
    signing: Hidden,
    sealing: Hidden,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    access: Hidden,
    expires_at: i64,
    refresh: Hidden,
    attempt: Option<Base64>,
}

#[derive(Serialize, Deserialize)]
struct StoredVault {
    info: VaultInfo,
    amk: Hidden,
    account_secret: Hidden,
    keyring: Hidden,
    recovery_recipient: String,
    floor: StoredFloor,
}

#[derive(Serialize, Deserialize)]
struct StoredFloor {
    directory: Option<(u64, Sha256)>,
    heads: Vec<(DeviceId, u64, HeadHash)>,
}

impl From<&Pins> for StoredFloor {
    fn from(pins: &Pins) -> Self {
        let heads = pins.heads.iter().map(|(device, head)| (*device, head.sequence, head.hash));
        Self { directory: pins.directory.map(|pin| (pin.len, pin.hash)), heads: heads.collect() }
    }
}

impl From<StoredFloor> for Pins {
    fn from(stored: StoredFloor) -> Self {
        let heads = stored.heads.into_iter();
        Self {
            directory: stored.directory.map(|(len, hash)| DirectoryPin { len, hash }),
            heads: heads.map(|(device, sequence, hash)| (device, Head { sequence, hash })).collect(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use api_types::vault::MemberRole;

    use super::*;

    pub(crate) fn sample() -> DeviceSecrets {
        DeviceSecrets {
            service: "http://127.0.0.1:8787".into(),
            email: "a@example.com".into(),
            account: AccountId::from_bytes([1; 16]),
            device: DeviceIdentity::from_parts(DeviceId::from_bytes([2; 16]), "laptop", &[3; 32], &[4; 32]),
            session: Some(SessionTokens {
                access: Zeroizing::new("jwt".into()),
                expires_at: 77,
                refresh: Zeroizing::new(vec![5; 32]),
                attempt: Some([6; 16]),
            }),
            vault: Some(VaultSecrets {
                info: VaultInfo {
                    vault_id: VaultId::from_bytes([7; 16]),
                    region: Region::Eu,
                    role: MemberRole::Owner,
                    storage_origin: "http://127.0.0.1:8788".into(),
                    bucket: "eu".into(),
                    ready: true,
                },
                amk: Zeroizing::new(vec![8; 32]),
                account_secret: Zeroizing::new(vec![9; 32]),
                keyring: Zeroizing::new(vec![10; 300]),
                recovery_recipient: "age1x".into(),
                floor: Pins {
                    directory: Some(DirectoryPin { len: 3, hash: Sha256::new([11; 32]) }),
                    heads: [(
                        DeviceId::from_bytes([2; 16]),
                        Head { sequence: 4, hash: HeadHash::new([12; 32]) },
                    )]
                    .into(),
                },
            }),
            password_version: 3,
            pending: None,
        }
    }

    #[test]
    fn secrets_come_back_whole() {
        let bytes = sample().to_bytes().unwrap();
        let back = DeviceSecrets::from_bytes(&bytes).unwrap();
        assert_eq!(*back.to_bytes().unwrap(), *bytes);
        assert_eq!(back.device.signing_public(), sample().device.signing_public());
        assert_eq!(back.vault().unwrap().keyring.len(), 300);
        assert_eq!(back.vault().unwrap().floor, sample().vault.unwrap().floor);
    }

    #[test]
    fn damage_and_newer_versions_are_told_apart() {
        let mut bytes = sample().to_bytes().unwrap().to_vec();
        assert_eq!(DeviceSecrets::from_bytes(&bytes[..50]).err().unwrap().kind(), ErrorKind::Damaged);
        // {"version": 1 …: the value follows the first key
        assert_eq!(bytes[9], 1);
        bytes[9] = 2;
        assert_eq!(DeviceSecrets::from_bytes(&bytes).err().unwrap().kind(), ErrorKind::NewerFormat);
    }
}
