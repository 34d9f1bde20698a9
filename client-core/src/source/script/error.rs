//! Why a script is refused.

use crate::{
    format::snapshot::Need,
    text,
    text::{Text, told},
};

/// Maximum number of script bytes quoted in a message.
const SHOWN: usize = 40;

/// Maximum number of things named in a message.
const NAMED: usize = 20;
/// Maximum number of bytes of a name kept for messages and lists.
const NAME: usize = 255;

/// Truncates a name: the author of a dump may make it long.
pub(super) fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME));
    name
}

/// Something that a dump must not contain, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// Line of the script, starting at 1.
    pub line: u64,
    /// What was found there.
    pub found: Found,
}

/// What a script must not contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A backslash command: psql would run it on this machine.
    ClientCommand(String),
    /// A statement that ends or begins a transaction.
    Transaction(String),
    /// A statement that reads or writes files or programs of the server, or changes the server itself.
    Server(String),
    /// A statement about another database.
    OtherDatabase(String),
    /// Text that psql versions or the server read differently.
    Ambiguous(&'static str),
    /// The script ends inside this.
    Unfinished(&'static str),
    /// The target lacks these.
    Missing(Vec<(Need, String)>),
}

impl ScriptError {
    /// Whether only the target is at fault.
    #[must_use]
    pub const fn lacks(&self) -> bool {
        matches!(self.found, Found::Missing(_))
    }
}

told!(ScriptError);

impl ScriptError {
    pub(crate) fn text(&self) -> Text {
        let line = self.line;
        match &self.found {
            Found::ClientCommand(found) => {
                text!("line {line} of the dump is a psql meta-command ({found}), not SQL", line, found)
            }
            Found::Transaction(found) => text!(
                "line {line} of the dump begins or ends a transaction ({found}), which a restore does not allow",
                line,
                found
            ),
            Found::Server(found) => text!(
                "line {line} of the dump accesses the server's files, programs, or settings ({found})",
                line,
                found
            ),
            Found::OtherDatabase(found) => {
                text!("line {line} of the dump refers to another database ({found})", line, found)
            }
            Found::Ambiguous(what) => text!(
                "line {line} of the dump contains {what}, which psql and the server may read differently",
                line,
                what = Text::fixed(what)
            ),
            Found::Missing(all) => {
                let named = |(need, name): &(Need, String)| format!("{} {name:?}", need.as_str());
                let list: Vec<String> = all.iter().take(NAMED).map(named).collect();
                let list = list.join(", ");
                match all.len().saturating_sub(NAMED) {
                    0 => text!(
                        "the dump needs {list} (first in line {line}), which the server does not have",
                        list,
                        line
                    ),
                    more => text!(
                        "the dump needs {list} and {more} more (first in line {line}), which the server does not have",
                        list,
                        more,
                        line
                    ),
                }
            }
            Found::Unfinished(what) => {
                text!("the dump ends inside {what} (line {line})", what = Text::fixed(what), line)
            }
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
