//! Arguments of the commands about this device: its saved sources, their schedules, its runs and their logs.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint, builder::RangedU64ValueParser};
use jiff::civil::Time;

#[derive(Debug, Args)]
pub(crate) struct Source {
    #[command(subcommand)]
    pub(crate) action: SourceAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourceAction {
    /// Save a database or a file under a name
    #[command(after_help = "\
Examples:
  sealkeep source add postgres://backup@db.example/shop
  sealkeep source add --url-file shop.url --name shop
  sealkeep source add --file /var/dumps/shop.dump

The connection URL is encrypted with the vault's key and never leaves this machine. A password in it comes from a file (--url-file) or from SEALKEEP_DATABASE_URL; without one, PostgreSQL looks in ~/.pgpass at each backup.")]
    Add(SourceAdd),
    /// List the saved sources
    #[command(after_help = "Example:\n  sealkeep source list --json")]
    List,
    /// Change a source's name or connection; schedule and history are kept
    #[command(after_help = "\
Examples:
  sealkeep source edit shop --name store
  sealkeep source edit shop postgres://backup@db2.example/shop
  sealkeep source edit shop --url-file shop.url    # a new password

A URL without a password keeps the saved one, if server and user stay the same.")]
    Edit(SourceEdit),
    /// Remove a source and its timer; its snapshots are kept
    #[command(after_help = "Example:\n  sealkeep source remove shop")]
    Remove {
        /// Its name or ID, or the first characters of either
        source: String,
    },
    /// Connect to a source and report what a backup would find; nothing is dumped
    #[command(
        after_help = "Example:\n  sealkeep source test shop\n\nIf a backup would fail, the exit code is the one that the backup would return, for example 6."
    )]
    Test {
        /// Its name or ID, or the first characters of either
        source: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("address").required(!super::source_is_set())))]
