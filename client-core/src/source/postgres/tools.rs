//! The installed PostgreSQL client programs, and which of them suits a server.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::source::SourceError;

/// Where distributions install several versions: folder, and what follows a version's number.
const SHELVES: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/pgsql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Library/PostgreSQL", "bin"),
];

/// One installed program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Major version.
    pub major: u32,
    /// Its own version string: `15.20`.
    pub version: String,
    /// Where it is.
    pub path: PathBuf,
}

impl Tool {
    /// `9` in `15.9`; 0 before a first release.
    fn minor(&self) -> u32 {
        let minor = self.version.split('.').nth(1).unwrap_or_default();
        let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_default()
    }

    /// Whether psql has `\restrict`: it came with 18 and the minor releases of August 2025.
    pub(super) fn restricts(&self) -> bool {
        let minor = self.minor();
        match self.major {
            18.. => true,
            17 => minor >= 6,
            16 => minor >= 10,
            15 => minor >= 14,
            14 => minor >= 19,
            13 => minor >= 22,
            _ => false,
        }
    }
}

/// Where to look for programs.
#[derive(Debug, Clone)]
pub struct Tools {
    folders: Vec<PathBuf>,
}

impl Tools {
    /// `PATH`, and the folders where distributions install several versions.
    #[must_use]
    pub fn installed() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = env::split_paths(&path).filter(|p| p.is_absolute()).collect();
        for (shelf, behind) in SHELVES {
            let Ok(entries) = fs::read_dir(shelf) else { continue };
            folders.extend(entries.flatten().map(|entry| entry.path().join(behind)));
        }
        Self { folders }
    }

    /// Only these folders.
    #[must_use]
    pub fn in_folders(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// All versions of a program, oldest first; none if it is not installed.
    #[must_use]
    pub fn versions(&self, name: &'static str) -> Vec<Tool> {
        self.all(name).unwrap_or_default()
    }

    /// All versions of a program, oldest first.
    pub(in crate::source) fn all(&self, name: &'static str) -> Result<Vec<Tool>, SourceError> {
        let mut seen = BTreeSet::new();
        let mut found: Vec<Tool> = self
            .folders
            .iter()
            .filter_map(|folder| fs::canonicalize(folder.join(name)).ok())
            .filter(|path| seen.insert(path.clone()))
            // Debian's wrapper runs one of the others, not the version it reports.
            .filter(|path| path.file_name().is_none_or(|file| file != "pg_wrapper"))
            .filter_map(|path| ask(&path))
            .collect();
        // Numerically: 15.18 is newer than 15.9, and knows `\restrict`.
        found.sort_by(|a, b| (a.major, a.minor(), &a.path).cmp(&(b.major, b.minor(), &b.path)));
        if found.is_empty() {
            return Err(self.missing(name));
        }
        Ok(found)
    }

    /// The program with the same major version as `major`, else the oldest newer one.
    pub(super) fn suiting(&self, name: &'static str, major: u32) -> Result<Tool, SourceError> {
        let all = self.all(name)?;
        let found = all.iter().map(|tool| tool.version.as_str()).collect::<Vec<_>>().join(", ");
        // The newest of a major version comes last.
        let oldest = all.iter().map(|tool| tool.major).filter(|m| *m >= major).min();
        all.into_iter().rev().find(|tool| Some(tool.major) == oldest).ok_or_else(|| SourceError::ToolTooOld {
            tool: name,
            product: "PostgreSQL",
            server: major,
            found,
            install: format!("postgresql-client-{major} or newer; see https://www.postgresql.org/download/"),
        })
    }

    fn missing(&self, tool: &'static str) -> SourceError {
        SourceError::ToolMissing {
            tool,
            looked: self.looked(),
            install: "the PostgreSQL client tools, for example `apt-get install postgresql-client`",
        }
    }

    /// The newest version.
    pub(super) fn newest(&self, name: &'static str) -> Result<Tool, SourceError> {
        self.all(name)?.pop().ok_or_else(|| self.missing(name))
    }

    fn looked(&self) -> String {
        let folders: Vec<String> = self.folders.iter().map(|f| f.display().to_string()).collect();
        if folders.is_empty() { "no folder: PATH is empty".to_owned() } else { folders.join(", ") }
    }
}

/// `pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`
fn ask(path: &Path) -> Option<Tool> {
    let output = Command::new(path)
        .arg("--version")
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?.to_owned();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some(Tool { major: digits.parse().ok()?, version, path: path.to_owned() })
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let mut folders = Vec::new();
        for version in ["15.18", "15.9", "9.6.24", "16beta1", "15.10"] {
            let place = folder.path().join(version);
            fs::create_dir(&place).unwrap();
            let program = place.join("psql");
            fs::write(&program, format!("#!/bin/sh\necho 'psql (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            folders.push(place);
        }
        let tools = Tools::in_folders(folders);
        let versions: Vec<String> = tools.all("psql").unwrap().into_iter().map(|tool| tool.version).collect();
        assert_eq!(versions, ["9.6.24", "15.9", "15.10", "15.18", "16beta1"]);
        let tool = tools.suiting("psql", 15).unwrap();
        assert!(tool.version == "15.18" && tool.restricts());
    }
}
