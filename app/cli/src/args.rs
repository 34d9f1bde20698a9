//! What can be typed. Secrets have no argument on purpose: arguments are visible to every user of a machine.

mod account;
mod global;
mod local;
mod restore;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint, builder::Resettable};

pub(crate) use self::{
    account::{DeviceAction, Devices, Login, Logout, Signup},
    global::{Global, ProgressForm},
    local::{
        Debug, DebugAction, Logs, RunKind, Runs, Schedule, ScheduleAction, ScheduleAdd, Source, SourceAction,
        SourceAdd, SourceEdit, time,
    },
    restore::Restore,
};
use crate::reference;

/// One line per paragraph, so that they wrap at any terminal width.
const SECRETS_HELP: &str = "\
Sealkeep prompts for secrets on the terminal, or reads them from lines NAME=value (PASSWORD, TOTP, RECOVERY_CODE, RECOVERY_WORDS, \
KEYSTORE_PASSPHRASE) of the file descriptor given by --secrets-fd. Where neither is possible, it takes them from the \
environment, as SEALKEEP_PASSWORD and so on: other programs of the same user can read that, so prefer the descriptor. \
No option takes a secret.";

/// One line per paragraph, so that they wrap at any terminal width.
const CONFIG_HELP: &str = "\
Examples:
  sealkeep config
  sealkeep status --config ./team.toml

The configuration file is $XDG_CONFIG_HOME/sealkeep/config.toml, or ~/.config/sealkeep/config.toml; --config and \
SEALKEEP_CONFIG name another one. Each key is an option's name with underscores:

    server = \"https://backup.example.com\"
    home = \"/srv/sealkeep\"
    storage_origin = \"https://s3.example.com:9000\"
    stall_timeout = 45      # seconds
    patience = 900          # seconds
    progress = \"plain\"      # auto, plain, json, none
    limit_upload = 5000     # kB/s, for every backup by this command

Options take precedence over variables, and variables over the file. Secrets are not read from it. A timer reads the \
file at its usual place.";

/// Whether the environment names the database to back up.
fn source_is_set() -> bool {
    std::env::var_os(DATABASE_URL).is_some_and(|value| !value.is_empty())
}

/// The variable that may name the database to back up, with its password.
pub(crate) const DATABASE_URL: &str = "SEALKEEP_DATABASE_URL";

/// Encrypted, deduplicated database backups; your keys never leave your device unencrypted
#[derive(Debug, Parser)]
#[command(name = "sealkeep", version, after_long_help = reference::appended_to(SECRETS_HELP), disable_help_subcommand = true)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an account, its keys, and its recovery words; this machine becomes its first device
    #[command(after_help = "Example:\n  sealkeep signup --email you@example.com --region eu")]
    Signup(Signup),
    /// Sign in; a new machine also needs the recovery words
    #[command(after_help = "Example:\n  sealkeep login --email you@example.com")]
    Login(Login),
    /// Sign out; --forget also removes this device's keys
    #[command(after_help = "Examples:\n  sealkeep logout\n  sealkeep logout --forget")]
    Logout(Logout),
    /// List or revoke devices
    #[command(after_help = "Examples:\n  sealkeep devices\n  sealkeep devices revoke laptop")]
    Devices(Devices),
    /// Back up a database, a file, or standard input
    #[command(after_help = "\
Examples:
  sealkeep backup postgres://backup@db.example/shop
  sealkeep backup --file dump.sql
  sealkeep backup shop    # a source that was saved with `sealkeep source add`
  mysqldump --single-transaction shop | sealkeep backup --stdin --name shop

A PostgreSQL password comes from ~/.pgpass, from PGPASSWORD, or from a URL in a file (--url-file) or in SEALKEEP_DATABASE_URL. In an argument, every user of the machine could read it.")]
    Backup(Backup),
    /// List snapshots, newest first (alias: ls)
    #[command(
        visible_alias = "ls",
        alias = "list",
        after_help = "Examples:\n  sealkeep snapshots --source shop\n  sealkeep snapshots --json"
    )]
    Snapshots(Snapshots),
    /// Restore a snapshot to a file, a pipe, or a database
    Restore(Restore),
    /// Verify keys, history, index, and presence of data (alias: verify); --read-data decrypts everything
    #[command(
        visible_alias = "verify",
        after_help = "Examples:\n  sealkeep check\n  sealkeep check --read-data"
    )]
    Check(Check),
    /// Manage the local index
    #[command(after_help = "Example:\n  sealkeep index rebuild")]
    Index(Index),
    /// Show account, device, service, and backed-up sources
    #[command(after_help = "Example:\n  sealkeep status")]
    Status,
    /// Manage saved sources
    #[command(
        after_help = "Example:\n  sealkeep source add postgres://backup@db.example/shop\n  sealkeep backup shop"
    )]
    Source(Source),
    /// Back up saved sources on a schedule, without the desktop app
    #[command(after_help = "Example:\n  sealkeep schedule add shop --daily 02:00")]
    Schedule(Schedule),
    /// List this device's backups, restores, and verifications
    #[command(after_help = "\
Examples:
  sealkeep runs --failed
  sealkeep runs --source shop --limit 5
  sealkeep runs --kind restore