pub(crate) struct SourceAdd {
    /// A PostgreSQL database: postgres://user@host:port/database?sslmode=… [default: SEALKEEP_DATABASE_URL, when it is set]
    #[arg(group = "address", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Read the URL from this file (must be readable only by you if it contains a password)
    #[arg(long, group = "address", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) url_file: Option<PathBuf>,
    /// An existing dump, or any file
    #[arg(long, group = "address", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Allow a password in URL, where every user of this machine can read it
    #[arg(long)]
    pub(crate) allow_password_in_arguments: bool,
    /// Source name [default: the database's or file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("address")),
    group(ArgGroup::new("change").required(true).multiple(true).args(["url", "url_file", "file", "name"])),
    override_usage = "sealkeep source edit [OPTIONS] SOURCE URL | --url-file FILE | --file PATH\n       sealkeep source edit [OPTIONS] SOURCE --name NAME"
)]
pub(crate) struct SourceEdit {
    /// Its name or ID, or the first characters of either
    pub(crate) source: String,
    /// Its new connection URL: postgres://user@host:port/database?sslmode=…
    #[arg(group = "address", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Read the URL from this file (must be readable only by you if it contains a password)
    #[arg(long, group = "address", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) url_file: Option<PathBuf>,
    /// The new path of a source that is a file
    #[arg(long, group = "address", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Allow a password in URL, where every user of this machine can read it
    #[arg(long)]
    pub(crate) allow_password_in_arguments: bool,
    /// Its new name, for snapshots from now on
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    pub(crate) action: ScheduleAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleAction {
    /// Back up a source on a schedule, with a systemd timer
    #[command(after_help = "\
Examples:
  sealkeep schedule add shop --daily 02:00
  sealkeep schedule add shop --weekly sun 04:00
  sudo sealkeep schedule add shop --hourly --system

A user timer runs while you are logged in to this computer, or always after `loginctl enable-linger`; a system timer always runs. Times are local. A missed backup runs when the computer next starts, or for a user timer, when you next log in. The desktop app and a timer never back up twice: whichever runs second skips the backup. Put your own changes into a drop-in (`systemctl --user edit UNIT`): an edited timer is not overwritten.

Without systemd, or with --system as a user other than root, it prints the commands to run instead and exits with 2.")]
    Add(ScheduleAdd),
    /// List schedules, when they are next due, and their timers
    #[command(after_help = "Example:\n  sealkeep schedule list")]
    List,
    /// Remove a source's schedule and its timer
    #[command(after_help = "Example:\n  sealkeep schedule remove shop")]
    Remove {
        /// The source's name or ID, or the first characters of either
        source: String,
    },
    /// Back up a source if it is due: what a timer starts
    #[command(after_help = "\
Example:
  sealkeep schedule run shop

The exit code is 0 if there was nothing to do, and otherwise that of `sealkeep backup`. It never prompts: a key file with a passphrase needs SEALKEEP_KEYSTORE_PASSPHRASE or the systemd credential sealkeep-passphrase.")]
    Run {
        /// The source's name or ID, or the first characters of either
        source: String,
    },
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("when").required(true)),
    override_usage = "sealkeep schedule add [OPTIONS] SOURCE --hourly | --daily HH:MM\n       sealkeep schedule add [OPTIONS] SOURCE --weekly DAY HH:MM"
)]
pub(crate) struct ScheduleAdd {
    /// The source's name or ID, or the first characters of either
    pub(crate) source: String,
    /// Every hour
    #[arg(long, group = "when")]
    pub(crate) hourly: bool,
    /// Every day at this time, up to 5 minutes later
    #[arg(long, group = "when", value_name = "HH:MM", value_parser = time)]
    pub(crate) daily: Option<Time>,
    /// Every week on this day (mon to sun) at this time, up to 5 minutes later
    #[arg(long, group = "when", num_args = 2, value_names = ["DAY", "HH:MM"])]
    pub(crate) weekly: Option<Vec<String>>,
    /// With a system timer, which runs whether or not you are logged in to this computer
    #[arg(long)]
    pub(crate) system: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Show only runs of this source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Show only runs of this kind
    #[arg(long)]
    pub(crate) kind: Option<RunKind>,
    /// Show only failed runs
    #[arg(long)]
    pub(crate) failed: bool,
    /// Show at most this many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) limit: usize,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunKind {
    Backup,
    Restore,
    Verify,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Run ID or its first characters, or `latest`
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct Debug {
    #[command(subcommand)]
    pub(crate) action: DebugAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DebugAction {
    /// Write a diagnostic report without secrets, to share when you ask for help
    #[command(after_help = "\
Examples:
  sealkeep debug bundle
  sealkeep debug bundle --to /tmp/sealkeep.txt --yes

The command shows the file's contents and asks for confirmation. Nothing is sent anywhere.")]
    Bundle {
        /// Write to this new file [default: sealkeep-debug.txt in this directory]
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        to: Option<PathBuf>,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// `02:00`
pub(crate) fn time(text: &str) -> Result<Time, String> {
    Time::strptime("%H:%M", text).map_err(|_| "a time of day is written as 02:00".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;

    #[test]
    fn one_schedule_is_given() {
        let parses = |rest: &[&str]| {
            Cli::try_parse_from(["sealkeep", "schedule", "add", "shop"].iter().chain(rest)).is_ok()
        };
        assert!(parses(&["--hourly"]));
        assert!(parses(&["--daily", "02:00", "--system"]));
        assert!(parses(&["--weekly", "sun", "04:00"]));
        for wrong in [
            &[][..],
            &["--hourly", "--daily", "02:00"],
            &["--daily", "24:00"],
            &["--daily", "2 o'clock"],
            &["--daily", "02:00:30"],
            &["--weekly", "sun"],
        ] {
            assert!(!parses(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn an_edit_changes_something() {
        let parses = |rest: &[&str]| {
            Cli::try_parse_from(["sealkeep", "source", "edit", "shop"].iter().chain(rest)).is_ok()
        };
        assert!(parses(&["--name", "store"]));
        assert!(parses(&["postgres://h/d", "--name", "store"]));
        assert!(parses(&["--file", "/d/x"]));
        assert!(!parses(&[]));
        assert!(!parses(&["postgres://h/d", "--file", "/d/x"]));
    }
}
