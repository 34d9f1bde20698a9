//! Commands shown for pasting into a shell.

use std::borrow::Cow;

/// Quotes a word for a POSIX shell, where it needs quotes.
#[must_use]
pub fn quoted(word: &str) -> Cow<'_, str> {
    // Neither a shell's word nor a file name can contain NUL: there is nothing to name.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed("''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_for_its_own_is_quoted() {
        for plain in ["latest", "/d/shop.sql", "postgres://ada@h:5433/copy", "--file"] {
            assert_eq!(quoted(plain), plain);
        }
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\0b"), "''");
        assert_eq!(quoted("postgres://h/shop?sslmode=require"), "'postgres://h/shop?sslmode=require'");
        assert_eq!(quoted("$(rm -r ~)"), "'$(rm -r ~)'");
        assert_eq!(quoted("Ada's dump"), "\"Ada's dump\"");
        assert_eq!(quoted("Ada's $HOME"), "\"Ada's \"'$HOME'");
    }
}
