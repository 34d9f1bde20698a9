//! The directory with a device's keys and local state.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{
    error::{Error, ErrorKind},
    text,
};

/// Creates the directory if it is missing, accessible only to its owner. `None`: the user's data directory.
///
/// # Errors
/// It cannot be created, or others may read or write it.
pub fn prepare_home(given: Option<PathBuf>) -> Result<PathBuf, Error> {
    let home = match given {
        Some(home) => std::path::absolute(&home).map_err(|e| Error::io(&home.display().to_string(), &e))?,
        None => default_home()?,
    };
    let name = home.display().to_string();
    match fs::DirBuilder::new().recursive(true).mode(0o700).create(&home) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::usage(text!("{name} is not a directory", name)));
        }
        Err(e) => return Err(Error::io(&name, &e)),
    }
    let mode = fs::metadata(&home).map_err(|e| Error::io(&name, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::new(
            ErrorKind::Io,
            text!(
                "{name} is open to other users (mode {mode})",
                name,
                mode = format!("{:03o}", mode & 0o777)
            ),
            "nothing was changed; keys and the names of what is backed up are kept where no other user can read them",
            format!("run `chmod 700 {name}`, or choose another directory with --home"),
        ));
    }
    Ok(home)
}

/// The directory, if it exists. `None`: the user's data directory.
pub(crate) fn find_home(given: Option<PathBuf>) -> Option<PathBuf> {
    given.or_else(|| default_home().ok()).filter(|home| home.is_dir())
}

/// Writes a file in the directory that only its owner can read (mode 0600), atomically even in a crash.
///
/// # Errors
/// It cannot be written; the old file stays.
pub(crate) fn replace_file(home: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = home.join(name);
    let shown = path.display().to_string();
    let failed = |e: io::Error| Error::io(&shown, &e);
    let mut file = NamedTempFile::with_prefix_in(format!(".{name}-"), home).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    sync_folder(home)
}

/// Makes renames and removals in a directory durable.
///
/// # Errors
/// I/O errors.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::io(&folder.display().to_string(), &e))
}

fn default_home() -> Result<PathBuf, Error> {
    let variable = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(data) = variable("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Ok(data.join("sealkeep"));
    }
    let user = variable("HOME").ok_or_else(|| {
        Error::usage(text!("HOME is not set: say with --home where keys and state are kept"))
    })?;
    Ok(if cfg!(target_os = "macos") {
        user.join("Library/Application Support/sealkeep")
    } else {
        user.join(".local/share/sealkeep")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = prepare_home(Some(folder.path().join("a/b"))).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
        for mode in [0o750, 0o705, 0o770, 0o755, 0o701] {
            fs::set_permissions(&made, fs::Permissions::from_mode(mode)).unwrap();
            let error = prepare_home(Some(made.clone())).unwrap_err();
            assert!(error.next_step().contains("chmod 700"), "{mode:o}: {error}");
        }
    }
}
