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
        Debug, DebugAction, Logs, Runs, Schedule, ScheduleAction, ScheduleAdd, Source, SourceAction,
        SourceAdd, SourceEdit, time,
    },
    restore::Restore,
};

/// One line per paragraph, so that they wrap at any terminal width.
const SECRETS_HELP: &str = "\
Sealkeep prompts for secrets on the terminal, or reads them from lines NAME=value (PASSWORD, TOTP, RECOVERY_CODE, RECOVERY_WORDS, \
KEYSTORE_PASSPHRASE) of the file descriptor given by --secrets-fd. Where neither is possible, it takes them from the \
environment, as SEALKEEP_PASSWORD and so on: other programs of the same user can read that, so prefer the descriptor. \
No option takes a secret.

Environment (options take precedence over variables):
    SEALKEEP_HOME             directory for keys and local state
    SEALKEEP_SERVER           URL of the Sealkeep service
    SEALKEEP_STORAGE_ORIGIN   storage inside your network that may be used
    SEALKEEP_STALL_TIMEOUT    seconds until a transfer is tried again
    SEALKEEP_PATIENCE         seconds to retry the service or storage
    SEALKEEP_DATABASE_URL     the database to back up, with its password
    SEALKEEP_PASSWORD, SEALKEEP_TOTP, SEALKEEP_RECOVERY_CODE,
    SEALKEEP_RECOVERY_WORDS, SEALKEEP_KEYSTORE_PASSPHRASE
                              secrets, see above
    SEALKEEP_LOG, RUST_LOG    what to log on standard error, such as debug
    NO_COLOR, CLICOLOR_FORCE  help without colors, or with colors in a pipe

Exit codes:
    0  done
    1  internal error
    2  invalid usage
    3  not signed in, or access denied
    4  service unreachable or failing
    5  storage unreachable or request refused
    6  source or dump failed
    7  not found, ambiguous, or already exists
    8  local disk or file error
    9  stored data is damaged, or a restore is incomplete
   10  the service returned an inconsistent history
   11  created by a newer version of Sealkeep
   12  the name belongs to another source
   13  the dump is unusually small or has a different format
  130  stopped
  141  broken pipe";

/// Whether the environment names the database to back up.
fn source_is_set() -> bool {
    std::env::var_os(DATABASE_URL).is_some_and(|value| !value.is_empty())
}

/// The variable that may name the database to back up, with its password.
pub(crate) const DATABASE_URL: &str = "SEALKEEP_DATABASE_URL";

/// Encrypted, deduplicated database backups; your keys never leave your device unencrypted
#[derive(Debug, Parser)]
#[command(name = "sealkeep", version, after_long_help = SECRETS_HELP, disable_help_subcommand = true)]
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
    Logout(Logout),
    /// List or revoke devices
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
    #[command(visible_alias = "ls", alias = "list")]
    Snapshots(Snapshots),
    /// Restore a snapshot to a file, a pipe, or a database
    #[command(after_help = "\
Examples:
  sealkeep restore shop@latest --to shop.dump
  sealkeep restore shop@2026-11-20 --to shop.dump
  sealkeep restore 3f9a --stdout | pg_restore --list
  sealkeep restore shop@latest --into postgres://postgres@localhost/shop_restored
  sealkeep restore --clean-up postgres://postgres@localhost/")]
    Restore(Restore),
    /// Verify keys, history, index, and presence of data (alias: verify); --read-data decrypts everything
    #[command(visible_alias = "verify")]
    Check(Check),
    /// Manage the local index
    Index(Index),
    /// Show account, device, service, and backed-up sources
    Status,
    /// Manage saved sources
    #[command(
        after_help = "Example:\n  sealkeep source add postgres://backup@db.example/shop\n  sealkeep backup shop"
    )]
    Source(Source),
    /// Back up saved sources on a schedule, without the desktop app
    #[command(after_help = "Example:\n  sealkeep schedule add shop --daily 02:00")]
    Schedule(Schedule),
    /// List this device's backup runs, newest first
    #[command(after_help = "\
Examples:
  sealkeep runs --failed
  sealkeep runs --source shop --limit 5

The newest 10,000 runs are kept, the newest 500 of them with a log.")]
    Runs(Runs),
    /// Print the log of a run: stages, warnings, and why it failed
    #[command(after_help = "Examples:\n  sealkeep logs latest\n  sealkeep logs 3f9a")]
    Logs(Logs),
    /// Collect diagnostic information
    #[command(after_help = "Example:\n  sealkeep debug bundle")]
    Debug(Debug),
    /// Print a completion script
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    #[command(hide = true)]
    Man {
        /// Where to
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(!source_is_set())))]
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
    /// Upload limit in KiB/s
    #[arg(long, value_name = "KIB")]
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
    Rebuild,
    /// Rebuild a source's record list (hashes of rows) from its newest snapshot, so that the next backup uploads only what changed
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
