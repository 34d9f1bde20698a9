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
        // Wrong usage, a sign-in that ended, damage and the like need somebody: trying again changes nothing.
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
        let calendar = match self.schedule {
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
    /// Same as [`Units::service`] and [`Units::timer`].
    pub(super) fn crontab(&self) -> Result<String, Error> {
        let when = match self.schedule {
            Schedule::Manual => return Err(unscheduled()),
            Schedule::Hour => "0 * * * *".to_owned(),
            Schedule::Day { hour, minute } => format!("{minute} {hour} * * *"),
            Schedule::Week { weekday, hour, minute } => format!("{minute} {hour} * * {}", weekday % 7),
        };
        let (program, home) = (plain(&self.program)?, plain(&self.home)?);
        let command = format!("{} --quiet --home {} schedule run {}", quoted(program), quoted(home), self.id);
        // cron ends a command at the first percent sign.
        Ok(format!("{when} {}", command.replace('%', "\\%")))
    }

    /// The name for people: on one line, and without specifiers.
    fn shown(&self) -> String {
        let visible = self.name.chars().map(|c| if api_types::unseen::is_unseen(c) { ' ' } else { c });
        visible.collect::<String>().replace('%', "%%")
    }
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
        format!("{} contains characters that a scheduled command cannot name", path.display()),
        "nothing was changed",
        "move it to a path without line breaks, quotes and backslashes",
    )
}

fn unscheduled() -> Error {
    Error::usage("a timer needs a schedule: --hourly, --daily or --weekly".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::process::Command;

    use super::*;

    fn units(name: &str, program: &str, home: &str) -> Units {
        Units {
            id: Uuid::from_u128(0x77),
            name: name.to_owned(),
            schedule: Schedule::Week { weekday: 7, hour: 4, minute: 5 },
            program: program.into(),
            home: home.into(),
            user: None,
        }
    }

    #[test]
    fn a_units_text_is_as_systemd_reads_it() {
        let odd = units("50 % \"off\"\nUser=root", "/opt/a $b/seal%keep", "/home/a\"b\\c/$HOME 100%");
        let service = odd.service().unwrap();
        let line = |text: &str, name: &str| {
            let mut found = text.lines().filter(|line| line.starts_with(name)).map(str::to_owned);
            (found.next().unwrap_or_default(), found.next())
        };
        assert_eq!(
            line(&service, "Description=").0,
            "Description=Sealkeep backup of \"50 %% \"off\" User=root\"",
            "a name stays on its line"
        );
        assert_eq!(line(&service, "User=").0, "");
        assert_eq!(
            line(&service, "ExecStart="),
            (
                "ExecStart=\"/opt/a $b/seal%%keep\" --quiet --home \"/home/a\\\"b\\\\c/$$HOME 100%%\" \
                 schedule run 00000000-0000-0000-0000-000000000077"
                    .to_owned(),
                None
            )
        );
        assert!(!service.contains("network-online"), "not known to a user's own units");
        let system = Units { user: Some(1000), ..odd };
        let service = system.service().unwrap();
        assert_eq!(line(&service, "User="), ("User=1000".to_owned(), None));
        assert!(service.contains("After=network-online.target"));

        let calendar =
            |schedule| line(&Units { schedule, ..units("a", "/p", "/h") }.timer().unwrap(), "OnCalendar=").0;
        assert_eq!(calendar(Schedule::Hour), "OnCalendar=hourly");
        assert_eq!(calendar(Schedule::Day { hour: 2, minute: 0 }), "OnCalendar=*-*-* 02:00:00");
        let week = Schedule::Week { weekday: 7, hour: 4, minute: 5 };
        assert_eq!(calendar(week), "OnCalendar=Sun *-*-* 04:05:00");
        let none = Units { schedule: Schedule::Manual, ..units("a", "/p", "/h") };
        assert_eq!(none.timer().unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_line_break_in_a_path_is_refused() {
        let quoted = units("a", "/opt/a\"b/sealkeep", "/h");
        assert_eq!(quoted.service().unwrap_err().kind(), ErrorKind::Usage);
        for (program, home) in [("/p\nExecStart=/bin/sh", "/h"), ("/p", "/h\nUser=root"), ("/p", "/h\r")] {
            let units = units("a", program, home);
            assert_eq!(units.service().unwrap_err().kind(), ErrorKind::Usage);
            assert_eq!(units.crontab().unwrap_err().kind(), ErrorKind::Usage);
        }
    }

    #[test]
    fn a_line_for_cron_is_quoted_for_cron_and_for_the_shell() {
        let line = units("a", "/opt/my apps/sealkeep", "/home/100%").crontab().unwrap();
        assert_eq!(
            line,
            "5 4 * * 0 '/opt/my apps/sealkeep' --quiet --home /home/100\\% \
             schedule run 00000000-0000-0000-0000-000000000077"
        );
    }

    #[test]
    fn an_edited_file_is_noticed() {
        let text = units("a", "/p", "/h").timer().unwrap();
        assert!(is_untouched(&text));
        for edited in [
            text.replace("04:05", "05:05"),
            text.clone() + "# mine\n",
            text.lines().skip(1).fold(String::new(), |all, line| all + line + "\n"),
            String::new(),
        ] {
            assert!(!is_untouched(&edited), "{edited}");
        }
    }

    /// systemd's own opinion, where it is installed.
    #[test]
    fn systemd_accepts_the_units() {
        let folder = tempfile::tempdir().unwrap();
        if Command::new("systemd-analyze").arg("--version").output().is_err() {
            return;
        }
        let program = folder.path().join("a $b 100% é");
        std::fs::copy("/bin/true", &program).unwrap();
        for user in [None, Some(rustix::process::getuid().as_raw())] {
            let units = Units { user, ..units("50 % \"off\" $HOME \\", "", "/home/a\"b\\c/$HOME 100%") };
            let units = Units { program: program.clone(), ..units };
            let (service, timer) = (folder.path().join("a-b.service"), folder.path().join("a-b.timer"));
            std::fs::write(&service, units.service().unwrap()).unwrap();
            std::fs::write(&timer, units.timer().unwrap()).unwrap();
            // A broken unit must be noticed, or this test says nothing.
            let verify = || {
                let mut command = Command::new("systemd-analyze");
                let scope = if user.is_some() { "--system" } else { "--user" };
                let run = command.env("XDG_RUNTIME_DIR", folder.path()).arg(scope).arg("verify");
                let said = run.arg(&service).arg(&timer).output().unwrap();
                (said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned())
            };
            let (accepted, said) = verify();
            assert!(accepted && !said.contains("a-b."), "{said}");
            std::fs::write(&timer, units.timer().unwrap().replace("Sun", "Someday")).unwrap();
            let (accepted, said) = verify();
            assert!(!accepted || said.contains("a-b.timer"), "{said}");
        }
    }
}
