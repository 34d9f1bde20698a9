//! Arguments of `sealkeep restore`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};

/// Also in the short help.
const EXAMPLES: &str = "\
Examples:
  sealkeep restore shop@latest --to shop.dump
  sealkeep restore shop@2026-11-20 --to shop.dump
  sealkeep restore 3f9a --stdout | pg_restore --list
  sealkeep restore shop@latest --into postgres://postgres@localhost/shop2
  sealkeep restore --clean-up postgres://postgres@localhost/";

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

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("target").required(true)),
    override_usage = "sealkeep restore [OPTIONS] SNAPSHOT --to FILE | --stdout | --into URL\n       sealkeep restore --clean-up URL",
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{RESTORE_HELP}")
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;

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
}
