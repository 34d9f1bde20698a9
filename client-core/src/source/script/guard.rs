//! Settings that affect how a script is read.

use super::{
    judge::Seen,
    lexer::{self, Lexer},
};

/// Restores settings that the script may have changed covertly, if the reading of the statement depends on them.
pub(super) fn guard(text: &[u8], whole: bool, lexer: &Lexer, seen: &Seen, out: &mut Vec<u8>) {
    if !whole || lexer::depends_on_settings(text) {
        let value = if lexer.has_standard_strings() { "on" } else { "off" };
        out.extend_from_slice(format!("SET standard_conforming_strings = {value};\n").as_bytes());
    }
    if !whole || lexer::beyond_ascii(text) {
        let line = match &seen.encoding {
            Some(name) => format!("SET client_encoding = '{}';\n", name.replace('\'', "''")),
            None => "RESET client_encoding;\n".to_owned(),
        };
        out.extend_from_slice(line.as_bytes());
    }
}
