//! State for resuming an interrupted first run.

use api_types::{Region, SignUpId, vault::VaultInfo};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::hidden::Hidden;

/// An interrupted first run, and what its next step needs. As secret as the vault's keys: it contains them, or leads
/// to them.
pub enum Pending {
    /// A sign-up that waits for the authenticator's first code.
    Code {
        /// Id of the sign-up at the service, valid for 30 minutes.
        signup: SignUpId,
        /// Where the account's data will be stored.
        region: Region,
        /// For the authenticator.
        otpauth_url: Zeroizing<String>,
        /// As in [`super::SignedIn`].
        export_key: Zeroizing<Vec<u8>>,
    },
    /// A new vault whose recovery kit was not confirmed.
    Kit(PendingKit),
    /// A new device of an existing vault: needs the words.
    Words {
        /// Which vault.
        info: VaultInfo,
    },
}

/// A recovery kit that was not confirmed.
#[derive(Clone)]
pub struct PendingKit {
    /// Which vault.
    pub info: VaultInfo,
    /// As in [`super::SignedIn`].
    pub export_key: Zeroizing<Vec<u8>>,
    /// Shown once; none if the account already had them.
    pub recovery_codes: Vec<String>,
    /// The 24 words.
    pub words: Zeroizing<String>,
    /// As it will be in [`super::VaultSecrets`].
    pub account_secret: Zeroizing<Vec<u8>>,
    /// Positions of the words to ask for, from 1.
    pub positions: [usize; 3],
}

#[derive(Serialize, Deserialize)]
pub(super) enum StoredPending {
    Code {
        signup: SignUpId,
        region: Region,
        otpauth_url: Hidden,
        export_key: Hidden,
    },
    Kit {
        info: VaultInfo,
        export_key: Hidden,
        recovery_codes: Vec<String>,
        words: Hidden,
        account_secret: Hidden,
        positions: [usize; 3],
    },
    Words {
        info: VaultInfo,
    },
}

impl From<&Pending> for StoredPending {
    fn from(pending: &Pending) -> Self {
        match pending {
            Pending::Code { signup, region, otpauth_url, export_key } => Self::Code {
                signup: *signup,
                region: *region,
                otpauth_url: Hidden::new(otpauth_url.as_bytes()),
                export_key: Hidden(export_key.clone()),
            },
            Pending::Kit(kit) => Self::Kit {
                info: kit.info.clone(),
                export_key: Hidden(kit.export_key.clone()),
                recovery_codes: kit.recovery_codes.clone(),
                words: Hidden::new(kit.words.as_bytes()),
                account_secret: Hidden(kit.account_secret.clone()),
                positions: kit.positions,
            },
            Pending::Words { info } => Self::Words { info: info.clone() },
        }
    }
}

impl StoredPending {
    /// `None`: not what was written.
    pub(super) fn read(self) -> Option<Pending> {
        Some(match self {
            Self::Code { signup, region, otpauth_url, export_key } => {
                Pending::Code { signup, region, otpauth_url: otpauth_url.text()?, export_key: export_key.0 }
            }
            Self::Kit { info, export_key, recovery_codes, words, account_secret, positions } => {
                Pending::Kit(PendingKit {
                    info,
                    export_key: export_key.0,
                    recovery_codes,
                    words: words.text()?,
                    account_secret: account_secret.0,
                    positions,
                })
            }
            Self::Words { info } => Pending::Words { info },
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::device::{DeviceSecrets, tests::sample};

    #[test]
    fn an_interrupted_first_run_comes_back_whole() {
        let info = sample().vault.unwrap().info;
        let export_key = || Zeroizing::new(vec![12; 64]);
        let kit = Pending::Kit(PendingKit {
            info: info.clone(),
            export_key: export_key(),
            recovery_codes: vec!["a-b".into()],
            words: Zeroizing::new("abandon art".into()),
            account_secret: Zeroizing::new(vec![13; 16]),
            positions: [1, 7, 24],
        });
        let code = Pending::Code {
            signup: SignUpId::from_bytes([14; 16]),
            region: Region::Ca,
            otpauth_url: Zeroizing::new("otpauth://totp/x".into()),
            export_key: export_key(),
        };
        for pending in [kit, code, Pending::Words { info }] {
            let secrets = DeviceSecrets { pending: Some(pending), vault: None, ..sample() };
            let bytes = secrets.to_bytes().unwrap();
            assert_eq!(*DeviceSecrets::from_bytes(&bytes).unwrap().to_bytes().unwrap(), *bytes);
        }
    }
}
