//! Splits a script into pieces as psql does (`psqlscan.l`), with the same states, so that both agree where a statement
//! ends, what is quoted, and where the data of a COPY is.

use memchr::{memchr, memchr2, memmem};

use super::{
    error::Found,
    piece::{Piece, Quote},
};

/// Longer words and tags do not occur in dumps.
const MAX_WORD: usize = 4096;

#[derive(Debug, Clone)]
enum State {
    Plain,
    Text {
        escapes: bool,
    },
    Name,
    Dollar(Vec<u8>),
    LineComment,
    BlockComment(u32),
    CopyLine,
    Copy {
        line_start: bool,
    },
    /// After a statement that changes `standard_conforming_strings`: psql knows the new value from the next line on.
    SettingLine(bool),
}

pub(super) struct Lexer {
    state: State,
    /// `standard_conforming_strings`
    standard_strings: bool,
    /// Whether the last piece belongs to a number.
    number: bool,
    /// After an escape string: whether its line has ended. psql and the server disagree on how it continues.
    escape_ended: Option<bool>,
}

type Next = Result<Option<(usize, Piece)>, Found>;

const fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn in_tag(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit()
}

const fn in_word(byte: u8) -> bool {
    in_tag(byte) || byte == b'$'
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn run(bytes: &[u8], of: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !of(*byte)).unwrap_or(bytes.len())
}

/// Whether a BEGIN may open a function body: ATOMIC follows, or a comment that may precede it. `None`: more bytes are
/// needed to decide.
fn opens_body(behind: &[u8], last: bool) -> Result<Option<bool>, Found> {
    let space = run(behind, is_space);
    if space > MAX_WORD {
        return Err(Found::Ambiguous("more than 4096 bytes of white space behind BEGIN"));
    }
    Ok(match behind.get(space..).unwrap_or_default() {
        [] | [b'-' | b'/'] if !last => None,
        [b'-', b'-', ..] | [b'/', b'*', ..] => Some(true),
        next => {
            let word = next.get(..run(next, in_word)).unwrap_or_default();
            let may_go_on = !last && word.len() == next.len() && word.len() <= b"atomic".len();
            if may_go_on { None } else { Some(word.eq_ignore_ascii_case(b"atomic")) }
        }
    })
}

/// Whether letters after the digits of a number belong to it: `1e5`, `0x1F`, `1_000`. None of them is a keyword.
fn ends_number(letters: &[u8]) -> bool {
    match letters {
        [b'x' | b'X', digits @ ..] => digits.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'_'),
        [b'b' | b'B' | b'o' | b'O', digits @ ..] => {
            digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_')
        }
        _ => {
            let is_exponent = |byte: &&u8| matches!(byte, b'e' | b'E');
            letters.iter().all(|byte| byte.is_ascii_digit() || *byte == b'_' || is_exponent(&byte))
                && letters.iter().filter(is_exponent).count() <= 1
        }
    }
}

impl Lexer {
    pub(super) const fn new() -> Self {
        Self { state: State::Plain, standard_strings: true, number: false, escape_ended: None }
    }

