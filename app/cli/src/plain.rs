//! Text that a terminal displays but never interprets. Names, paths, messages of other programs and of the service are
//! foreign input: any of it can contain sequences that clear the screen, set the clipboard or reverse a line.

use std::fmt::{self, Display};

use api_types::unseen::escaped;
pub(crate) use api_types::unseen::json;

use crate::wrap;

/// Maximum length of a value in a sentence, characters.
const MAX_VALUE_LEN: usize = 4_000;
/// Maximum length of a name in a table, characters.
const MAX_NAME_LEN: usize = 200;

/// Text without control characters except the newlines written by this program.
///
/// [`plain!`](crate::plain!) creates it. There is no other way to [`Output`](crate::render::Output).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plain(String);

/// A sentence from a template of ours and values of any origin, each of which stays on its line.
#[macro_export]
macro_rules! plain {
    ($template:literal $(, $value:expr)* $(,)?) => {
        $crate::plain::Plain::assemble(format_args!($template $(, $crate::plain::Value(&$value))*))
    };
}

impl Plain {
    /// A name for a table: on one line, and truncated if it is too long.
    pub(crate) fn name(name: impl Display) -> Self {
        Self(escaped(&name, MAX_NAME_LEN, false))
    }

    /// Several lines whose newlines are kept, such as help.
    pub(crate) fn lines(text: impl Display) -> Self {
        Self(escaped(&text, usize::MAX, true))
    }

    /// Implements [`plain!`](crate::plain!). Escapes the formatted result.
    pub(crate) fn assemble(text: fmt::Arguments<'_>) -> Self {
        Self::lines(text)
    }

    /// Joins texts, each on its own line.
    pub(crate) fn join_lines(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<String> = parts.into_iter().map(|part| part.0).collect();
        Self(parts.join("\n"))
    }

    /// Wraps it at a number of columns.
    pub(crate) fn wrapped(&self, columns: usize) -> Self {
        Self(wrap::wrapped(&self.0, columns))
    }

    /// Appends text.
    pub(crate) fn push(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a value is displayed in a sentence.
pub(crate) trait Shown {
    /// Writes it.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T: Display + ?Sized> Shown for T {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(self, MAX_VALUE_LEN, false))
    }
}

impl Shown for Plain {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value in a sentence, for [`plain!`](crate::plain!).
pub(crate) struct Value<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Shown + ?Sized> Display for Value<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::unseen::is_unseen;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_controls_a_terminal_is_shown_instead() {
        let hostile = "a\x1b]52;c;eA==\x07b\r\n\tc\u{9b}31m\u{202e}d\u{200b}\u{2028}\u{e0041}\u{7f}";
        assert_eq!(
            Plain::name(hostile).as_str(),
            "a\\u{1b}]52;c;eA==\\u{7}b\\r\\n\\tc\\u{9b}31m\\u{202e}d\\u{200b}\\u{2028}\\u{e0041}\\u{7f}"
        );
        assert_eq!(plain!("one\ntwo {}", hostile).as_str().lines().count(), 2);
        let nested = plain!("{}!", plain!("own\nlines of {}", "x\ny"));
        assert_eq!(nested.as_str(), "own\nlines of x\\ny!");
        // Names in any script stay readable.
        for name in ["Größe", "データベース", "база", "مخزن", "a b", "back\\slash", "❤️"]
        {
            assert_eq!(Plain::name(name).as_str(), name);
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = "x".repeat(100_000);
        assert_eq!(Plain::name(&long).as_str().chars().count(), MAX_NAME_LEN + 1);
        assert_eq!(plain!("{}{}", long, "y").as_str().chars().count(), MAX_VALUE_LEN + 2);
        assert!(Plain::name(&long).as_str().ends_with('…'));
    }

    proptest! {
        #[test]
        fn nothing_unseen_comes_out(text in "\\PC*|(?s:.*)|[\\x00-\\xa0\u{2000}-\u{2070}]*") {
            let sentence = plain!("it is {}", text);
            prop_assert!(!sentence.as_str().chars().any(is_unseen));
            prop_assert!(!Plain::name(&text).as_str().chars().any(is_unseen));
            prop_assert!(!Plain::lines(&text).as_str().chars().any(|c| c != '\n' && is_unseen(c)));
        }

        #[test]
        fn json_means_the_same(text in "(?s:.*)|[\\x00-\\xa0\u{2000}-\u{2070}\u{e0000}-\u{e0080}]*") {
            let safe = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!safe.chars().any(is_unseen));
            prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        }
    }

    /// Only `render` writes to a terminal, tests aside, and no template accepts an unescaped value.
    #[test]
    fn there_is_no_way_around() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for dir in [root.join("src"), root.join("../../client-core/src")] {
            look_through(&dir);
        }
    }

    fn look_through(dir: &std::path::Path) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look_through(&path);
                continue;
            }
            if path.extension().is_none_or(|e| e != "rs")
                || path.ends_with("src/render.rs")
                || path.ends_with("src/plain.rs")
                || path.ends_with("src/stdout.rs")
                || path.ends_with("tests.rs")
            {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for (number, line) in (1..).zip(source.lines()) {
                let place = format!("{}:{number}: {line}", path.display());
                for way in ["::stdout()", "::stderr()", "io::stderr", "io::stdout", "print!(", "println!("] {
                    assert!(!line.contains(way), "{place}");
                }
                if let Some((_, template)) = line.split_once("plain!(\"") {
                    let template = template.split("\",").next().unwrap_or_default();
                    assert!(!template.replace("{}", "").contains('{'), "a captured value: {place}");
                }
            }
        }
    }
}
