//! What can be typed. Secrets have no argument on purpose: arguments are visible to every user of a machine.

mod local;

use std::path::PathBuf;

use api_types::Region;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};

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
    3  not signed in, or refused
    4  service unreachable or failing
    5  object store unreachable or refusing
    6  source or dump failed
    7  not found, ambiguous, or it exists already
    8  local disk or file
    9  stored data is damaged or incomplete
   10  the service shows an older or forked history
   11  written by a newer version
   12  the name belongs to another source
   13  the dump is unusually small, or of another format
  130  cancelled
  141  whoever read the output has gone";

const RESTORE_HELP: &str = "\
A restore into a database is whole, or leaves it as it was. A database that does not exist yet is created like the original, \
filled as sealkeep_restoring_…, and gets its name at the end; an empty one is filled in one transaction.

--overwrite does not add to what is there: the restored database takes the place of the one of that name, which is dropped. \
Nobody may be connected to it.

What the dump needs and the server lacks (roles, extensions, tablespaces, languages, privileges) is named before anything is written. \
--skip-missing leaves those statements out and lists them; --no-owner and --no-privileges leave owners and privileges out, \
whether they exist or not.

--continue passes over what the server itself refuses of a dump, for example rows that break a CHECK constraint: the rest is \
kept in a database made for it, what failed is listed (in \"failed\" with --json), and the exit code is 9. Rows of a table that \
could not be made are left out. What a dump must not hold (commands to psql, other transactions) is refused with it as without it.

Whatever runs in a dump (functions, triggers, DO blocks) runs with your privileges on the server: restore what you do not \
trust as a role that may do little.";

/// Whether the environment names the database to back up.
fn source_is_set() -> bool {
    std::env::var_os(DATABASE_URL).is_some_and(|value| !value.is_empty())
}

/// The variable that may name the database to back up, with its password.
pub(crate) const DATABASE_URL: &str = "SEALKEEP_DATABASE_URL";

/// Separates global options from a command's own.
const GLOBAL: &str = "Global options";

/// Encrypted, deduplicated database backups whose keys never leave your machine.
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
    /// No progress, only errors
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
    /// The metadata service, at sign-up and on a device's first sign-in
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
    /// The storage that this vault may use although it lies inside your network: scheme, host, port
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        env = "SEALKEEP_STORAGE_ORIGIN",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) storage_origin: Option<String>,
    /// Retry a transfer that stood still for this many seconds
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
    /// Wait this many seconds for a service or store that goes away in the middle of a run
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
    /// Sign in; on a new machine with the recovery words
    #[command(after_help = "Example:\n  sealkeep login --email you@example.com")]
    Login(Login),
    /// End this device's session; --forget also removes its keys from this machine
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

A PostgreSQL password comes from ~/.pgpass, from PGPASSWORD, or from a URL in a file (--url-file) or in SEALKEEP_DATABASE_URL. As part of an argument every user of the machine could read it.")]
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
    /// Verify keys, history, index and that every needed pack is stored; --read-data reads all of it
    #[command(visible_alias = "verify")]
    Check(Check),
    /// The local index cache
    Index(Index),
    /// Show account, device, service and what is protected
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
    /// The account's e-mail address
    #[arg(long, required = true)]
    pub(crate) email: Option<String>,
    /// Storage region, which cannot be changed later: us, ca or eu
    #[arg(long, required = true)]
    pub(crate) region: Option<Region>,
    /// What to call this device [default: the host's name]
    #[arg(long)]
    pub(crate) device_name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The account's e-mail address [default: the one this device knows]
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// What to call this device [default: the host's name]
    #[arg(long)]
    pub(crate) device_name: Option<String>,
    /// On a new machine: read the recovery words from this saved kit, PDF or text
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kit: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// Also remove the device's keys from this machine; signing in again then takes the recovery words
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
    /// Revoke a device: it can do nothing more from then on
    Revoke {
        /// Its name, its id, or the beginning of the id, from `sealkeep devices`
        device: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(!source_is_set())))]
