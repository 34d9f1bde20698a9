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

Everything that the dump needs and the server does not have (roles, extensions, tablespaces, languages, privileges) is listed \
before anything is written. \
--skip-missing leaves those statements out and lists them; --no-owner leaves out owners and privileges, --no-privileges \
only privileges, whether the roles exist or not.

--continue skips statements that the server rejects, for example rows that violate a CHECK constraint: the rest is \
kept in a new database, the skipped statements are listed (in \"failed\" with --json), and the exit code is 9. Rows of a table that \
could not be created are left out. Statements that no restore allows (psql meta-commands, transaction control) are still refused.

Code in a dump (functions, triggers, DO blocks) runs with your privileges on the server: restore untrusted dumps \
as a role with few privileges.

Examples:
  sealkeep restore shop@latest --to shop.dump
  sealkeep restore shop@2026-11-20 --to shop.dump
  sealkeep restore 3f9a --stdout | pg_restore --list
  sealkeep restore shop@latest --into postgres://postgres@localhost/shop_new
  sealkeep restore --clean-up postgres://postgres@localhost/";

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("target").required(true)),
    override_usage = "sealkeep restore [OPTIONS] SNAPSHOT --to FILE | --stdout | --into URL\n       sealkeep restore --clean-up URL",
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{RESTORE_HELP}")
)]
pub(crate) struct Restore {
    /// Snapshot ID or its first characters, `latest`, SOURCE@latest, or SOURCE@2026-11-20: the newest snapshot of that day (local time)
    #[arg(required_unless_present = "clean_up", conflicts_with = "clean_up")]
    pub(crate) snapshot: Option<String>,
    /// Source that `latest` refers to
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Restore to this file, which appears once its checksum matches
    #[arg(long, group = "target", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) to: Option<PathBuf>,
    /// Write to standard output
    #[arg(long, group = "target")]
    pub(crate) stdout: bool,
    /// Restore into this PostgreSQL database; created if it does not exist
    #[arg(long, groups = ["target", "database"], value_name = "URL")]
    pub(crate) into: Option<String>,
    /// Read the URL of --into from this file (must be readable only by you if it contains a password)
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
    /// With --into: leave out owners and privileges; everything belongs to the connecting role
    #[arg(long, requires = "database")]
    pub(crate) no_owner: bool,
    /// With --into: leave out privileges
    #[arg(long, requires = "database")]
    pub(crate) no_privileges: bool,
    /// With --into: leave out and list what needs a role, extension, tablespace, or language that the server does not have
    #[arg(long, requires = "database")]
    pub(crate) skip_missing: bool,
    /// With --into: allow replacing the original (source) database
    #[arg(long, requires = "database")]
    pub(crate) onto_source: bool,
    /// With --into: allow a database that may be a copy of the source
    #[arg(long, requires = "database")]
    pub(crate) to_copy_of_source: bool,
    /// With --into: skip and list statements that the server rejects, keep the rest in a new database, and exit with 9
    #[arg(long = "continue", requires = "database")]
    pub(crate) continue_on_error: bool,
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
