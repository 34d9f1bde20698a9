//! Text from a dump is not a program. Everything that psql reads passes this filter, which knows where statements end,
//! refuses what is not SQL for this database, and leaves out what is not wanted.
//!
//! Pure: bytes in, bytes out, split anywhere; memory is bounded by the beginning of one statement.

mod command;
mod database;
mod decide;
mod error;
mod guard;
mod judge;
mod lacks;
mod lexer;
mod piece;
mod policy;
mod report;
mod statement;
mod survey;
mod token;
mod verdict;

use std::collections::BTreeSet;

use self::{
    command::Commands,
    error::shown,
    judge::Seen,
    lexer::Lexer,
    piece::{Piece, Quote},
    statement::{Fate, Statement},
    survey::Notes,
    token::{Kind, Token},
};
pub use self::{
    error::{Found, ScriptError},
    policy::{LeftOut, Policy, Reason, Target},
    report::{ScriptReport, Turn},
    survey::Survey,
};
use crate::format::snapshot::DatabaseProperties;
pub use crate::format::snapshot::Need;

/// How many bytes of a statement are buffered until its verdict. A COPY of 1,600 columns with long names fits.
const MAX_HEAD: usize = 256 * 1024;
/// How many statements are listed; further ones are only counted.
const MAX_LISTED: usize = 1000;
/// The settings under which a script is read. Precedes it.
pub const PRELUDE: &str = "SET standard_conforming_strings = on;\n";

/// Filters a script, statement by statement.
pub struct ScriptFilter {
    policy: Policy,
    lexer: Lexer,
    seen: Seen,
    /// Bytes that are not a whole piece yet.
    waiting: Vec<u8>,
    line: u64,
    /// Whether anything has been read.
    begun: bool,
    line_start: bool,
    commands: Commands,
    statement: Statement,
    left_out: Vec<LeftOut>,
    left_out_count: u64,
    /// What the target lacks, and the first line that needs it. From then on nothing is passed on: definitions are still
    /// read until rows come, so that everything missing is named at once.
    missing: BTreeSet<(Need, String)>,
    missing_line: u64,
    /// What the script needs, for a survey: nothing counts as missing then, and nothing is passed on.
    notes: Option<Notes>,
    /// How many statements have ended.
    #[cfg(test)]
    ended: u64,
    /// Their places in the latest output; only for a policy that keeps going.
    turns: Vec<(usize, Turn)>,
}

