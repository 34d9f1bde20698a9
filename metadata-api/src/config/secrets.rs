//! The service's own secrets: reading, checking and generating them.

use std::fmt;

use api_types::opaque::Suite;
use base64ct::{Base64UrlUnpadded, Encoding};
use opaque_ke::ServerSetup;
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use super::{ConfigError, Environment};

/// A 32-byte secret.
pub type Key = SecretBox<[u8; 32]>;

/// Minimum number of different byte values in a secret; fewer mean a placeholder or typed text. The chance of fewer
/// than 16 among 32 random bytes is 1 in 10^12.
const MIN_DIFFERENT_BYTES: usize = 16;

/// The service's own secrets. `operations.md` describes what losing each one means.
pub struct Secrets {
    /// Serialized OPAQUE server setup.
    pub opaque_setup: SecretBox<Vec<u8>>,
    /// Seals second-factor seeds in the database.
    pub master_key: Key,
    /// Ed25519 seed that signs access tokens.
    pub token_key: Key,
    /// Keys the hashes of recovery codes, and derives the successors of refresh tokens.
    pub refresh_pepper: Key,
}

impl Environment {
    pub(super) fn secrets(&self) -> Result<Secrets, Vec<ConfigError>> {
        let mut problems = Vec::new();
        let mut seen: Vec<(&str, Zeroizing<Vec<u8>>)> = Vec::new();
        for (name, what) in SECRETS {
            let bytes = self.required(name, what).and_then(|text| decode_secret(name, &text));
            match bytes {
                Err(problem) => problems.push(problem),
                Ok(bytes) => {
                    if let Some((other, _)) = seen.iter().find(|(_, b)| shares(b, &bytes)) {
                        problems.push(ConfigError(format!(
                            "{name} is the same as {other}: each secret needs a value of its own"
                        )));
                    }
                    seen.push((name, bytes));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let take = |wanted: &str| seen.iter().find(|(name, _)| *name == wanted).map(|(_, bytes)| bytes);
        let key = |name: &str| -> Result<Key, Vec<ConfigError>> {
            let mut key = SecretBox::new(Box::new([0; 32]));
            match take(name) {
                Some(bytes) if bytes.len() == 32 => {
                    secrecy::ExposeSecretMut::expose_secret_mut(&mut key).copy_from_slice(bytes);
                    Ok(key)
                }
                _ => Err(vec![ConfigError(format!("{name} has to be 32 bytes"))]),
            }
        };
        Ok(Secrets {
            opaque_setup: SecretBox::new(Box::new(take(OPAQUE).map(|b| b.to_vec()).unwrap_or_default())),
            master_key: key(MASTER)?,
            token_key: key(TOKEN)?,
            refresh_pepper: key(PEPPER)?,
        })
    }
}

const OPAQUE: &str = "SEALKEEP_OPAQUE_SETUP";
const MASTER: &str = "SEALKEEP_MASTER_KEY";
const TOKEN: &str = "SEALKEEP_TOKEN_KEY";
const PEPPER: &str = "SEALKEEP_REFRESH_PEPPER";

const SECRETS: [(&str, &str); 4] = [
    (OPAQUE, "create one with `metadata-api generate-secrets`"),
    (MASTER, "32 random bytes; create them with `metadata-api generate-secrets`"),
    (TOKEN, "32 random bytes; create them with `metadata-api generate-secrets`"),
    (PEPPER, "32 random bytes; create them with `metadata-api generate-secrets`"),
];

fn decode_secret(name: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let bytes = Base64UrlUnpadded::decode_vec(text).map(Zeroizing::new).map_err(|_| {
        ConfigError(format!("{name} is not unpadded base64url; `metadata-api generate-secrets` creates one"))
    })?;
    if name == OPAQUE {
        ServerSetup::<Suite>::deserialize(&bytes).map_err(|_| {
            ConfigError(format!(
                "{name} is no OPAQUE server setup; `metadata-api generate-secrets` creates one"
            ))
        })?;
    } else if bytes.len() != 32 {
        return Err(ConfigError(format!(
            "{name} is {} bytes long; it has to be 32 random bytes",
            bytes.len()
        )));
    }
    let mut different = [false; 256];
    for byte in bytes.iter() {
        different[usize::from(*byte)] = true;
    }
    if different.iter().filter(|d| **d).count() < MIN_DIFFERENT_BYTES
        || bytes.iter().all(u8::is_ascii_graphic)
    {
        return Err(ConfigError(format!(
            "{name} looks like a placeholder or typed text, not like random bytes; `metadata-api generate-secrets` creates one"
        )));
    }
    Ok(bytes)
}

/// Whether the two are equal or one contains the other.
fn shares(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.windows(short.len()).any(|window| window == short)
}

/// One line per fresh secret, in environment-file format, for the caller to print or store.
#[must_use]
pub fn generate_secrets() -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    let setup =
        Zeroizing::new(ServerSetup::<Suite>::new(&mut opaque_ke::rand::rngs::OsRng).serialize().to_vec());
    let mut line = |name: &str, bytes: &[u8]| {
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes));
        for part in [name, "=", &text, "\n"] {
            out.push_str(part);
        }
    };
    line(OPAQUE, &setup);
    for name in [MASTER, TOKEN, PEPPER] {
        line(name, Zeroizing::new(rand::random::<[u8; 32]>()).as_slice());
    }
    out
}

/// Shows only whether a secret is set.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} + 3×32 bytes)", self.opaque_setup.expose_secret().len())
    }
}

/// A configured secret that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {0} in the configuration cannot be used")]
pub struct UnusableSecret(pub &'static str);
