//! An address in parts, for a form; and the secrets of one address in another.

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    conninfo::{self, Pairs, Value},
    parameters::SECRET,
};
use crate::source::{AddressParts, SourceError};

/// Where a connection leads, and as whom.
const SERVER: [&str; 6] = ["host", "hostaddr", "port", "user", "service", "servicefile"];
const DEFAULT_PORT: &[u8] = b"5432";

/// As written, without what service files and variables add. `None` if a value is not text.
pub(super) fn parts(text: &str) -> Option<AddressParts> {
    let pairs = conninfo::parse(text).ok()?;
    let field = |name: &str| {
        value(&pairs, name).map_or(Some(String::new()), |value| String::from_utf8(value.to_vec()).ok())
    };
    let shown = |name: &str| matches!(name, "host" | "port" | "user" | "dbname" | "sslmode");
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &pairs {
        if !shown(name) && !SECRET.contains(&name.as_str()) && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let more = names
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", encoded(value(&pairs, name)?).as_str())));
    Some(AddressParts {
        more: more.collect::<Vec<_>>().join("&"),
        host: field("host")?,
        port: field("port")?,
        user: field("user")?,
        database: field("dbname")?,
        tls: field("sslmode")?,
        password: value(&pairs, "password").is_some(),
    })
}

/// `text`, completed by the secrets of `stored`; `None` if it needs none, or leads to another server or user.
pub(super) fn with_secrets_of(text: &str, stored: &str) -> Result<Option<SecretString>, SourceError> {
    let (given, kept) = (conninfo::parse(text)?, conninfo::parse(stored)?);
    if SERVER.into_iter().any(|name| server(&given, name) != server(&kept, name)) {
        return Ok(None);
    }
    let mut whole = Zeroizing::new(text.to_owned());
    let is_url = conninfo::after_scheme(text).is_some();
    for name in SECRET {
        let Some(secret) = value(&kept, name).filter(|_| value(&given, name).is_none()) else { continue };
        if is_url {
            let separator = if whole.contains('?') { '&' } else { '?' };
            whole.push(separator);
            whole.push_str(&format!("{name}={}", encoded(secret).as_str()));
        } else if let Ok(secret) = std::str::from_utf8(secret) {
            let quoted = Zeroizing::new(secret.replace('\\', "\\\\").replace('\'', "\\'"));
            whole.push_str(&format!(" {name}='{}'", quoted.as_str()));
        }
    }
    Ok((whole.as_str() != text).then(|| SecretString::from(whole.as_str())))
}

/// Part of where a connection leads; the default port is none.
fn server<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a [u8]> {
    let given = value(pairs, name).map(|value| value.as_slice());
    given.filter(|value| name != "port" || *value != DEFAULT_PORT)
}

/// The value that counts: the last one that is not empty.
fn value<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a Value> {
    pairs.iter().rev().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value)
}

fn encoded(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3));
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
