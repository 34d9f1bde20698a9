//! What the user's crontab starts. It is only read.

use std::process::{Command, Stdio};

use uuid::Uuid;

use crate::ops::sources::SavedSource;

/// The user's crontab; empty if there is none, or no cron.
pub struct Crontab(String);

impl Crontab {
    /// Reads it with `crontab -l`.
    #[must_use]
    pub fn read() -> Self {
        let said = Command::new("crontab").arg("-l").stdin(Stdio::null()).output();
        let said = said.ok().filter(|said| said.status.success());
        Self(said.map_or_else(String::new, |said| String::from_utf8_lossy(&said.stdout).into_owned()))
    }

    /// Whether it has the line for this source that [`super::schedule`] printed where there is no systemd.
    #[must_use]
    pub fn starts(&self, source: &SavedSource) -> bool {
        self.starts_id(source.id)
    }

    fn starts_id(&self, id: Uuid) -> bool {
        let command = format!("schedule run {id}");
        self.0.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(&command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_crontab_counts_unless_it_is_a_comment() {
        let id = Uuid::from_u128(0x77);
        let line = format!("5 4 * * 0 /p --quiet --home /h schedule run {id}");
        assert!(Crontab(format!("MAILTO=ada\n{line} 2>&1\n")).starts_id(id));
        for other in [String::new(), format!("# {line}"), format!("  #{line}\n"), line.replace("77", "78")] {
            assert!(!Crontab(other.clone()).starts_id(id), "{other}");
        }
    }
}