The newest 10,000 runs are kept, the newest 500 of them with a log.")]
    Runs(Runs),
    /// Print the log of a run: stages, warnings, and why it failed
    #[command(after_help = "Examples:\n  sealkeep logs latest\n  sealkeep logs 3f9a")]
    Logs(Logs),
    /// Collect diagnostic information
    #[command(after_help = "Example:\n  sealkeep debug bundle")]
    Debug(Debug),
    /// Show the settings in effect and where each is from
    #[command(after_help = CONFIG_HELP)]
    Config,
    /// Print a completion script
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of what --json and --progress=json print
    #[command(hide = true)]
    Schema,
    /// Write man pages into a directory
    #[command(hide = true)]
    Man {
        /// Where to
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").required(!source_is_set())),
    override_usage = "sealkeep backup [OPTIONS] URL | --url-file FILE | --file PATH | --stdin\n       sealkeep backup [OPTIONS] SOURCE"
)]
pub(crate) struct Backup {
    /// A PostgreSQL database: postgres://user@host:port/database?sslmode=… or "service=NAME", "host=… dbname=…"; or the name of a saved source [default: SEALKEEP_DATABASE_URL, when it is set]
    #[arg(group = "what", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Read the URL from this file (must be readable only by you if it contains a password)
    #[arg(long, group = "what", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) url_file: Option<PathBuf>,
    /// Allow a password in URL, where every user of this machine can read it
    #[arg(long)]
    pub(crate) allow_password_in_arguments: bool,
    /// An existing dump, or any file
    #[arg(long, group = "what", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Standard input; requires --name
    #[arg(long, group = "what", requires = "name")]
    pub(crate) stdin: bool,
    /// A saved source: its name or ID, or the first characters of either
    #[arg(long, group = "what", conflicts_with = "name")]
    pub(crate) source: Option<String>,
    /// Accept a dump that is far smaller than usual or in a different format, or a file that changes while it is read;
    /// the snapshot is marked
    #[arg(long)]
    pub(crate) force: bool,
    /// Source name [default: the database's or file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Confirm that this is the source backed up under this name so far
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) same_source: bool,
    /// Do not deduplicate by row, and keep no record list (hashes of rows) on this device
    #[arg(long)]
    pub(crate) no_record_list: bool,
    /// Do not unpack gzip and compressed pg_dump archives before storing
    #[arg(long)]
    pub(crate) no_unwrap: bool,
    /// zstd level [default: automatic, the fastest that compresses like level 3; up to 12 when the network is the bottleneck]
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(crate) compression: Option<i32>,
    /// Upload limit in kB/s
    #[arg(long, value_name = "KB")]
    pub(crate) limit_upload: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Snapshots {
    /// Show only this source
    #[arg(long)]
    pub(crate) source: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Download and decrypt all data
    #[arg(long)]
    pub(crate) read_data: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Index {
    #[command(subcommand)]
    pub(crate) action: IndexAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexAction {
    /// Delete the local index and rebuild it from storage
    #[command(after_help = "Example:\n  sealkeep index rebuild")]
    Rebuild,
    /// Rebuild a source's record list (hashes of rows) from its newest snapshot, so that the next backup uploads only what changed
    #[command(after_help = "Example:\n  sealkeep index records --source shop")]
    Records {
        /// Source [default: the only one]
        #[arg(long)]
        source: Option<String>,
    },
}

/// The same command line for a terminal: what is missing there is asked for.
pub(crate) fn with_questions(command: clap::Command) -> clap::Command {
    command
        .mut_subcommand("signup", |signup| {
            signup
                .mut_arg("email", |email| email.required(false))
                .mut_arg("region", |region| region.required(false))
        })
        .mut_subcommand("restore", |restore| {
            let restore = restore.mut_group("target", |target| target.required(false));
            restore.mut_arg("snapshot", |snapshot| snapshot.required_unless_present(Resettable::Reset))
        })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_terminal_may_leave_out_what_is_asked_for_and_a_pipe_may_not() {
        for typed in [
            &["signup"][..],
            &["signup", "--email", "a@example.com"],
            &["restore"],
            &["restore", "latest"],
            &["restore", "--to", "x"],
        ] {
            let parse = |command: clap::Command| {
                command.try_get_matches_from(["sealkeep"].iter().chain(typed)).is_ok()
            };
            assert!(parse(with_questions(Cli::command())), "{typed:?}");
            assert!(!parse(Cli::command()), "{typed:?}");
        }
        let both = ["sealkeep", "restore", "latest", "--clean-up", "postgres://h/"];
        assert!(with_questions(Cli::command()).try_get_matches_from(both).is_err());
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let parses = |typed: &str| {
            let command = Cli::command().mut_args(|argument| argument.env(None::<&'static str>));
            command.try_get_matches_from(["sealkeep"].into_iter().chain(typed.split(' '))).is_ok()
        };
        for good in [
            "status --progress=none",
            "status --progress json --json",
            "status --stall-timeout 3600 --patience 0",
            "backup --file x --compression 19 --limit-upload 1",
            "backup --stdin --name x",
            "backup --url-file x --same-source",
            "runs --limit 1",
            "runs --kind restore --failed",
            "ls --source x",
            "verify --read-data",
            "debug bundle --yes",
        ] {
            assert!(parses(good), "{good}");
        }
        for bad in [
            "status --progress=loud",
            "status --quiet --progress=plain",
            "status --stall-timeout 0",
            "status --patience 3001",
            "backup --file x --compression 0",
            "backup --file x --stdin --name x",
            "backup --stdin --name x --same-source",
            "backup --source x --name y",
            "runs --limit 0",
            "runs --kind song",
            "logs",
            "devices approve x",
        ] {
            assert!(!parses(bad), "{bad}");
        }
    }

    /// No option takes a secret.
    #[test]
    fn a_secret_is_no_argument() {
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments().filter_map(|argument| argument.get_long()) {
                let harmless = ["allow-password-in-arguments", "secrets-fd"].contains(&argument);
                let secret = ["password", "passphrase", "secret", "words", "totp", "code"];
                assert!(harmless || !secret.iter().any(|word| argument.contains(word)), "--{argument}");
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
