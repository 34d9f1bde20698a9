//! Finds the installed binaries and the user to run them as.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::geteuid;

use super::error::{Error, io_error};

pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Binaries {
    /// The binaries that match the cluster in `dir`, or the newest ones if there is no cluster yet.
    pub(super) fn find(dir: &Path) -> Result<Self, Error> {
        let wanted = fs::read_to_string(dir.join("data/PG_VERSION")).ok().map(|v| v.trim().to_owned());
        let mut dirs: Vec<PathBuf> =
            std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
        let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
            .collect();
        debian.sort_by(|a, b| b.cmp(a));
        dirs.extend(debian.into_iter().map(|(_, dir)| dir));

        let mut seen = None;
        for bin in dirs {
            let found = Self { initdb: bin.join("initdb"), postgres: bin.join("postgres") };
            if !found.initdb.is_file() || !found.postgres.is_file() {
                continue;
            }
            let Some(version) = major_version(&found.postgres) else { continue };
            if wanted.as_ref().is_none_or(|wanted| *wanted == version) {
                return Ok(found);
            }
            seen.get_or_insert(version);
        }
        match (wanted, seen) {
            (Some(found), Some(installed)) => {
                Err(Error::Version { dir: dir.display().to_string(), found, installed })
            }
            _ => Err(Error::NoBinaries),
        }
    }
}

/// Parses `postgres (PostgreSQL) 15.20 (Debian …)`.
fn major_version(postgres: &Path) -> Option<String> {
    let out = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    Some(version.split(|c: char| !c.is_ascii_digit()).next()?.to_owned())
}

/// The user that runs PostgreSQL if we are root.
pub(super) struct User {
    name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl User {
    pub(super) fn choose() -> Result<Option<Self>, Error> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(io_error("reading /etc/passwd"))?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| {
                let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
                let mut fields = line.split(':').skip(2);
                Some(Self {
                    name: (*name).to_owned(),
                    uid: fields.next()?.parse().ok()?,
                    gid: fields.next()?.parse().ok()?,
                })
            })
            .map(Some)
            .ok_or(Error::NoUser)
    }

    pub(super) fn can_reach(&self, dir: &Path) -> Result<(), Error> {
        for ancestor in dir.ancestors().skip(1) {
            let meta = fs::metadata(ancestor).map_err(io_error(format!("reading {}", ancestor.display())))?;
            let mode = meta.mode();
            let enters = if meta.uid() == self.uid {
                mode & 0o100
            } else if meta.gid() == self.gid {
                mode & 0o010
            } else {
                mode & 0o001
            };
            if enters == 0 {
                return Err(Error::Unreachable {
                    dir: dir.display().to_string(),
                    user: self.name.clone(),
                    below: ancestor.display().to_string(),
                });
            }
        }
        Ok(())
    }
}

/// Makes PostgreSQL's user the owner of a directory, and denies access to others.
pub(super) fn own(dir: &Path, user: Option<&User>) -> Result<(), Error> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(io_error(format!("closing {}", dir.display())))?;
    if let Some(user) = user {
        chown(dir, Some(user.uid), Some(user.gid)).map_err(io_error(format!(
            "giving {} to {}",
            dir.display(),
            user.name
        )))?;
    }
    Ok(())
}

pub(super) fn command(program: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    // PostgreSQL must not inherit our environment: it may hold secrets, and PG* variables would change its behavior.
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}
