//! What can be typed. Secrets have no argument on purpose: arguments are visible to every user of a machine.

mod local;

use std::path::PathBuf;

use api_types::Region;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint, builder::Resettable};

pub(crate) use self::local::{
    Debug, DebugAction, Logs, Runs, Schedule, ScheduleAction, ScheduleAdd, Source, SourceAction, SourceAdd,
    SourceEdit, time,
};

/// One line per paragraph, so that they wrap at any terminal width.
const SECRETS_HELP: &str = "\
Secrets are asked for on the terminal, or read from lines NAME=value (PASSWORD, TOTP, RECOVERY_CODE, RECOVERY_WORDS, \
KEYSTORE_PASSPHRASE) of the file descriptor given by --secrets-fd. Where that is not possible they are taken from the \
environment, as SEALKEEP_PASSWORD and so on: other programs of the same user can read that, so prefer the descriptor. \
There is no argument for them.

Environment (an option counts before its variable):
    SEALKEEP_HOME             directory for keys and local state
    SEALKEEP_SERVER           the metadata service
    SEALKEEP_STORAGE_ORIGIN   storage inside your network that may be used
    SEALKEEP_STALL_TIMEOUT    seconds until a transfer is tried again
    SEALKEEP_PATIENCE         seconds to wait for a service or store
    SEALKEEP_DATABASE_URL     the database to back up, with its password
    SEALKEEP_PASSWORD, SEALKEEP_TOTP, SEALKEEP_RECOVERY_CODE,
    SEALKEEP_RECOVERY_WORDS, SEALKEEP_KEYSTORE_PASSPHRASE
                              secrets, see above
    SEALKEEP_LOG, RUST_LOG    what to log on standard error, such as debug
    NO_COLOR, CLICOLOR_FORCE  help without colors, or with colors in a pipe

Exit codes:
    0  done
    1  internal error
    2  wrong usage
    3  not signed in, or access denied
    4  service unreachable or failing
    5  object store unreachable or refusing
    6  source or dump failed
    7  not found, ambiguous, or already exists
    8  local disk or file
    9  stored data is damaged or incomplete
   10  the service returned an older or forked history
   11  written by a newer version
   12  the name belongs to another source
   13  the dump is unusually small or has a different format
  130  cancelled
  141  the reader of the output has gone";

const RESTORE_HELP: &str = "\
A restore into a database is all or nothing. A database that does not exist yet is created like the original, \
filled as sealkeep_restoring_…, and renamed at the end; an empty one is filled in one transaction.

--overwrite does not merge: the restored database replaces the existing one, which is dropped. No other session may be \
connected to it.

Whatever the dump needs and the server lacks (roles, extensions, tablespaces, languages, privileges) is listed before anything \
is written. \
--skip-missing leaves those statements out and lists them; --no-owner and --no-privileges leave owners and privileges out, \
whether they exist or not.

--continue skips what the server rejects, for example rows that violate a CHECK constraint: the rest is \
kept in a new database, what failed is listed (in \"failed\" with --json), and the exit code is 9. Rows of a table that \
could not be created are left out. Statements that no restore allows (commands to psql, other transactions) are still refused.

Code in a dump (functions, triggers, DO blocks) runs with your privileges on the server: restore untrusted dumps \
as a role with few privileges.";

/// Whether the environment names the database to back up.
fn source_is_set() -> bool {
    std::env::var_os(DATABASE_URL).is_some_and(|value| !value.is_empty())
}

/// The variable that may name the database to back up, with its password.
pub(crate) const DATABASE_URL: &str = "SEALKEEP_DATABASE_URL";

/// Separates global options from a command's own.
const GLOBAL: &str = "Global options";

/// Encrypted, deduplicated database backups. Your keys never leave your machine.
#[derive(Debug, Parser)]
#[command(name = "sealkeep", version, after_long_help = SECRETS_HELP, disable_help_subcommand = true)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print one JSON document on standard output instead of text
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// Suppress progress output
    #[arg(long, short, global = true, help_heading = GLOBAL)]
    pub(crate) quiet: bool,
    /// How to report progress, on standard error
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "HOW", conflicts_with = "quiet")]
    pub(crate) progress: Option<ProgressForm>,
    /// Directory for keys and local state [default: the user's data directory]
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
    /// The Sealkeep service, at sign-up and on a device's first sign-in
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
    /// Wait this many seconds for a service or store that becomes unavailable during a run
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an account, its keys and its recovery words; this machine becomes its first device
    #[command(after_help = "Example:\n  sealkeep signup --email you@example.com --region eu")]
    Signup(Signup),
    /// Sign in; a new machine also needs the recovery words
    #[command(after_help = "Example:\n  sealkeep login --email you@example.com")]
    Login(Login),
    /// Sign out; --forget also removes this device's keys
    Logout(Logout),
    /// List or revoke devices
    Devices(Devices),
    /// Back up a database, a file or standard input
    #[command(after_help = "\