    /// The next piece of `rest`, at least one byte; `None` if more bytes are needed to decide. `last`: no more will
    /// come.
    pub(super) fn next(&mut self, rest: &[u8], last: bool) -> Next {
        let Some(first) = rest.first() else { return Ok(None) };
        match &mut self.state {
            State::Plain => self.plain(*first, rest, last),
            State::Text { escapes: false } => Ok(self.quoted(rest, b'\'', last)),
            State::Text { escapes: true } => Ok(self.escaped(rest, last)),
            State::Name => Ok(self.quoted(rest, b'"', last)),
            State::Dollar(tag) => {
                let found = memmem::find(rest, tag);
                let (len, piece) = match found {
                    Some(at) => (at + tag.len(), Piece::Close),
                    None if last => (rest.len(), Piece::Inside),
                    None => ((rest.len() + 1).saturating_sub(tag.len()), Piece::Inside),
                };
                if found.is_some() {
                    self.state = State::Plain;
                }
                Ok((len > 0).then_some((len, piece)))
            }
            State::LineComment => {
                let end = memchr2(b'\n', b'\r', rest);
                if end.is_some() {
                    self.state = State::Plain;
                }
                match end {
                    Some(0) => self.plain(*first, rest, last),
                    _ => Ok(Some((end.unwrap_or(rest.len()), Piece::Space))),
                }
            }
            State::BlockComment(depth) => {
                let at = memchr2(b'*', b'/', rest).unwrap_or(rest.len());
                match rest.get(at..) {
                    Some([b'/', b'*', ..]) => *depth += 1,
                    Some([b'*', b'/', ..]) => *depth -= 1,
                    // The deciding byte may still come.
                    Some([_]) if !last => return Ok((at > 0).then_some((at, Piece::Space))),
                    Some([_, ..]) => return Ok(Some((at + 1, Piece::Space))),
                    Some([]) | None => return Ok(Some((at, Piece::Space))),
                }
                if *depth == 0 {
                    self.state = State::Plain;
                }
                Ok(Some((at + 2, Piece::Space)))
            }
            State::CopyLine => match *first {
                b'\n' => {
                    self.state = State::Copy { line_start: true };
                    Ok(Some((1, Piece::CopyLine)))
                }
                b' ' | b'\t' | b'\r' => Ok(Some((1, Piece::CopyLine))),
                _ => Err(Found::Ambiguous("text behind a COPY on its line")),
            },
            State::Copy { .. } => Ok(self.copy(rest, last)),
            State::SettingLine(on) => match *first {
                b'\n' => {
                    self.standard_strings = *on;
                    self.state = State::Plain;
                    Ok(Some((1, Piece::Space)))
                }
                b' ' | b'\t' | b'\r' => Ok(Some((1, Piece::Space))),
                _ => Err(Found::Ambiguous("text behind SET standard_conforming_strings on its line")),
            },
        }
    }

    /// From the next line on, plain strings conform to the standard or have escapes.
    pub(super) fn standard_strings(&mut self, on: bool) {
        if self.standard_strings != on {
            self.state = State::SettingLine(on);
        }
    }

    /// The data of a COPY follows on the next line.
    pub(super) fn copy_follows(&mut self) {
        self.state = State::CopyLine;
    }

    pub(super) const fn has_standard_strings(&self) -> bool {
        self.standard_strings
    }

    /// What is still open, for a script that ends here.
    pub(super) const fn open(&self) -> Option<Found> {
        match self.state {
            State::Plain | State::LineComment | State::SettingLine(_) => None,
            State::Text { .. } | State::Dollar(_) => Some(Found::Unfinished("a quoted text")),
            State::Name => Some(Found::Unfinished("a quoted name")),
            State::BlockComment(_) => Some(Found::Unfinished("a comment")),
            State::CopyLine | State::Copy { .. } => Some(Found::Unfinished("the data of a COPY")),
        }
    }

    fn plain(&mut self, first: u8, rest: &[u8], last: bool) -> Next {
        let number = std::mem::take(&mut self.number);
        let ended = self.escape_ended.take();
        let second = rest.get(1).copied();
        if second.is_none() && !last && matches!(first, b'-' | b'/' | b':') {
            (self.number, self.escape_ended) = (number, ended);
            return Ok(None);
        }
        if is_space(first) {
            let len = run(rest, is_space);
            let new_line = rest.get(..len).is_some_and(|space| memchr2(b'\n', b'\r', space).is_some());
            self.escape_ended = ended.map(|before| before || new_line);
            return Ok(Some((len, Piece::Space)));
        }
        if first == b'-' && second == Some(b'-') {
            self.escape_ended = ended;
            self.state = State::LineComment;
            return Ok(Some((2, Piece::Space)));
        }
        if begins_word(first) {
            let next = if number { Self::behind_number(rest, last) } else { self.word(rest, last) };
            if matches!(next, Ok(None)) {
                (self.number, self.escape_ended) = (number, ended);
            }
            return next;
        }
        let one = |piece| Ok(Some((1, piece)));
        match (first, second) {
            (b'/', Some(b'*')) => {
                self.state = State::BlockComment(1);
                Ok(Some((2, Piece::Space)))
            }
            (b'\'', _) if ended == Some(true) => {
                Err(Found::Ambiguous("an escape string that continues on another line"))
            }
            (b'\'', _) => {
                self.state = State::Text { escapes: !self.standard_strings };
                one(Piece::Open(if self.standard_strings { Quote::Text } else { Quote::Opaque }))
            }
            (b'"', _) => {
                self.state = State::Name;
                one(Piece::Open(Quote::Name))
            }
            (b'0'..=b'9', _) => {
                self.number = true;
                Ok(Some((run(rest, |byte| byte.is_ascii_digit()), Piece::Number)))
            }
            (b'.', _) => {
                self.number = number;
                one(Piece::Mark(b'.'))
            }
            (b'$', _) => {
                let next = self.dollar(rest, last);
                if matches!(next, Ok(None)) {
                    (self.number, self.escape_ended) = (number, ended);
                }
                next
            }
            (b':', Some(b':' | b'=')) => Ok(Some((2, Piece::Mark(b':')))),
            (b':', Some(b'\'' | b'"' | b'{')) => one(Piece::Colon),
            (b':', Some(byte)) if in_tag(byte) => one(Piece::Colon),
            (b';', _) => one(Piece::Semicolon),
            (b'\\', _) => {
                let end = memchr(b'\n', rest);
                let len = end.unwrap_or(rest.len());
                if end.is_none() && !last && len < MAX_WORD {
                    return Ok(None);
                }
                Ok(Some((len, Piece::Command)))
            }
            (mark, _) => one(Piece::Mark(mark)),
        }
    }

