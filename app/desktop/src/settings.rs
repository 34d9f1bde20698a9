//! Where things are, from the environment that the command reads too.

use std::{env, path::PathBuf, time::Duration};

use client_core::ops::Settings;

/// The command's default.
const SERVER: &str = "http://127.0.0.1:8787";
/// A transfer in which nothing moved for this long is tried again.
const STALL: Duration = Duration::from_secs(45);

/// In the middle of a run, a service that is away is waited for this long.
const PATIENCE: Duration = Duration::from_secs(900);

/// The metadata service of new accounts.
pub(crate) fn server() -> String {
    env::var("SEALKEEP_SERVER").ok().filter(|value| !value.is_empty()).unwrap_or_else(|| SERVER.to_owned())
}

/// The public half of the key that signs updates (minisign, base64): given when a release is built. Without it the
/// program has no updater.
pub(crate) const UPDATE_KEY: Option<&str> = option_env!("SEALKEEP_UPDATE_KEY");

/// How the desktop starts the app by itself: in the panel, without a window.
pub(crate) const IN_THE_PANEL: &str = "--in-the-panel";

pub(crate) fn from_environment() -> Settings {
    Settings {
        home: env::var_os("SEALKEEP_HOME").filter(|value| !value.is_empty()).map(PathBuf::from),
        server: server(),
        storage_origin: env::var("SEALKEEP_STORAGE_ORIGIN").ok().filter(|value| !value.is_empty()),
        stall: STALL,
        patience: PATIENCE,
        keystore_passphrase: None,
    }
}