pub(crate) struct Backup {
    /// A PostgreSQL database: postgres://user@host:port/database?sslmode=… or "service=NAME", "host=… dbname=…"; or the name of a saved source [default: SEALKEEP_DATABASE_URL, when it is set]
    #[arg(group = "what", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The same, with or without a password, in a file that nobody else can read
    #[arg(long, group = "what", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) url_file: Option<PathBuf>,
    /// Take a password in URL, although every user of this machine can read it there
    #[arg(long)]
    pub(crate) allow_password_in_arguments: bool,
    /// An existing dump, or any file
    #[arg(long, group = "what", value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Whatever comes in on standard input; needs --name
    #[arg(long, group = "what", requires = "name")]
    pub(crate) stdin: bool,
    /// A saved source: its name, its id, or the beginning of either
    #[arg(long, group = "what", conflicts_with = "name")]
    pub(crate) source: Option<String>,
    /// Take a dump that is far smaller than the last ones or of another format, or a file that changes meanwhile; the
    /// snapshot is marked
    #[arg(long)]
    pub(crate) force: bool,
    /// What to call the source [default: the database's or the file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Confirm that this database or file continues the one that has been backed up under this name
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) same_source: bool,
    /// Do not look for rows of the last dump, and keep no list of their hashes on this device
    #[arg(long)]
    pub(crate) no_record_list: bool,
    /// Store gzip and compressed pg_dump archives as they are, instead of their content
    #[arg(long)]
    pub(crate) no_unwrap: bool,
    /// zstd level [default: the fastest that is as small as 3; up to 12 while the network is slower than the compression]
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(crate) compression: Option<i32>,
    /// Upload at most this many KiB per second
    #[arg(long, value_name = "KIB")]
    pub(crate) limit_upload: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Snapshots {
    /// Only of this source
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
    /// A snapshot's id, the beginning of one, `latest`, SOURCE@latest, or SOURCE@2026-11-20: the newest of that local day
    #[arg(required_unless_present = "clean_up", conflicts_with = "clean_up")]
    pub(crate) snapshot: Option<String>,
    /// With `latest`: of which source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Into this file; it appears under its name once its checksum matches
    #[arg(long, group = "target", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
    /// To standard output
    #[arg(long, group = "target")]
    pub(crate) stdout: bool,
    /// Into this PostgreSQL database, created when it does not exist
    #[arg(long, groups = ["target", "database"], value_name = "URL")]
    pub(crate) into: Option<String>,
    /// Into the database of the URL in this file, which nobody else can read
    #[arg(long, groups = ["target", "database"], value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) into_url_file: Option<PathBuf>,
    /// Take a password in --into or --clean-up, although every user of this machine can read it there
    #[arg(long)]
    pub(crate) allow_password_in_arguments: bool,
    /// Replace an existing file, or a database that is not empty, as a whole
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Write the dump to a terminal, too
    #[arg(long)]
    pub(crate) force: bool,
    /// With --into: everything belongs to you instead of its old owners, who need not exist there
    #[arg(long, requires = "database")]
    pub(crate) no_owner: bool,
    /// With --into: grant no privileges
    #[arg(long, requires = "database")]
    pub(crate) no_privileges: bool,
    /// With --into: leave out, and list, what needs a role, extension, tablespace or language that the server lacks
    #[arg(long, requires = "database")]
    pub(crate) skip_missing: bool,
    /// With --into: allow the very database that was backed up
    #[arg(long, requires = "database")]
    pub(crate) onto_source: bool,
    /// With --into: allow what may be a copy of the database that was backed up
    #[arg(long, requires = "database")]
    pub(crate) to_copy_of_source: bool,
    /// With --into: keep what can be restored in a database made for it, list what cannot, and exit with 9
    #[arg(long = "continue", requires = "database")]
    pub(crate) keep_going: bool,
    /// Drop what restores that were killed left on this server; restores that still run stay
    #[arg(long, group = "target", value_name = "URL")]
    pub(crate) clean_up: Option<String>,
    /// Write what is readable, zeros for what is not, and exit with 9
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
    /// Rebuild the local index from the bucket
    Rebuild,
    /// Rebuild the list of a source's rows from its newest snapshot, so that the next backup sends only what changed
    Records {
        /// Which source [default: the only one]
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
            restore.mut_arg("snapshot", |snapshot| snapshot.required_unless_present(None::<clap::Id>))
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