    /// `$tag$`, a parameter, or just a dollar sign.
    fn dollar(&mut self, rest: &[u8], last: bool) -> Next {
        let after = rest.get(1..).unwrap_or_default();
        let len = if after.first().is_some_and(|byte| begins_word(*byte)) { run(after, in_tag) } else { 0 };
        if len > MAX_WORD {
            return Err(Found::Ambiguous("a dollar quote with a very long tag"));
        }
        match after.get(len) {
            Some(b'$') => {
                let tag = rest.get(..len + 2).unwrap_or_default().to_vec();
                self.state = State::Dollar(tag);
                Ok(Some((len + 2, Piece::Open(Quote::Opaque))))
            }
            None if !last => Ok(None),
            _ => Ok(Some((1, Piece::Mark(b'$')))),
        }
    }

    fn word(&mut self, rest: &[u8], last: bool) -> Next {
        let len = run(rest, in_word);
        if len > MAX_WORD {
            return Err(Found::Ambiguous("a word of more than 4096 bytes"));
        }
        let prefix = rest.get(..len).unwrap_or_default();
        let wanted = len + if prefix.eq_ignore_ascii_case(b"u") { 2 } else { 1 };
        if rest.len() < wanted && !last && (len == rest.len() || rest.get(len) == Some(&b'&')) {
            return Ok(None);
        }
        let behind = rest.get(len..).unwrap_or_default();
        let (escapes, quote, more) = match (prefix, behind) {
            ([b'e' | b'E'], [b'\'', ..]) => (true, Quote::Opaque, 1),
            ([b'n' | b'N'], [b'\'', ..]) if !self.standard_strings => (true, Quote::Opaque, 1),
            // A quote after its end starts a string with escapes, or continues without.
            ([b'b' | b'B' | b'x' | b'X'], [b'\'', ..]) | ([b'u' | b'U'], [b'&', b'\'', ..])
                if !self.standard_strings =>
            {
                return Err(Found::Ambiguous(
                    "a bit or Unicode string under standard_conforming_strings = off",
                ));
            }
            ([b'n' | b'N' | b'b' | b'B' | b'x' | b'X'], [b'\'', ..]) => (false, Quote::Opaque, 1),
            ([b'u' | b'U'], [b'&', b'\'', ..]) => (false, Quote::Opaque, 2),
            ([b'u' | b'U'], [b'&', b'"', ..]) => {
                self.state = State::Name;
                return Ok(Some((len + 2, Piece::Open(Quote::Opaque))));
            }
            // psql does not count it among the words of a CREATE FUNCTION.
            ([b'u' | b'U'], [b'&', ..]) => return Err(Found::Ambiguous("U& without a quote")),
            _ if prefix.eq_ignore_ascii_case(b"begin") => {
                let piece = |opens| if opens { Piece::Word } else { Piece::NamedBegin };
                return Ok(opens_body(behind, last)?.map(|opens| (len, piece(opens))));
            }
            _ => return Ok(Some((len, Piece::Word))),
        };
        self.state = State::Text { escapes };
        Ok(Some((len + more, Piece::Open(quote))))
    }

