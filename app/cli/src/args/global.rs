//! Options of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde::Deserialize;

/// Separates global options from a command's own.
const GLOBAL: &str = "Global options";

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print one JSON document on standard output instead of text; `sealkeep schema` describes it
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// Suppress progress output
    #[arg(long, short, global = true, help_heading = GLOBAL)]
    pub(crate) quiet: bool,
    /// How to report progress, on standard error
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "HOW", conflicts_with = "quiet")]
    pub(crate) progress: Option<ProgressForm>,
    /// The configuration file [default: ~/.config/sealkeep/config.toml]
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        value_hint = ValueHint::FilePath
    )]
    pub(crate) config: Option<PathBuf>,
    /// Directory for keys and local state [default: your data directory]
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_HOME",
        hide_env_values = true,
        value_name = "DIR",
        value_hint = ValueHint::DirPath
    )]
    pub(crate) home: Option<PathBuf>,
    /// URL of the Sealkeep service; needed at sign-up and at the first sign-in on a device
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_SERVER",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8787"
    )]
    pub(crate) server: String,
    /// Allow this storage inside your own network: scheme, host, port
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_STORAGE_ORIGIN",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) storage_origin: Option<String>,
    /// Retry a transfer that stalls for this many seconds
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_STALL_TIMEOUT",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value_t = 45,
        value_parser = clap::value_parser!(u16).range(1..=3600)
    )]
    pub(crate) stall_timeout: u16,
    /// Keep retrying for this many seconds when the service or storage becomes unavailable during a run
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_PATIENCE",
        hide_env_values = true,
        value_name = "SECONDS",
        default_value_t = 900,
        value_parser = clap::value_parser!(u16).range(0..=3000)
    )]
    pub(crate) patience: u16,
    /// Read secrets as NAME=value lines from this open file descriptor
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FD")]
    pub(crate) secrets_fd: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProgressForm {
    /// A line that is redrawn, on a terminal and without --json; this is the default
    Auto,
    /// Lines of text
    Plain,
    /// One JSON object per line
    Json,
    /// None, only warnings and errors
    None,
}

impl ProgressForm {
    /// As it is typed.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::None => "none",
        }
    }
}
