//! Runs a script past its errors. Each COPY runs under `ON_ERROR_STOP`: one that fails ends its psql, so that its rows
//! cannot be taken for statements. Another psql continues after them, with the same settings.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    super::{PgUrl, tools::Tool},
    failures::Failures,
    psql::{Mode, Psql, Unfinished},
};
use crate::{
    source::{
        SourceError,
        process::Process,
        script::{PRELUDE, Turn},
        stopper::Stopper,
    },
    text,
};

/// Maximum size of the statements repeated to another psql, bytes.
const MAX_SETTINGS: usize = 1024 * 1024;
const STOP_AT_ERROR: &str = "\\set ON_ERROR_STOP 1";
const CONTINUE_AT_ERROR: &str = "\\set ON_ERROR_STOP 0";

/// Runs one psql after another until the script ends.
pub(super) struct ContinueOnError {
    psql: Psql,
    url: PgUrl,
    tool: Tool,
    stop: Stopper,
    current_psql: CurrentPsql,
    failures: Failures,
    /// The last statement that changed each setting, in order.
    settings: Vec<Setting>,
    within: Within,
}

struct Setting {
    name: String,
    reads: bool,
    statement: Vec<u8>,
}

/// What the script is in the middle of.
enum Within {
    Statements,
    Setting(Setting),
    Rows,
    /// Rows of a failed COPY: they are dropped.
    LostRows,
}

impl ContinueOnError {
    pub(super) fn start(url: &PgUrl, tool: &Tool, stop: &Stopper) -> Result<Self, SourceError> {
        let failures = Failures::default();
        let mut psql = Psql::start(url, tool, &Mode::Continue(failures.clone()), stop)?;
        if !psql.is_restricted() {
            return Err(SourceError::Usage(text!(
                "--continue needs a psql that knows \\restrict: 18, 17.6, 16.10, 15.14, 14.19, 13.22 or newer; installed is {version}",
                version = tool.version
            )));
        }
        psql.write(PRELUDE.as_bytes())?;
        let current_psql = CurrentPsql::new(psql.process());
        Ok(Self {
            psql,
            url: url.clone(),
            tool: tool.clone(),
            stop: stop.clone(),
            current_psql,
            failures,
            settings: Vec::new(),
            within: Within::Statements,
        })
    }

    pub(super) fn current_psql(&self) -> CurrentPsql {
        self.current_psql.clone()
    }

    /// Writes the next bytes that the filter let through, with its turns.
    pub(super) fn write(&mut self, bytes: &[u8], turns: Vec<(usize, Turn)>) -> Result<(), SourceError> {
        let mut at = 0;
        for (place, turn) in turns {
            self.bytes(bytes.get(at..place).unwrap_or_default())?;
            self.turn(turn)?;
            at = place;
        }
        self.bytes(bytes.get(at..).unwrap_or_default())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        match &mut self.within {
            Within::Statements => self.psql.write(bytes),
            Within::Setting(setting) => {
                setting.statement.extend_from_slice(bytes);
                self.psql.write(bytes)
            }
            Within::Rows => match self.psql.write(bytes) {
                Err(_) if self.psql.script_failed() => {
                    self.within = Within::LostRows;
                    self.start_another()
                }
                written => written,
            },
            Within::LostRows => Ok(()),
        }
    }

    fn turn(&mut self, turn: Turn) -> Result<(), SourceError> {
        match turn {
            Turn::Copy => {
                self.psql.run_command(STOP_AT_ERROR)?;
                self.within = Within::Rows;
            }
            Turn::Setting { name, reads } => {
                if reads {
                    self.psql.run_command(STOP_AT_ERROR)?;
                }
                self.within = Within::Setting(Setting { name, reads, statement: Vec::new() });
            }
            Turn::End => match std::mem::replace(&mut self.within, Within::Statements) {
                Within::Statements | Within::LostRows => {}
                Within::Setting(setting) => {
                    if setting.reads {
                        self.psql.run_command_and_wait(CONTINUE_AT_ERROR)?;
                    }
                    self.keep(setting)?;
                }
                Within::Rows => match self.psql.run_command_and_wait(CONTINUE_AT_ERROR) {
                    Err(_) if self.psql.script_failed() => self.start_another()?,
                    ended => ended?,
                },
            },
        }
        Ok(())
    }

    fn keep(&mut self, setting: Setting) -> Result<(), SourceError> {
        self.settings.retain(|other| other.name != setting.name);
        self.settings.push(setting);
        let len: usize =
            self.settings.iter().map(|setting| setting.name.len() + setting.statement.len()).sum();
        if len > MAX_SETTINGS {
            return Err(SourceError::NotRestorable(text!("it changes more settings than any dump does")));
        }
        Ok(())
    }

    /// Continues with another psql. Settings that the server refuses were refused before.
    fn start_another(&mut self) -> Result<(), SourceError> {
        let mut psql =
            Psql::start(&self.url, &self.tool, &Mode::Continue(self.failures.clone()), &self.stop)?;
        self.current_psql.take(psql.process())?;
        psql.write(PRELUDE.as_bytes())?;
        for setting in &self.settings {
            if setting.reads {
                psql.run_command(STOP_AT_ERROR)?;
            }
            psql.write(&setting.statement)?;
            if setting.reads {
                psql.run_command_and_wait(CONTINUE_AT_ERROR)?;
            }
        }
        self.psql = psql;
        self.psql.write(b"\n")
    }

    /// Call after the last byte; returns what failed.
    pub(super) fn finish(self) -> Result<Vec<String>, Unfinished> {
        self.psql.finish()?;
        Ok(self.failures.take())
    }
}

/// Ends the psql that currently runs the script, from another thread.
#[derive(Clone)]
pub(super) struct CurrentPsql(Arc<Mutex<(Process, bool)>>);

impl CurrentPsql {
    pub(super) fn new(psql: Process) -> Self {
        Self(Arc::new(Mutex::new((psql, false))))
    }

    /// Switches to another psql.
    fn take(&self, psql: Process) -> Result<(), SourceError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.1 {
            return Err(SourceError::Cancelled);
        }
        held.0 = psql;
        Ok(())
    }

    /// It must not see the end of a truncated script, and no other follows.
    pub(super) fn abandon(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.1 = true;
        held.0.abandon();
    }
}