Examples:
  sealkeep backup postgres://backup@db.example/shop
  sealkeep backup --file dump.sql
  sealkeep backup shop                              # a saved source, see `sealkeep source`
  mysqldump --single-transaction shop | sealkeep backup --stdin --name shop

A PostgreSQL password comes from ~/.pgpass, from PGPASSWORD, or from a URL in a file (--url-file) or in SEALKEEP_DATABASE_URL. In an argument, every user of the machine could read it.")]
    Backup(Backup),
    /// List snapshots, newest first
    #[command(visible_alias = "ls", alias = "list")]
    Snapshots(Snapshots),
    /// Restore a snapshot to a file, a pipe or a database
    #[command(after_help = "\
Examples:
  sealkeep restore shop@latest --to shop.dump
  sealkeep restore shop@2026-11-20 --to shop.dump
  sealkeep restore 3f9a --stdout | pg_restore --list
  sealkeep restore shop@latest --into postgres://postgres@localhost/shop_restored
  sealkeep restore --clean-up postgres://postgres@localhost/")]
    Restore(Restore),
    /// Verify keys, history, index, and that every required pack is stored; --read-data decrypts everything
    #[command(visible_alias = "verify")]
    Check(Check),
    /// The local index cache
    Index(Index),
    /// Show account, device, service, and backed-up sources
    Status,
    /// The saved sources of this device
    #[command(
        after_help = "Example:\n  sealkeep source add postgres://backup@db.example/shop\n  sealkeep backup shop"
    )]
    Source(Source),
    /// Back up saved sources on a schedule, without a window
    #[command(after_help = "Example:\n  sealkeep schedule add shop --daily 02:00")]
    Schedule(Schedule),
    /// List this device's backup runs, newest first
    #[command(after_help = "\
Examples:
  sealkeep runs --failed
  sealkeep runs --source shop --limit 5

The newest 10,000 runs are listed, and the newest 500 have a log.")]
    Runs(Runs),
    /// Print the log of a run: stages, warnings, and why it failed
    #[command(after_help = "Examples:\n  sealkeep logs latest\n  sealkeep logs 3f9a")]
    Logs(Logs),
    /// Collect what helps to understand a problem
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
pub(crate) struct Signup {
    /// The account's email address
    #[arg(long, required = true)]
    pub(crate) email: Option<String>,
    /// Storage region (can't be changed later): us, ca, eu
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
    /// On a new machine: read the recovery words from this recovery kit (PDF or text)
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
    Revoke {
        /// Device name, ID or start of the ID, from `sealkeep devices`
        device: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(!source_is_set())))]
