//! Paths of the programs under test.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::failure::{Context, Failure, Result};

/// The `sealkeep` command: `$SEALKEEP_BIN`, or built once next to this test program.
///
/// # Errors
/// The build fails.
pub fn sealkeep() -> Result<PathBuf> {
    program("SEALKEEP_BIN", "sealkeep")
}

/// The service: `$METADATA_API_BIN`, or built once next to this test program.
///
/// # Errors
/// The build fails.
pub fn metadata_api() -> Result<PathBuf> {
    program("METADATA_API_BIN", "metadata-api")
}

/// The desktop app: `$DESKTOP_BIN`. Its build embeds the front end, which takes more than cargo.
///
/// # Errors
/// The variable is not set.
#[cfg(feature = "desktop")]
pub fn desktop() -> Result<PathBuf> {
    env::var_os("DESKTOP_BIN")
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("DESKTOP_BIN does not name the app: `.ci/test` says how it is built"))
}

/// A PostgreSQL program: from `$PATH`, else from Debian's newest version.
///
/// # Errors
/// It is not installed.
pub fn postgres_tool(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|dir| dir.join(name));
    let mut trees: Vec<PathBuf> = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .collect();
    trees.sort();
    // Debian's /usr/bin/pg_dump is a wrapper that needs a registered cluster; the versioned one does not.
    trees.into_iter().rev().chain(in_path).find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(format!(
            "PostgreSQL's {name} is not installed: run `make setup` (Debian: apt-get install postgresql)"
        ))
    })
}

fn program(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Ok(path.into());
    }
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let dir = BUILT.get_or_init(|| build().map_err(|e| e.to_string())).clone().map_err(Failure::new)?;
    Ok(dir.join(name))
}

/// Builds both programs with this program's profile and returns their folder.
fn build() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let dir = own
        .ancestors()
        .skip(1)
        .find(|dir| dir.file_name().is_some_and(|name| name != "deps"))
        .context_none("this program lies nowhere")?;
    let target = dir.parent().context_none("the target directory has no parent")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).env("CARGO_TARGET_DIR", target);
    cargo.args(["build", "--quiet", "-p", "sealkeep-cli", "-p", "metadata-api", "--bins"]);
    if dir.ends_with("release") {
        cargo.arg("--release");
    }
    if cargo.status().context("cargo build")?.success() {
        Ok(dir.to_owned())
    } else {
        Err(Failure::new("sealkeep and metadata-api do not build"))
    }
}

trait OrSentence<T> {
    fn context_none(self, what: &str) -> Result<T>;
}

impl<T> OrSentence<T> for Option<T> {
    fn context_none(self, what: &str) -> Result<T> {
        self.ok_or_else(|| Failure::new(what))
    }
}