    /// Letters after a number: versions disagree where the number ends.
    fn behind_number(rest: &[u8], last: bool) -> Next {
        let len = run(rest, in_tag);
        match rest.get(len) {
            None if !last && len <= MAX_WORD => Ok(None),
            Some(b'\'' | b'"' | b'$' | b'&') => Err(Found::Ambiguous("a quote that touches a number")),
            _ if len > MAX_WORD => Err(Found::Ambiguous("a word of more than 4096 bytes")),
            _ if !ends_number(rest.get(..len).unwrap_or_default()) => {
                Err(Found::Ambiguous("a word that touches a number"))
            }
            _ => Ok(Some((len, Piece::Number))),
        }
    }

    /// Up to the closing quote; a doubled one is a quote inside.
    fn quoted(&mut self, rest: &[u8], quote: u8, last: bool) -> Option<(usize, Piece)> {
        let Some(at) = memchr(quote, rest) else { return Some((rest.len(), Piece::Inside)) };
        self.close(rest, at, quote, last)
    }

    fn close(&mut self, rest: &[u8], at: usize, quote: u8, last: bool) -> Option<(usize, Piece)> {
        match rest.get(at + 1) {
            Some(next) if *next == quote => Some((at + 2, Piece::Inside)),
            None if !last => (at > 0).then_some((at, Piece::Inside)),
            _ => {
                if matches!(self.state, State::Text { escapes: true }) {
                    self.escape_ended = Some(false);
                }
                self.state = State::Plain;
                Some((at + 1, Piece::Close))
            }
        }
    }

    fn escaped(&mut self, rest: &[u8], last: bool) -> Option<(usize, Piece)> {
        let Some(at) = memchr2(b'\'', b'\\', rest) else { return Some((rest.len(), Piece::Inside)) };
        if rest.get(at) == Some(&b'\'') {
            return self.close(rest, at, b'\'', last);
        }
        match rest.get(at + 1) {
            None if !last => (at > 0).then_some((at, Piece::Inside)),
            None => Some((at + 1, Piece::Inside)),
            Some(_) => Some((at + 2, Piece::Inside)),
        }
    }

    fn copy(&mut self, rest: &[u8], last: bool) -> Option<(usize, Piece)> {
        let State::Copy { line_start } = &mut self.state else { return None };
        if *line_start {
            match rest {
                [b'\\', b'.', b'\n', ..] | [b'\\', b'.', b'\r', b'\n', ..] => {
                    self.state = State::Plain;
                    let len = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    return Some((len, Piece::CopyEnd));
                }
                [b'\\'] | [b'\\', b'.'] | [b'\\', b'.', b'\r'] if !last => return None,
                // psql needs a whole line here; without its end only the server would take it, and both stop.
                [b'\\', b'.'] | [b'\\', b'.', b'\r'] => {
                    self.state = State::Plain;
                    return Some((rest.len(), Piece::CopyEnd));
                }
                _ => {}
            }
        }
        let (len, starts) = match memmem::find(rest, b"\n\\") {
            Some(at) => (at + 1, true),
            None => (rest.len(), rest.last() == Some(&b'\n')),
        };
        *line_start = starts;
        Some((len, Piece::CopyData))
    }
}

/// Whether `text` contains bytes that psql or the server would read differently under another setting: a backslash
/// before a quote (`standard_conforming_strings`).
pub(super) fn depends_on_settings(text: &[u8]) -> bool {
    memmem::find(text, b"\\'").is_some()
}

/// Whether `text` contains non-ASCII bytes: in some client encodings they swallow what follows them.
pub(super) fn beyond_ascii(text: &[u8]) -> bool {
    !text.is_ascii()
}

/// Number of line ends in `text`.
pub(super) fn lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Whether `text` contains a byte that no PostgreSQL text can contain.
pub(super) fn has_nul(text: &[u8]) -> bool {
    memchr(0, text).is_some()
}