pub(crate) struct Backup {
    /// A PostgreSQL database: postgres://user@host:port/database?sslmode=… or "service=NAME", "host=… dbname=…"; or the name of a saved source [default: SEALKEEP_DATABASE_URL, when it is set]
    #[arg(group = "what", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Read the URL from this file, which only you can read
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
    /// A saved source: its name, its id, or the beginning of either
    #[arg(long, group = "what", conflicts_with = "name")]
    pub(crate) source: Option<String>,
    /// Take a dump that is far smaller than the last ones or of another format, or a file that changes meanwhile; the
    /// snapshot is marked
    #[arg(long)]
    pub(crate) force: bool,
    /// Source name [default: the database's or file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Confirm that this is the source backed up under this name so far
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) same_source: bool,
    /// Don't deduplicate by row, and keep no list of row hashes on this device
    #[arg(long)]
    pub(crate) no_record_list: bool,
    /// Don't unpack gzip and compressed pg_dump archives before storing
    #[arg(long)]
    pub(crate) no_unwrap: bool,
    /// zstd level [default: the fastest that is as small as 3; up to 12 while the network is slower than the compression]
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
#[command(
    group(ArgGroup::new("target").required(true)),
    override_usage = "sealkeep restore [OPTIONS] SNAPSHOT --to FILE | --stdout | --into URL\n       sealkeep restore --clean-up URL",
    after_long_help = RESTORE_HELP
)]
pub(crate) struct Restore {
    /// Snapshot ID, the start of one, `latest`, SOURCE@latest, or SOURCE@2026-11-20: the newest of that local day
    #[arg(required_unless_present = "clean_up", conflicts_with = "clean_up")]
    pub(crate) snapshot: Option<String>,
    /// With `latest`: the source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Restore to this file, which appears once its checksum matches
    #[arg(long, group = "target", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
    /// To standard output
    #[arg(long, group = "target")]
    pub(crate) stdout: bool,
    /// Restore into this PostgreSQL database; created if it does not exist
    #[arg(long, groups = ["target", "database"], value_name = "URL")]
    pub(crate) into: Option<String>,
    /// Read the URL of --into from this file, which only you can read
    #[arg(long, groups = ["target", "database"], value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) into_url_file: Option<PathBuf>,
    /// Allow a password in --into or --clean-up, where every user of this machine can read it
    #[arg(long)]
    pub(crate) allow_password_in_arguments: bool,
    /// Replace an existing file, or a database that is not empty, as a whole
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Allow writing the dump to a terminal
    #[arg(long)]
    pub(crate) force: bool,
    /// With --into: make yourself the owner of everything
    #[arg(long, requires = "database")]
    pub(crate) no_owner: bool,
    /// With --into: grant no privileges
    #[arg(long, requires = "database")]
    pub(crate) no_privileges: bool,
    /// With --into: leave out and list what needs a role, extension, tablespace or language that the server lacks
    #[arg(long, requires = "database")]
    pub(crate) skip_missing: bool,
    /// With --into: allow restoring over the source database
    #[arg(long, requires = "database")]
    pub(crate) onto_source: bool,
    /// With --into: allow a database that may be a copy of the source
    #[arg(long, requires = "database")]
    pub(crate) to_copy_of_source: bool,
    /// With --into: keep what can be restored in a new database, list the rest, and exit with 9
    #[arg(long = "continue", requires = "database")]
    pub(crate) keep_going: bool,
    /// Drop what interrupted restores left on this server; running restores are kept
    #[arg(long, group = "target", value_name = "URL")]
    pub(crate) clean_up: Option<String>,
    /// Restore what is readable, fill gaps with zeros, and exit with 9
    #[arg(long, conflicts_with = "database")]
    pub(crate) partial: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Fetch and decrypt every pack
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
    /// Rebuild a source's row list from its newest snapshot, so that the next backup uploads only what changed
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
    use super::*;

    /// Options for databases require `--into` or `--into-url-file`.
    #[test]
    fn options_of_a_database_go_with_both_ways_of_naming_it() {
        let parses =
            |rest: &[&str]| Cli::try_parse_from(["sealkeep", "restore", "latest"].iter().chain(rest)).is_ok();
        for option in [
            "--no-owner",
            "--no-privileges",
            "--skip-missing",
            "--onto-source",
            "--to-copy-of-source",
            "--continue",
        ] {
            assert!(parses(&["--into", "postgres://h/d", option]), "{option}");
            assert!(parses(&["--into-url-file", "url", option]), "{option}");
            assert!(!parses(&["--to", "dump.sql", option]), "{option}");
            assert!(!parses(&["--stdout", option]), "{option}");
        }
    }

    #[test]
    fn a_terminal_may_leave_out_what_is_asked_for_and_a_pipe_may_not() {
        use clap::CommandFactory;
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
}
