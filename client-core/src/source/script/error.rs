//! Why a script is not handed on.

use std::fmt;

use crate::format::snapshot::Need;

/// Bytes of a script that a message repeats.
const SHOWN: usize = 40;

/// Things that a message names.
const NAMED: usize = 20;
/// Bytes of a name that are kept for messages and lists.
const NAME: usize = 255;

/// A name as it is kept: whoever makes a dump may make it long.
pub(super) fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME));
    name
}

/// Something that a dump must not hold, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// Line of the script, counted from 1.
    pub line: u64,
    /// What stands there.
    pub found: Found,
}

/// What a script must not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A backslash command: psql would obey it on this machine.
    ClientCommand(String),
    /// A statement that ends or begins a transaction.
    Transaction(String),
    /// A statement that reads or writes files or programs of the server, or changes the server itself.
    Server(String),
    /// A statement that is about another database.
    OtherDatabase(String),
    /// Text that psql versions or the server read differently.
    Ambiguous(&'static str),
    /// The script ends within this.
    Unfinished(&'static str),
    /// The target lacks these.
    Missing(Vec<(Need, String)>),
}

impl ScriptError {
    /// Whether only the target is to blame.
    #[must_use]
    pub const fn lacks(&self) -> bool {
        matches!(self.found, Found::Missing(_))
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match &self.found {
            Found::ClientCommand(text) => {
                write!(f, "line {line} of the dump is a command to psql ({text}), not SQL")
            }
            Found::Transaction(text) => {
                write!(
                    f,
                    "line {line} of the dump begins or ends a transaction ({text}): a restore is one transaction, or none"
                )
            }
            Found::Server(text) => {
                write!(
                    f,
                    "line {line} of the dump reaches beyond its database, to the server's files, programs or settings ({text})"
                )
            }
            Found::OtherDatabase(text) => {
                write!(f, "line {line} of the dump is about another database ({text})")
            }
            Found::Ambiguous(what) => {
                write!(
                    f,
                    "line {line} of the dump holds {what}, which psql and the server may read differently"
                )
            }
            Found::Missing(all) => {
                let named = |(need, name): &(Need, String)| format!("{} {name:?}", need.as_str());
                let list: Vec<String> = all.iter().take(NAMED).map(named).collect();
                let more = match all.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(f, "{}{more} (first needed in line {line})", list.join(", "))
            }
            Found::Unfinished(what) => write!(f, "the dump ends within {what} (line {line})"),
        }
    }
}

impl std::error::Error for ScriptError {}

/// A piece of a script for a message: one line, short, printable.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short = String::new();
    for c in one_line.chars().take(SHOWN) {
        if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() {
            short.push(c);
        } else {
            short.extend(c.escape_unicode());
        }
    }
    if one_line.chars().count() > SHOWN {
        short.push('…');
    }
    short
}
