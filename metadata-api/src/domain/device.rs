//! A device's public keys: well-formed, and of full order.

use api_types::{DeviceId, ErrorCode, device::DeviceKeys};
use ed25519_dalek::VerifyingKey;
use x25519_dalek::{PublicKey, StaticSecret};

/// The device and key that must have signed.
pub struct Signer {
    pub(crate) device: DeviceId,
    pub(crate) key: [u8; 32],
}

/// Checked [`DeviceKeys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedDevice {
    /// The device.
    pub id: DeviceId,
    /// Display name.
    pub name: String,
    /// Ed25519.
    pub signing_key: [u8; 32],
    /// X25519.
    pub sealing_key: [u8; 32],
}

impl CheckedDevice {
    /// Refuses malformed and small-order keys, under which signatures and shared secrets mean nothing.
    ///
    /// # Errors
    /// `invalid_request`, `content_invalid` or `weak_key`.
    pub fn check(keys: &DeviceKeys) -> Result<Self, ErrorCode> {
        if !(1..=64).contains(&keys.name.chars().count()) {
            return Err(ErrorCode::InvalidRequest);
        }
        let name = keys.name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ErrorCode::ContentInvalid);
        }
        let signing_key = keys.signing_key.to_array::<32>().ok_or(ErrorCode::InvalidRequest)?;
        let sealing_key = keys.sealing_key.to_array::<32>().ok_or(ErrorCode::InvalidRequest)?;
        check_ed25519(&signing_key)?;
        // With a small-order point the shared secret does not depend on the other side's key.
        let any = StaticSecret::from([0x5a; 32]);
        if !any.diffie_hellman(&PublicKey::from(sealing_key)).was_contributory() {
            return Err(ErrorCode::WeakKey);
        }
        Ok(Self { id: keys.device_id, name: name.to_owned(), signing_key, sealing_key })
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer { device: self.id, key: self.signing_key }
    }
}

/// Checks an Ed25519 key for use in verification.
///
/// # Errors
/// `weak_key`.
pub fn check_ed25519(key: &[u8; 32]) -> Result<VerifyingKey, ErrorCode> {
    VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak()).ok_or(ErrorCode::WeakKey)
}
