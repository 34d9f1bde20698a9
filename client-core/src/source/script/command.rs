//! Backslash commands: only those that pg_dump writes are accepted, and they are removed.

use super::error::{Found, shown};

/// Which of pg_dump's commands have been read.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Key of the open `\restrict`.
    restricted: Option<Vec<u8>>,
}

impl Commands {
    /// Whether a `\restrict` still lacks its `\unrestrict`.
    pub(super) const fn is_restricted(&self) -> bool {
        self.restricted.is_some()
    }

    /// Handles a command on a line of its own; `created` is the database that the dump creates.
    pub(super) fn take(&mut self, text: &[u8], created: Option<&str>) -> Result<(), Found> {
        let refused = Found::ClientCommand(shown(text));
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let key = |name: &[u8]| {
            text.strip_prefix(name).filter(|key| !key.is_empty() && key.iter().all(u8::is_ascii_alphanumeric))
        };
        if let Some(key) = key(b"\\restrict ") {
            if self.restricted.is_some() {
                return Err(refused);
            }
            self.restricted = Some(key.to_vec());
            return Ok(());
        }
        if let Some(key) = key(b"\\unrestrict ") {
            return if self.restricted.take().as_deref() == Some(key) { Ok(()) } else { Err(refused) };
        }
        if text == b"\\encoding SQL_ASCII" && created.is_some() {
            // Precedes a \connect to a database with an unusual name. The dump sets the encoding itself later.
            return Ok(());
        }
        let connect = text.strip_prefix(b"\\connect ").and_then(connect_name);
        if connect.is_some() && connect.as_deref() == created { Ok(()) } else { Err(refused) }
    }
}

/// The database in a `\connect` written by pg_dump.
fn connect_name(argument: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(argument).ok()?;
    if let Some(rest) = text.strip_prefix("-reuse-previous=on \"dbname='") {
        let inner = rest.strip_suffix("'\"")?.replace("\"\"", "\"");
        let mut name = String::new();
        let mut letters = inner.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => name.push(letters.next()?),
                '\'' => return None,
                other => name.push(other),
            }
        }
        return Some(name);
    }
    if let Some(rest) = text.strip_prefix('"') {
        let inner = rest.strip_suffix('"')?;
        return (!inner.replace("\"\"", "").contains('"')).then(|| inner.replace("\"\"", "\""));
    }
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then(|| text.to_owned())
}
