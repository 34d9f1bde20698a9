//! The tokens at the beginning of a statement.

/// The kinds of tokens that decisions depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes; also `U&"…"`.
    Quoted,
    /// `'…'` without escapes.
    Text,
    /// A literal that must be decoded to be known: `E'…'`, `U&'…'`, `$$…$$`.
    Opaque,
    /// Any other character.
    Mark(u8),
}

/// A token and its place in the text held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A statement, or as much of its beginning as is held.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) text: &'a [u8],
    pub(super) tokens: &'a [Token],
    /// Whether its end is in `text`.
    pub(super) whole: bool,
}

impl<'a> Head<'a> {
    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn raw(&self, at: usize) -> &'a [u8] {
        self.tokens.get(at).and_then(|token| self.text.get(token.start..token.end)).unwrap_or_default()
    }

    /// Whether the token is this keyword, given in lower case.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Word) && self.raw(at).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether the tokens from `at` on are these keywords.
    pub(super) fn are(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(index, word)| self.is(at + index, word))
    }

    pub(super) fn mark(&self, at: usize, mark: u8) -> bool {
        self.kind(at) == Some(Kind::Mark(mark))
    }

    /// The first of these keywords from `at` on, outside parentheses.
    pub(super) fn find(&self, at: usize, word: &str) -> Option<usize> {
        let mut depth = 0_u32;
        for index in at..self.tokens.len() {
            match self.kind(index) {
                Some(Kind::Mark(b'(' | b'[')) => depth += 1,
                Some(Kind::Mark(b')' | b']')) => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.is(index, word) => return Some(index),
                _ => {}
            }
        }
        None
    }

    /// A name as the server understands it, or a text; `None` if it would have to be decoded.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        let raw = String::from_utf8_lossy(self.raw(at));
        match self.kind(at)? {
            Kind::Word => Some(raw.to_ascii_lowercase()),
            Kind::Quoted => Some(raw.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\"")),
            Kind::Text => Some(raw.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'")),
            Kind::Opaque | Kind::Mark(_) => None,
        }
    }

    /// A name to compare with the target's. Bytes that are not UTF-8 mean different names in different encodings: the
    /// server decides about those.
    pub(super) fn comparable(&self, at: usize) -> Option<String> {
        self.name(at).filter(|_| std::str::from_utf8(self.raw(at)).is_ok())
    }

    /// An unsigned number.
    pub(super) fn number(&self, at: usize) -> Option<i32> {
        self.mark(at, b'0').then(|| std::str::from_utf8(self.raw(at)).ok()?.parse().ok())?
    }

    /// Whether it creates a relation, which is locked until the transaction ends, as written by pg_dump.
    pub(super) fn creates_relation(&self) -> bool {
        const CREATED: [&[&str]; 8] = [
            &["table"],
            &["unlogged", "table"],
            &["foreign", "table"],
            &["sequence"],
            &["view"],
            &["materialized", "view"],
            &["index"],
            &["unique", "index"],
        ];
        let creates = self.is(0, "create") && CREATED.iter().any(|words| self.are(1, words));
        // The index of a key, the sequence of an identity: other constraints are not relations.
        let adds = self.are(0, &["alter", "table"])
            && self.find(2, "add").is_some_and(|add| {
                let kind = if self.is(add + 1, "constraint") { add + 3 } else { add + 1 };
                ["primary", "unique", "exclude", "generated"].iter().any(|word| self.is(kind, word))
            });
        creates || adds
    }

    /// Whether it sets the owner of something that is not a relation, and locks it until the transaction ends.
    pub(super) fn locks_for_owner(&self) -> bool {
        const LOCKED: [&[&str]; 4] = [&["large", "object"], &["function"], &["procedure"], &["aggregate"]];
        self.is(0, "alter")
            && LOCKED.iter().any(|words| self.are(1, words))
            && self.find(2, "owner").is_some_and(|owner| self.is(owner + 1, "to"))
    }

    /// The statement's first words, for lists.
    pub(super) fn title(&self) -> String {
        super::error::shown(self.text)
    }
}
