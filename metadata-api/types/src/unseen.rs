//! Escapes untrusted text before somebody reads it on a terminal or in a log.

use std::fmt::{self, Display, Write};

/// JSON with every hidden or control character escaped. Serde escapes the C0 controls; the others occur only within
/// strings, where an escape means the same.
#[must_use]
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Whether a terminal would interpret the character, or show nothing for it.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Escapes everything that a terminal would interpret, newlines included unless `newlines` are ours; truncates after
/// `longest` characters.
#[must_use]
pub fn escaped(value: &(impl Display + ?Sized), longest: usize, newlines: bool) -> String {
    let mut escaping = Escaping { safe: String::new(), left: longest, newlines };
    // An error means that the value was truncated, or that its own `Display` failed: what was written so far is shown.
    let _ = write!(escaping, "{value}");
    escaping.safe
}

struct Escaping {
    safe: String,
    left: usize,
    newlines: bool,
}

impl Write for Escaping {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                self.safe.push('…');
                return Err(fmt::Error);
            }
            self.left -= 1;
            if is_unseen(c) && !(self.newlines && c == '\n') {
                self.safe.extend(c.escape_default());
            } else {
                self.safe.push(c);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_stays_json_and_means_the_same() {
        let line = serde_json::json!({ "why": "a\u{1b}[2J\u{9b}31m\u{202e}b\nc" }).to_string();
        let safe = json(&line);
        assert!(!safe.chars().any(is_unseen), "{safe}");
        let (before, after): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&line).unwrap_or_default(),
            serde_json::from_str(&safe).unwrap_or_default(),
        );
        assert_eq!(before, after);
        assert!(before["why"].is_string());
    }
}
