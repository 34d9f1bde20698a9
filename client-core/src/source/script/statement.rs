//! The current statement, and psql's way of determining where it ends.

use super::{
    error::{Found, shown},
    token::Token,
};

const ODD_BODY: Found = Found::Ambiguous("a function whose BEGIN, CASE and END psql would not count right");

/// The current statement.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) held: Vec<u8>,
    pub(super) tokens: Vec<Token>,
    /// Line of its first token; 0 between statements.
    pub(super) line: u64,
    pub(super) fate: Fate,
    /// Its beginning was reported as a turn, so its end must be, too.
    pub(super) told: bool,
    /// Open parentheses and bodies, as psql counts them.
    pub(super) parentheses: u32,
    pub(super) bodies: u32,
    /// Initials of its first four words, where psql looks for them.
    words: [u8; 4],
    word_count: usize,
    body: Body,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Held,
    Passed,
    Dropped,
}

/// Position in the body of a SQL function (`BEGIN ATOMIC … END`).
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Body {
    #[default]
    None,
    /// BEGIN was read, ATOMIC must follow.
    Begun,
    /// A statement of the body may start here.
    StatementStart,
    Within,
}

impl Statement {
    /// Mirrors psql to find the end of a function body, and refuses what psql would mistake for one.
    pub(super) fn word(&mut self, text: &[u8]) -> Result<(), Found> {
        const CONTEXT: [&str; 5] = ["create", "function", "procedure", "or", "replace"];
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        if let Some(slot) = self.words.get_mut(self.word_count)
            && CONTEXT.into_iter().any(is)
        {
            *slot = text.first().copied().unwrap_or_default().to_ascii_lowercase();
        }
        self.word_count = self.word_count.saturating_add(1);
        let counts = self.counts();
        match self.body {
            Body::Begun if is("atomic") => {
                self.body = Body::StatementStart;
                return Ok(());
            }
            Body::Begun => return Err(ODD_BODY),
            Body::StatementStart => {
                self.body = Body::Within;
                let forbidden = [
                    "commit",
                    "rollback",
                    "abort",
                    "start",
                    "savepoint",
                    "release",
                    "prepare",
                    "begin",
                    "copy",
                ];
                if forbidden.into_iter().any(is) {
                    return Err(Found::Transaction(shown(text)));
                }
                if is("end") {
                    self.bodies = self.bodies.saturating_sub(1);
                    return if self.bodies == 0 { Ok(()) } else { Err(ODD_BODY) };
                }
            }
            Body::None | Body::Within => {}
        }
        if counts && is("begin") {
            self.bodies = self.bodies.saturating_add(1);
            self.body = Body::Begun;
        } else if counts && is("case") && self.bodies > 0 {
            self.bodies = self.bodies.saturating_add(1);
        } else if counts && is("end") {
            self.bodies = self.bodies.saturating_sub(1);
        }
        Ok(())
    }

    /// Whether psql counts BEGIN, CASE and END here.
    const fn counts(&self) -> bool {
        let makes = matches!(self.words, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        makes && self.parentheses == 0
    }

    /// Whether psql would take this `begin`, a name, for the start of a body.
    pub(super) fn miscounts_name(&self) -> bool {
        self.counts() && !matches!(self.body, Body::Begun | Body::StatementStart)
    }

    /// A piece of a number. Old versions of psql read `0x1` as a number and a word, and count the word.
    pub(super) fn number(&mut self, text: &[u8]) -> Result<(), Found> {
        let letters = text.first().is_some_and(|byte| !byte.is_ascii_digit());
        let creates = self.word_count == 0 || matches!(self.words, [b'c', ..]);
        if letters && creates && self.word_count < self.words.len() {
            return Err(ODD_BODY);
        }
        self.not_a_word()
    }

    pub(super) fn not_a_word(&mut self) -> Result<(), Found> {
        match self.body {
            Body::Begun => Err(ODD_BODY),
            Body::StatementStart => {
                self.body = Body::Within;
                Ok(())
            }
            Body::None | Body::Within => Ok(()),
        }
    }

    /// Handles a semicolon; returns whether it ends the statement.
    pub(super) fn semicolon(&mut self) -> bool {
        if self.body == Body::Within && self.parentheses == 0 {
            self.body = Body::StatementStart;
        }
        self.parentheses == 0 && self.bodies == 0
    }
}
