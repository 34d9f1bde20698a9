//! A device's own keys. They never leave it.

use api_types::{Base64, DeviceId, device::DeviceKeys};
use ed25519_dalek::SigningKey;
use rand::RngCore;
use uuid::Uuid;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// Maximum length of a device name, in characters.
const MAX_NAME: usize = 64;

/// An installed app or command with its own keys.
pub struct DeviceIdentity {
    /// Random, never changes.
    pub id: DeviceId,
    /// Its display name, 1–64 characters.
    pub name: String,
    signing: SigningKey,
    sealing: StaticSecret,
}

impl DeviceIdentity {
    /// Generates random keys. Truncates a name that is too long, and replaces an empty one.
    #[must_use]
    pub fn generate(name: impl Into<String>) -> Self {
        let (mut signing, mut sealing) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        rand::rng().fill_bytes(signing.as_mut());
        rand::rng().fill_bytes(sealing.as_mut());
        Self::from_parts(DeviceId(Uuid::new_v4()), name, &signing, &sealing)
    }

    /// Restores it from a key store's content.
    #[must_use]
    pub fn from_parts(id: DeviceId, name: impl Into<String>, signing: &[u8; 32], sealing: &[u8; 32]) -> Self {
        let name: String = name.into().trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
        let name = if name.is_empty() { "device".to_owned() } else { name };
        Self { id, name, signing: SigningKey::from_bytes(signing), sealing: StaticSecret::from(*sealing) }
    }

    /// A second handle on the same identity, for the key store.
    #[must_use]
    pub fn clone_for_keystore(&self) -> Self {
        Self {
            id: self.id,
            name: self.name.clone(),
            signing: self.signing.clone(),
            sealing: self.sealing.clone(),
        }
    }

    /// Signs requests, index segments and snapshots.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    /// Opens what others seal to this device.
    #[must_use]
    pub const fn sealing_key(&self) -> &StaticSecret {
        &self.sealing
    }

    /// Ed25519 public key.
    #[must_use]
    pub fn signing_public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// X25519 public key.
    #[must_use]
    pub fn sealing_public(&self) -> [u8; 32] {
        PublicKey::from(&self.sealing).to_bytes()
    }

    /// The public half, for the service.
    #[must_use]
    pub fn public(&self) -> DeviceKeys {
        DeviceKeys {
            device_id: self.id,
            name: self.name.clone(),
            signing_key: Base64(self.signing_public().to_vec()),
            sealing_key: Base64(self.sealing_public().to_vec()),
        }
    }
}
