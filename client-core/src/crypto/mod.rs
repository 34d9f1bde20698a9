//! Keys by purpose and the ways to wrap them, and nothing else: only `hazmat` uses cipher crates.

mod hazmat;
mod identity;
mod key;
mod keyring;
pub mod recovery;
mod wire;
mod words;
pub mod wrap;

pub(crate) use hazmat::{Cipher, TAG_LEN, hkdf};
pub use identity::{ReadIdentity, Recipient, RecoveryIdentity};
pub(crate) use identity::{UnwrapError, unwrap_secret, wrap_secret};
pub use key::{AccountSecret, Amk, DeviceSigningKey, IndexKey, Kek, PackSecret, SigningRoot, kek_password};
pub use keyring::{Domain, InvalidKeyring, Keyring};
pub use words::{InvalidWords, RecoveryWords, Typed, check_typed, is_answer};

pub use crate::chunk::{ChunkIdKey, ChunkerKey};

/// Sealing failed or sealed bytes are invalid. Deliberately reveals no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("authentication failed")]
pub struct AuthenticationFailed;
