//! A device's public keys: well-formed, and of full order.

use api_types::{DeviceId, ErrorCode, device::DeviceKeys};
use ed25519_dalek::VerifyingKey;
use x25519_dalek::{PublicKey, StaticSecret};

/// Who has to have signed.
pub struct Signer {
    pub(crate) device: DeviceId,
    pub(crate) key: [u8; 32],
}

/// Checked [`DeviceKeys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedDevice {
    /// Which device.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Ed25519.
    pub signing_key: [u8; 32],
    /// X25519.
    pub sealing_key: [u8; 32],
}

impl CheckedDevice {
    /// Refuses malformed and small-order keys: under those, signatures and secrets mean nothing.
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
        // A small-order point gives the same shared secret whatever the other side's key is.
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

/// An Ed25519 key that is worth verifying with.
///
/// # Errors
/// `weak_key`.
pub fn check_ed25519(key: &[u8; 32]) -> Result<VerifyingKey, ErrorCode> {
    VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak()).ok_or(ErrorCode::WeakKey)
}
