//! Secret bytes: on the heap, wiped on drop, without `Debug`, `Clone` or `==`.

use rand::{TryRngCore, rngs::OsRng};

/// Fills `bytes` with the operating system's randomness.
///
/// # Panics
/// If the operating system has no randomness: nothing may be sealed without it.
pub(crate) fn fill_random(bytes: &mut [u8]) {
    use rand::RngCore;
    OsRng.unwrap_err().fill_bytes(bytes);
}

/// Declares a secret of fixed length, with a type of its own for each purpose.
macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        pub struct $name(::secrecy::SecretBox<[u8; $len]>);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Generates a secret from the operating system's randomness.
            #[must_use]
            pub fn generate() -> Self {
                Self(::secrecy::SecretBox::init_with_mut(|bytes: &mut [u8; $len]| {
                    $crate::secret::fill_random(bytes);
                }))
            }

            /// Copies existing bytes; the caller wipes its own.
            #[must_use]
            pub fn from_bytes(bytes: &[u8; $len]) -> Self {
                Self(::secrecy::SecretBox::init_with_mut(|own: &mut [u8; $len]| own.copy_from_slice(bytes)))
            }

            /// The bytes, for sealing and for key stores.
            #[must_use]
            pub fn expose(&self) -> &[u8; $len] {
                ::secrecy::ExposeSecret::expose_secret(&self.0)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = $crate::id::InvalidId;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes
                    .try_into()
                    .map(Self::from_bytes)
                    .map_err(|_| $crate::id::InvalidId(stringify!($name)))
            }
        }
    };
}
pub(crate) use secret_key;