impl ScriptFilter {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            lexer: Lexer::new(),
            seen: Seen::default(),
            waiting: Vec::new(),
            line: 1,
            begun: false,
            line_start: true,
            commands: Commands::default(),
            statement: Statement::default(),
            left_out: Vec::new(),
            left_out_count: 0,
            missing: BTreeSet::new(),
            missing_line: 0,
            notes: None,
            #[cfg(test)]
            ended: 0,
            turns: Vec::new(),
        }
    }

    /// The turns in the output of the last call, with their places.
    pub fn turns(&mut self) -> Vec<(usize, Turn)> {
        std::mem::take(&mut self.turns)
    }

    /// The properties of its database that the script has set so far.
    #[must_use]
    pub const fn database(&self) -> Option<&DatabaseProperties> {
        self.seen.database.as_ref()
    }

    fn turn(&mut self, turn: Turn, out: &[u8]) {
        if self.policy.continue_on_error {
            self.turns.push((out.len(), turn));
        }
    }

    /// Takes the next bytes of the script and appends what psql may read to `out`.
    ///
    /// # Errors
    /// [`ScriptError`]: the rest of the script must not be used.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ScriptError> {
        let before = if self.missing.is_empty() { None } else { Some(out.len()) };
        self.take(bytes, out)?;
        if let Some(before) = before {
            out.truncate(before);
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ScriptError> {
        if self.waiting.is_empty() {
            let used = self.read(bytes, false, out)?;
            self.waiting.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut all = std::mem::take(&mut self.waiting);
            all.extend_from_slice(bytes);
            let used = self.read(&all, false, out)?;
            all.drain(..used);
            self.waiting = all;
        }
        Ok(())
    }

    /// Ends the script after the last byte; returns what was left out.
    ///
    /// # Errors
    /// [`ScriptError`], also if the script ends in the middle of something.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<ScriptReport, ScriptError> {
        let rest = std::mem::take(&mut self.waiting);
        self.read(&rest, true, out)?;
        if let Some(found) = self.lexer.open() {
            return Err(self.error(found));
        }
        if self.statement.line > 0 {
            if self.statement.bodies > 0 || self.statement.parentheses > 0 {
                return Err(self.error(Found::Unfinished("a statement")));
            }
            if self.statement.fate == Fate::Held {
                self.decide(true, out)?;
            }
            if self.statement.fate == Fate::Passed {
                // What follows the script must not become part of it. It may end in a comment.
                out.extend_from_slice(b"\n;\n");
            }
            self.statement_ends(out)?;
            if self.lexer.open().is_some() {
                return Err(self.error(Found::Unfinished("the data of a COPY")));
            }
        }
        if self.seen.in_large_objects {
            return Err(self.error(Found::Transaction("BEGIN".to_owned())));
        }
        if self.commands.is_restricted() {
            return Err(self.error(Found::Unfinished("a restricted part (its \\unrestrict is missing)")));
        }
        if !self.missing.is_empty() {
            return Err(self.lacks());
        }
        Ok(ScriptReport { left_out: std::mem::take(&mut self.left_out), left_out_count: self.left_out_count })
    }

    fn lacks(&self) -> ScriptError {
        ScriptError { line: self.missing_line, found: Found::Missing(self.missing.iter().cloned().collect()) }
    }

    fn error(&self, found: Found) -> ScriptError {
        ScriptError { line: self.line, found }
    }

    /// Reads as many whole pieces as there are; returns how many bytes they took.
    fn read(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Result<usize, ScriptError> {
        if lexer::has_nul(bytes) {
            return Err(self.error(Found::Ambiguous("a zero byte")));
        }
        let mut at = 0;
        if !self.begun && !bytes.is_empty() {
            const MARK: &[u8] = b"\xef\xbb\xbf";
            if bytes.len() < MARK.len() && MARK.starts_with(bytes) && !last {
                return Ok(0);
            }
            self.begun = true;
            if bytes.starts_with(MARK) {
                at = MARK.len();
            }
        }
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let next = self.lexer.next(rest, last).map_err(|found| self.error(found))?;
            let Some((len, piece)) = next else { return Ok(at) };
            let text = rest.get(..len).unwrap_or_default();
            self.piece(piece, text, out)?;
            self.line += lexer::lines(text);
            self.line_start = text.last() == Some(&b'\n');
            at += len;
        }
    }

    fn piece(&mut self, piece: Piece, text: &[u8], out: &mut Vec<u8>) -> Result<(), ScriptError> {
        match piece {
            Piece::Space => {
                if self.statement.line == 0 {
                    // No comments: their bytes would be read before a setting is corrected.
                    out.extend(text.iter().filter(|byte| **byte == b'\n'));
                } else {
                    self.pass(text, out)?;
                }
            }
            Piece::CopyLine | Piece::CopyData if self.notes.is_some() => {}
            Piece::CopyLine | Piece::CopyData => out.extend_from_slice(text),
            Piece::CopyEnd => {
                out.extend_from_slice(text);
                self.turn(Turn::End, out);
            }
            Piece::Command => {
                let alone = self.statement.line == 0 && self.line_start;
                let taken = if alone {
                    self.commands.take(text, self.seen.created.as_deref())
                } else {
                    Err(Found::ClientCommand(shown(text)))
                };
                taken.map_err(|found| self.error(found))?;
            }
            // Quoted, it is the same name (folding does not change it), and psql does not count it.
            Piece::NamedBegin if self.statement.miscounts_name() => {
                const QUOTED: &[u8] = b"\"begin\"";
                self.token(Kind::Quoted, QUOTED);
                self.statement.not_a_word().map_err(|found| self.error(found))?;
                self.pass(QUOTED, out)?;
            }
            Piece::Word | Piece::NamedBegin => {
                self.token(Kind::Word, text);
                if self.notes.is_some()
                    && self.statement.tokens.len() == 1
                    && text.eq_ignore_ascii_case(b"insert")
                {
                    // Rows need nothing, and there are many.
                    self.statement.fate = Fate::Dropped;
                }
                self.statement.word(text).map_err(|found| self.error(found))?;
                self.pass(text, out)?;
            }
            Piece::Open(quote) => {
                self.token(
                    match quote {
                        Quote::Text => Kind::Text,
                        Quote::Opaque => Kind::Opaque,
                        Quote::Name => Kind::Quoted,
                    },
                    text,
                );
                self.statement.not_a_word().map_err(|found| self.error(found))?;
                self.pass(text, out)?;
            }
            Piece::Inside | Piece::Close => {
                let len = self.statement.held.len() + text.len();
                if self.statement.fate == Fate::Held
                    && let Some(token) = self.statement.tokens.last_mut()
                {
                    token.end = len;
                }
                self.pass(text, out)?;
            }
            Piece::Number => {
                self.token(Kind::Mark(b'0'), text);
                self.statement.number(text).map_err(|found| self.error(found))?;
                self.pass(text, out)?;
            }
            Piece::Mark(mark) => {
                self.token(Kind::Mark(mark), text);
                self.statement.not_a_word().map_err(|found| self.error(found))?;
                match mark {
                    b'(' => self.statement.parentheses = self.statement.parentheses.saturating_add(1),
                    b')' => self.statement.parentheses = self.statement.parentheses.saturating_sub(1),
                    _ => {}
                }
                self.pass(text, out)?;
            }
            Piece::Colon => {
                self.token(Kind::Mark(b':'), text);
                self.statement.not_a_word().map_err(|found| self.error(found))?;
                // So psql sees no variable, and the server the same statement.
                self.pass(b": ", out)?;
            }
            // Empty. After a COPY, newer versions of psql take it for a failed one: see `judge`.
            Piece::Semicolon if self.statement.line == 0 => {}
            Piece::Semicolon => {
                self.statement.not_a_word().map_err(|found| self.error(found))?;
                self.begin();
                let ends = self.statement.semicolon();
                self.pass(text, out)?;
                if ends {
                    self.statement_ends(out)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self) {
        if self.statement.line == 0 {
            self.statement.line = self.line;
        }
    }

    fn token(&mut self, kind: Kind, text: &[u8]) {
        self.begin();
        if self.statement.fate == Fate::Held {
            let start = self.statement.held.len();
            self.statement.tokens.push(Token { kind, start, end: start + text.len() });
        }
    }

    /// Holds, passes on or drops bytes of a statement.
    fn pass(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ScriptError> {
        match self.statement.fate {
            // A survey's output is not read.
            Fate::Passed | Fate::Dropped if self.notes.is_some() => {}
            Fate::Passed => out.extend_from_slice(text),
            // Line numbers must not change.
            Fate::Dropped => out.extend(text.iter().filter(|byte| **byte == b'\n')),
            Fate::Held => {
                self.statement.held.extend_from_slice(text);
                if self.statement.held.len() > MAX_HEAD {
                    self.decide(false, out)?;
                }
            }
        }
        Ok(())
    }

    fn statement_ends(&mut self, out: &mut Vec<u8>) -> Result<(), ScriptError> {
        #[cfg(test)]
        {
            self.ended += 1;
        }
        if self.statement.fate == Fate::Held {
            self.decide(true, out)?;
        }
        if self.statement.told {
            self.turn(Turn::End, out);
        }
        let Statement { mut held, mut tokens, .. } = std::mem::take(&mut self.statement);
        held.clear();
        tokens.clear();
        (self.statement.held, self.statement.tokens) = (held, tokens);
        Ok(())
    }
}

#[cfg(test)]
pub(in crate::source) mod against_psql;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
