//! The text of a service, a timer and a crontab line. Only our own output: nothing here reads such a file.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    error::{Error, ErrorKind},
    ops::schedule::Schedule,
    shell::quoted,
    text,
};

/// How a file says that it is ours; its checksum follows.
const MARK: &str = "# Written by `sealkeep schedule add`; checksum ";
/// systemd's names of the days, Monday first.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// What the units of a source are made of.
pub(super) struct Units {
    pub(super) id: Uuid,
    /// The source's name, only for people.
    pub(super) name: String,
    pub(super) schedule: Schedule,
    /// The `sealkeep` command.
    pub(super) program: PathBuf,
    pub(super) home: PathBuf,
    /// In a system's unit: the numeric id of the user it runs as.
    pub(super) user: Option<u32>,
}

impl Units {
    /// The service. It contains no secret: the id leads to an address that is sealed in the home.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a path that a unit cannot name.
    pub(super) fn service(&self) -> Result<String, Error> {
        let (program, home) = (plain(&self.program)?, plain(&self.home)?);
        // systemd refuses these in the path of a program, however they are written.
        if program.contains(['"', '\'', '\\']) {
            return Err(unnamable(&self.program));
        }
        let mut text = format!("[Unit]\nDescription=Sealkeep backup of \"{}\"\n", self.shown());
        if self.user.is_some() {
            // A user's own units cannot wait for the network: there `Restart` makes up for it.
            text.push_str("Wants=network-online.target\nAfter=network-online.target\n");
        }
        text.push_str("StartLimitIntervalSec=3h\nStartLimitBurst=6\n\n[Service]\nType=simple\n");
        if let Some(user) = self.user {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "User={user}");
        }
        let _ = writeln!(
            text,
            "ExecStart={} --quiet --home {} schedule run {}",
            // systemd expands no variable in the program's own path.
            in_quotes(program),
            in_quotes(home).replace('$', "$$"),
            self.id
        );
        // Wrong usage, an ended session, damage and the like need user action; retrying does not help.
        text.push_str(
            "Restart=on-failure\nRestartSec=10min\nRestartPreventExitStatus=2 3 7 9 10 11 12 13 130\n",
        );
        Ok(marked(&text))
    }

    /// The timer.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a source without a schedule.
    pub(super) fn timer(&self) -> Result<String, Error> {
        let calendar = match self.valid()? {
            Schedule::Manual => return Err(unscheduled()),
            Schedule::Hour => "hourly".to_owned(),
            Schedule::Day { hour, minute } => format!("*-*-* {hour:02}:{minute:02}:00"),
            Schedule::Week { weekday, hour, minute } => {
                let day = usize::try_from(weekday - 1).ok().and_then(|day| DAYS.get(day));
                format!("{} *-*-* {hour:02}:{minute:02}:00", day.ok_or_else(unscheduled)?)
            }
        };
        Ok(marked(&format!(
            "[Unit]\nDescription=Schedule of the Sealkeep backup of \"{}\"\n\n[Timer]\nOnCalendar={calendar}\n\
             Persistent=true\nRandomizedDelaySec=5min\nFixedRandomDelay=true\n\n[Install]\nWantedBy=timers.target\n",
            self.shown()
        )))
    }

    /// A line for `crontab -e`.
    ///
    /// # Errors
    /// Same as [`Units::timer`]; [`ErrorKind::Usage`] for a path that such a line cannot name.
    pub(super) fn crontab(&self) -> Result<String, Error> {
        let when = match self.valid()? {
            Schedule::Manual => return Err(unscheduled()),
            Schedule::Hour => "0 * * * *".to_owned(),
            Schedule::Day { hour, minute } => format!("{minute} {hour} * * *"),
            Schedule::Week { weekday, hour, minute } => format!("{minute} {hour} * * {}", weekday % 7),
        };
        let (program, home) = (plain(&self.program)?, plain(&self.home)?);
        // Some crons halve backslashes, others do not.
        for (text, path) in [(program, &self.program), (home, &self.home)] {
            if text.contains('\\') {
                return Err(unnamable(path));
            }
        }
        let command = format!("{} --quiet --home {} schedule run {}", quoted(program), quoted(home), self.id);
        // cron ends a command at the first percent sign.
        Ok(format!("{when} {}", command.replace('%', "\\%")))
    }

    fn valid(&self) -> Result<Schedule, Error> {
        Some(self.schedule).filter(|schedule| schedule.is_valid()).ok_or_else(unscheduled)
    }

    /// The name for people: on one line, and without specifiers.
    fn shown(&self) -> String {
        let visible = self.name.chars().map(|c| if api_types::unseen::is_unseen(c) { ' ' } else { c });
        visible.collect::<String>().replace('%', "%%")
    }
}

/// The program that a service starts, if the text is as we wrote it.
pub(super) fn program_of(service: &str) -> Option<PathBuf> {
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=\""))?;
    // No quotation mark can be in it.
    let (program, _) = line.split_once('"').filter(|_| is_untouched(service))?;
    Some(PathBuf::from(program.replace("%%", "%")))
}

/// Whether the text is as we wrote it.
pub(super) fn is_untouched(text: &str) -> bool {
    text.split_once('\n').is_some_and(|(first, rest)| {
        first.strip_prefix(MARK).is_some_and(|checksum| checksum == checksum_of(rest))
    })
}

fn marked(text: &str) -> String {
    format!("{MARK}{}\n{text}", checksum_of(text))
}

fn checksum_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A word of a unit, in quotes and without specifiers.
fn in_quotes(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}

/// A path that fits into a line of a unit.
fn plain(path: &Path) -> Result<&str, Error> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.ok_or_else(|| unnamable(path))
}

fn unnamable(path: &Path) -> Error {
    Error::new(
        ErrorKind::Usage,
        text!("{path} contains characters that a scheduled command cannot name", path = path.display()),
        "nothing was changed",
        "move it to a path without line breaks, quotes and backslashes",
    )
}

fn unscheduled() -> Error {
    Error::usage(text!("a timer needs a schedule: --hourly, --daily or --weekly"))
}

#[cfg(test)]
mod tests;
