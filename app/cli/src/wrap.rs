//! Wraps our texts at the terminal's width. Anything to copy stays in one piece: a command or name between backticks
//! or quotes, and every word, however long.

use unicode_width::UnicodeWidthStr;

/// Wraps to a number of columns; continuation lines are indented two columns more than their first line.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    text.lines().map(|line| wrapped_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    let sentence = line.trim_start_matches(' ');
    let indent = " ".repeat(line.len() - sentence.len());
    let mut wrapped = indent.clone();
    let mut used = indent.len();
    for (number, piece) in pieces(sentence).into_iter().enumerate() {
        let width = piece.width();
        if number == 0 {
            used += width;
        } else if used + 1 + width <= columns {
            wrapped.push(' ');
            used += 1 + width;
        } else {
            wrapped.push('\n');
            wrapped.push_str(&indent);
            wrapped.push_str("  ");
            used = indent.len() + 2 + width;
        }
        wrapped.push_str(piece);
    }
    wrapped
}

/// Words, treating the text between backticks or quotes as one.
fn pieces(sentence: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    while !rest.is_empty() {
        let end = end_of_piece(rest);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    pieces
}

fn end_of_piece(text: &str) -> usize {
    let mut open = None;
    for (at, c) in text.char_indices() {
        match open {
            Some(mark) if c == mark => open = None,
            None if c == ' ' => return at,
            // An unclosed one is an ordinary character.
            None if matches!(c, '`' | '"') && text[at + 1..].contains(c) => open = Some(c),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wrapped_sentences_are_indented_and_commands_stay_whole() {
        let text = "sealkeep: this device belongs to ada@example.com already\n  \
                    Next: `sealkeep logout --forget` frees it, or set SEALKEEP_HOME to another directory.";
        assert_eq!(
            wrapped(text, 40),
            "sealkeep: this device belongs to\n  ada@example.com already\n  \
             Next: `sealkeep logout --forget` frees\n    it, or set SEALKEEP_HOME to another\n    directory."
        );
        assert_eq!(wrapped(text, 200), text);
        // Wide letters take two columns; a long word stays whole, and a lone quote is an ordinary character.
        assert_eq!(wrapped("データ データ データ", 14), "データ データ\n  データ");
        assert_eq!(
            wrapped("see /a/very/long/path/to/a/dump.sql there", 12),
            "see\n  /a/very/long/path/to/a/dump.sql\n  there"
        );
        assert_eq!(wrapped("a \" b c d e f g", 8), "a \" b c\n  d e f\n  g");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_words_stay_whole(text in "([ -~]{0,12} ?){0,40}", columns in 1_usize..100) {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrapped(&text, columns)), words(&text));
        }
    }
}
