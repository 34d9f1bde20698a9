//! One type per purpose, so that no key can be used for another.

use api_types::AccountId;
use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::hkdf;
use crate::secret::{fill_random, secret_key};

secret_key!(
    /// Master key of a vault: seals the keyring.
    Amk, 32
);
secret_key!(
    /// Wraps one other key.
    Kek, 32
);
secret_key!(
    /// Second secret besides the password, on devices and in the recovery file: without it a password, even a weak
    /// one, is worth nothing to the service.
    AccountSecret, 16
);
secret_key!(
    /// Data key of a single pack or snapshot.
    PackSecret, 32
);
secret_key!(
    /// Seals index segments of a deduplication domain.
    IndexKey, 32
);

const KEK_PASSWORD: &str = "sealkeep/v1/kek/password";

/// Derives a key from the password: HKDF-SHA256 over OPAQUE's export key and the account secret, salted with the
/// account's id.
#[must_use]
pub fn kek_password(export_key: &[u8], account_secret: &AccountSecret, account: AccountId) -> Kek {
    let mut secret = Zeroizing::new(Vec::with_capacity(export_key.len() + AccountSecret::LEN));
    secret.extend_from_slice(export_key);
    secret.extend_from_slice(account_secret.expose());
    Kek::derived(&hkdf(&secret, account.as_bytes(), KEK_PASSWORD))
}

impl Kek {
    pub(super) fn derived(key: &secrecy::SecretBox<[u8; 32]>) -> Self {
        Self::from_bytes(secrecy::ExposeSecret::expose_secret(key))
    }
}

macro_rules! signing_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(Box<SigningKey>);

        impl $name {
            /// Generates a key from the operating system's randomness.
            #[must_use]
            pub fn generate() -> Self {
                let mut seed = Zeroizing::new([0; 32]);
                fill_random(&mut *seed);
                Self::from_seed(&seed)
            }

            /// Restores it from the 32 bytes of [`Self::seed`].
            #[must_use]
            pub fn from_seed(seed: &[u8; 32]) -> Self {
                Self(Box::new(SigningKey::from_bytes(seed)))
            }

            /// The secret half, for key stores.
            #[must_use]
            pub fn seed(&self) -> &[u8; 32] {
                self.0.as_bytes()
            }

            /// The public half.
            #[must_use]
            pub fn public(&self) -> [u8; 32] {
                self.0.verifying_key().to_bytes()
            }

            /// The public half, ready to verify.
            #[must_use]
            pub fn verifying_key(&self) -> VerifyingKey {
                self.0.verifying_key()
            }

            /// For api-types' signing functions.
            #[must_use]
            pub const fn as_dalek(&self) -> &SigningKey {
                &self.0
            }
        }
    };
}

signing_key!(
    /// Signs this device's requests, snapshots and index segments (Ed25519). Never leaves the device.
    DeviceSigningKey
);
signing_key!(
    /// Signs the vault's device directory (Ed25519).
    SigningRoot
);
