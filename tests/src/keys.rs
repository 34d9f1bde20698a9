//! A device's key file as a thief would read it: for searching, and for hand-made requests.

use std::{fs, path::Path};

use ciborium::Value;

use crate::{
    Device,
    failure::{Context, Failure, Result},
};

/// The content of `device.keys`.
pub struct KeyFile(Value);

impl KeyFile {
    /// Reads a device's key file.
    ///
    /// # Errors
    /// It does not exist, or is sealed.
    pub fn of(device: &Device) -> Result<Self> {
        Self::read(&device.home().join("device.keys"))
    }

    fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).context("device.keys")?;
        Ok(Self(ciborium::from_reader(bytes.as_slice()).context("device.keys")?))
    }

    /// A field by its path.
    ///
    /// # Errors
    /// It does not exist.
    pub fn field(&self, way: &[&str]) -> Result<&Value> {
        let mut here = &self.0;
        for name in way {
            here = here
                .as_map()
                .and_then(|map| map.iter().find(|(k, _)| k.as_text() == Some(name)))
                .map(|(_, v)| v)
                .ok_or_else(|| Failure::new(format!("device.keys has no {}", way.join("."))))?;
        }
        Ok(here)
    }

    /// A byte string.
    ///
    /// # Errors
    /// It does not exist.
    pub fn bytes(&self, way: &[&str]) -> Result<&[u8]> {
        self.field(way)?
            .as_bytes()
            .map(Vec::as_slice)
            .ok_or_else(|| Failure::new(format!("{} is no byte string", way.join("."))))
    }

    /// Every key that must never leave the device unsealed, with its path.
    ///
    /// # Errors
    /// One is missing.
    pub fn client_keys(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut keys = Vec::new();
        for way in
            [["device", "signing"], ["device", "sealing"], ["vault", "amk"], ["vault", "account_secret"]]
        {
            keys.push((way.join("."), self.bytes(&way)?.to_owned()));
        }
        let keyring: Value =
            ciborium::from_reader(self.bytes(&["vault", "keyring"])?).context("the keyring")?;
        collect(&keyring, "vault.keyring", &mut keys);
        Ok(keys)
    }
}

/// Collects byte strings with a key's length, and age identities.
fn collect(value: &Value, at: &str, into: &mut Vec<(String, Vec<u8>)>) {
    match value {
        Value::Bytes(bytes) if bytes.len() >= 24 => into.push((at.to_owned(), bytes.clone())),
        Value::Text(text) if text.starts_with("AGE-SECRET-KEY-") => {
            into.push((at.to_owned(), text.clone().into_bytes()));
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, &format!("{at}[{i}]"), into);
            }
        }
        Value::Map(fields) => {
            for (key, item) in fields {
                let name = key.as_text().map_or_else(|| format!("{key:?}"), str::to_owned);
                collect(item, &format!("{at}.{name}"), into);
            }
        }
        _ => {}
    }
}
