//! The only file that uses the cipher and the key derivation directly: AES-256-GCM and HKDF-SHA256.

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use super::AuthenticationFailed;

/// Bytes added by sealing.
pub(crate) const TAG_LEN: usize = 16;

/// HKDF-SHA256 (RFC 5869), 32 bytes.
pub(crate) fn hkdf(secret: &[u8], salt: &[u8], label: &str) -> SecretBox<[u8; 32]> {
    let hkdf = Hkdf::<Sha256>::new(Some(salt), secret);
    SecretBox::init_with_mut(|key: &mut [u8; 32]| {
        // Fails only above 8160 bytes; this is 32.
        let expanded = hkdf.expand(label.as_bytes(), key);
        debug_assert!(expanded.is_ok());
    })
}

/// AES-256-GCM with one key, in place.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(crate) fn new(key: &SecretBox<[u8; 32]>) -> Self {
        Self(Aes256Gcm::new(key.expose_secret().into()))
    }

    /// Encrypts `buffer` in place and returns the tag.
    pub(crate) fn seal(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_LEN], AuthenticationFailed> {
        self.0
            .encrypt_inout_detached(&nonce.into(), aad, buffer.into())
            .map(Into::into)
            .map_err(|_| AuthenticationFailed)
    }

    /// Decrypts `sealed` (ciphertext ‖ tag) in place and removes the tag.
    pub(crate) fn open(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), AuthenticationFailed> {
        let (buffer, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(AuthenticationFailed)?;
        let tag = *tag;
        self.0
            .decrypt_inout_detached(&nonce.into(), aad, buffer.into(), &tag.into())
            .map_err(|_| AuthenticationFailed)?;
        sealed.truncate(sealed.len() - TAG_LEN);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn hkdf_is_rfc_5869() {
        // Appendix A.1, first 32 of 42 bytes.
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info: String = (0xf0..=0xf9_u8).map(char::from).collect();
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]);
        let mut out = [0; 32];
        hkdf.expand(&info.chars().map(|c| c as u8).collect::<Vec<_>>(), &mut out).unwrap();
        assert_eq!(hex::encode(out), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    }

    #[test]
    fn gcm_is_nist() {
        // NIST GCM test case 14: key 0^256, nonce 0^96, plaintext 0^128.
        let cipher = Cipher::new(&SecretBox::new(Box::new([0; 32])));
        let mut buffer = [0; 16];
        let tag = cipher.seal([0; 12], &[], &mut buffer).unwrap();
        assert_eq!(hex::encode(buffer), "cea7403d4d606b6e074ec5d3baf39d18");
        assert_eq!(hex::encode(tag), "d0d1c8a799996bf0265b98b5d48ab919");
    }
}
