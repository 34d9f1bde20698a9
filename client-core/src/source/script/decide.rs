//! Applies a verdict to its statement: pass it on, drop it, change it, note it or refuse it.

use super::{
    LeftOut, MAX_LISTED, Reason, ScriptError, ScriptFilter, Turn, error, guard::guard, statement::Fate,
    token::Head, verdict::Verdict,
};

impl ScriptFilter {
    /// Decides on the statement. `whole`: its end has been read, too.
    pub(super) fn decide(&mut self, whole: bool, out: &mut Vec<u8>) -> Result<(), ScriptError> {
        let statement = &mut self.statement;
        let head = Head { text: &statement.held, tokens: &statement.tokens, whole };
        if head.tokens.is_empty() {
            out.append(&mut statement.held);
            return Ok(());
        }
        let verdict = self.seen.judge(&head, &self.policy);
        let rows = matches!(verdict, Verdict::Copy) || head.is(0, "insert");
        if let Some(notes) = &mut self.notes {
            notes.count(&head);
            // A restore reads the properties of the database again.
            self.seen.database = None;
        }
        if rows && !self.missing.is_empty() {
            return Err(self.lacks());
        }
        let (reason, instead) = match verdict {
            Verdict::Drop => {
                out.extend(statement.held.iter().filter(|byte| **byte == b'\n'));
                statement.held.clear();
                statement.fate = Fate::Dropped;
                return Ok(());
            }
            Verdict::Lacks(need, part, names) => {
                if let Some(notes) = &mut self.notes {
                    notes.add(statement.line, need, part, names);
                } else {
                    if self.missing.is_empty() {
                        self.missing_line = statement.line;
                    }
                    let room = MAX_LISTED.saturating_sub(self.missing.len());
                    self.missing.extend(names.into_iter().take(room).map(|name| (need, error::cut(name))));
                }
                statement.held.clear();
                statement.fate = Fate::Dropped;
                return Ok(());
            }
            Verdict::Refuse(found) => return Err(ScriptError { line: statement.line, found }),
            Verdict::Keep | Verdict::Copy | Verdict::Set { .. } | Verdict::StandardStrings(_) => {
                let turn = match &verdict {
                    Verdict::Copy => Some(Turn::Copy),
                    Verdict::Set { name, reads } => Some(Turn::Setting { name: name.clone(), reads: *reads }),
                    Verdict::StandardStrings(_) => {
                        Some(Turn::Setting { name: "standard_conforming_strings".to_owned(), reads: true })
                    }
                    _ => None,
                };
                if let Some(turn) = turn.filter(|_| self.policy.continue_on_error) {
                    statement.told = turn != Turn::Copy;
                    self.turns.push((out.len(), turn));
                }
                if self.policy.guard_settings {
                    guard(&statement.held, whole, &self.lexer, &self.seen, out);
                }
                out.append(&mut statement.held);
                statement.fate = Fate::Passed;
                match verdict {
                    Verdict::Copy => self.lexer.copy_follows(),
                    Verdict::StandardStrings(on) => self.lexer.standard_strings(on),
                    _ => {}
                }
                return Ok(());
            }
            Verdict::Without(clauses, reason) => {
                let title = head.title();
                for clause in clauses.into_iter().rev() {
                    statement.held.splice(clause, []);
                }
                out.append(&mut statement.held);
                statement.fate = Fate::Passed;
                let line = statement.line;
                self.left_out(LeftOut { line, statement: title, reason });
                return Ok(());
            }
            Verdict::LeaveOut(reason) => (reason, ""),
            Verdict::Instead(text, reason) => (reason, text),
        };
        let left = LeftOut { line: statement.line, statement: head.title(), reason };
        if !instead.is_empty() && self.policy.continue_on_error {
            let name = "default_tablespace".to_owned();
            self.turns.push((out.len(), Turn::Setting { name, reads: false }));
            self.turns.push((out.len() + instead.len(), Turn::End));
        }
        out.extend_from_slice(instead.as_bytes());
        out.extend(statement.held.iter().filter(|byte| **byte == b'\n'));
        statement.held.clear();
        statement.fate = Fate::Dropped;
        self.left_out(left);
        Ok(())
    }

    fn left_out(&mut self, mut left: LeftOut) {
        self.left_out_count += 1;
        if self.left_out.len() < MAX_LISTED && self.notes.is_none() {
            if let Reason::Missing(_, name) | Reason::UnknownSetting(name) = &mut left.reason {
                *name = error::cut(std::mem::take(name));
            }
            self.left_out.push(left);
        }
    }
}
