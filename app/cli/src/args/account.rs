//! Arguments of the commands about the account and its devices.

use std::path::PathBuf;

use api_types::Region;
use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
pub(crate) struct Signup {
    /// The account's email address
    #[arg(long, required = true)]
    pub(crate) email: Option<String>,
    /// Storage region (cannot be changed later): us, ca, eu
    #[arg(long, required = true)]
    pub(crate) region: Option<Region>,
    /// Device name [default: the host name]
    #[arg(long)]
    pub(crate) device_name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The account's email address [default: the last one used on this device]
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Device name [default: the host name]
    #[arg(long)]
    pub(crate) device_name: Option<String>,
    /// On a new machine: read the recovery words from this recovery kit (PDF or text), or from a file with nothing but the words
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// Also remove this device's keys; signing in again then requires the recovery words
    #[arg(long)]
    pub(crate) forget: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Devices {
    #[command(subcommand)]
    pub(crate) action: Option<DeviceAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceAction {
    /// Revoke a device, which blocks it immediately
    #[command(after_help = "Examples:\n  sealkeep devices revoke laptop\n  sealkeep devices revoke 3f9a")]
    Revoke {
        /// Device name or ID, or the first characters of the ID, from `sealkeep devices`
        device: String,
    },
}
