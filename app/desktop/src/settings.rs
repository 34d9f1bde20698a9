//! Paths and addresses, from the same environment variables as the CLI.

use std::{env, path::PathBuf, time::Duration};

use client_core::ops::Settings;

/// Same default as the CLI.
const SERVER: &str = "http://127.0.0.1:8787";
/// A transfer without progress for this long is retried.
const STALL: Duration = Duration::from_secs(45);

/// How long a run in progress waits for an unreachable service.
const PATIENCE: Duration = Duration::from_secs(900);

/// The metadata service that the environment names for new accounts: then the window cannot choose another one.
pub(crate) fn given_server() -> Option<String> {
    env::var("SEALKEEP_SERVER").ok().filter(|value| !value.is_empty())
}

/// The `sealkeep` command, which is installed beside this program: timers start it.
pub(crate) fn command() -> PathBuf {
    env::current_exe().unwrap_or_default().with_file_name("sealkeep")
}

/// Public half of the key that signs updates (minisign, base64), set for release builds. Without it the program has no
/// updater.
pub(crate) const UPDATE_KEY: Option<&str> = option_env!("SEALKEEP_UPDATE_KEY");

/// How the desktop starts the app at login: in the panel, without a window.
pub(crate) const IN_THE_PANEL: &str = "--in-the-panel";

pub(crate) fn from_environment() -> Settings {
    Settings {
        home: env::var_os("SEALKEEP_HOME").filter(|value| !value.is_empty()).map(PathBuf::from),
        server: given_server().unwrap_or_else(|| SERVER.to_owned()),
        storage_origin: env::var("SEALKEEP_STORAGE_ORIGIN").ok().filter(|value| !value.is_empty()),
        stall: STALL,
        patience: PATIENCE,
        keystore_passphrase: None,
    }
}
