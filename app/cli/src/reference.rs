//! What the help and the man pages list besides commands and options: variables, files, exit codes.

use std::fmt::Write;

/// Each variable that the command reads. Options take precedence over variables.
pub(crate) const ENVIRONMENT: [(&str, &str); 16] = [
    ("SEALKEEP_CONFIG", "the configuration file"),
    ("SEALKEEP_HOME", "directory for keys and local state"),
    ("SEALKEEP_SERVER", "URL of the Sealkeep service"),
    ("SEALKEEP_STORAGE_ORIGIN", "storage inside your network that may be used"),
    ("SEALKEEP_STALL_TIMEOUT", "seconds until a transfer is tried again"),
    ("SEALKEEP_PATIENCE", "seconds to retry the service or storage"),
    ("SEALKEEP_DATABASE_URL", "the database to back up, with its password"),
    ("SEALKEEP_PASSWORD", "secret: the account's password"),
    ("SEALKEEP_TOTP", "secret: the 6-digit code"),
    ("SEALKEEP_RECOVERY_CODE", "secret: a recovery code instead of it"),
    ("SEALKEEP_RECOVERY_WORDS", "secret: the 24 words"),
    ("SEALKEEP_KEYSTORE_PASSPHRASE", "secret: seals this device's key file"),
    ("SEALKEEP_LOG, RUST_LOG", "what to log on standard error, such as debug"),
    ("NO_COLOR, CLICOLOR_FORCE", "help without colors, or with them in a pipe"),
    ("XDG_CONFIG_HOME, XDG_DATA_HOME", "directories instead of those in HOME"),
    ("PGPASSWORD, PGPASSFILE, …", "the database's, as for psql"),
];

/// Each file that matters to a user.
pub(crate) const FILES: [(&str, &str); 6] = [
    ("~/.config/sealkeep/config.toml", "The configuration file; `sealkeep config` shows what is read."),
    (
        "~/.local/share/sealkeep/",
        "Keys and local state of this device, for its owner only. Do not copy it to another machine.",
    ),
    ("~/.local/share/sealkeep/device.keys", "This device's keys and session."),
    ("~/.config/systemd/user/sealkeep-*.timer", "Timers of `sealkeep schedule add`, each with its service."),
    ("~/.pgpass", "Passwords of databases, as for psql."),
    ("/usr/share/doc/sealkeep/json-schema.json", "The JSON Schema of what --json prints, in the packages."),
];

/// Each exit code.
pub(crate) const EXIT_CODES: [(u8, &str); 16] = [
    (0, "done"),
    (1, "internal error"),
    (2, "invalid usage"),
    (3, "not signed in, or access denied"),
    (4, "service unreachable or failing"),
    (5, "storage unreachable or request refused"),
    (6, "source or dump failed"),
    (7, "not found, ambiguous, or already exists"),
    (8, "local disk or file error"),
    (9, "stored data is damaged, or a restore is incomplete"),
    (10, "the service returned an inconsistent history"),
    (11, "created by a newer version of Sealkeep"),
    (12, "the name belongs to another source"),
    (13, "the dump is unusually small or has a different format"),
    (130, "stopped"),
    (141, "broken pipe"),
];

/// The beginning of the paragraph with variables.
const VARIABLES: &str = "Environment (options take precedence over variables):";
/// The beginning of the paragraph with exit codes.
const CODES: &str = "Exit codes:";

/// The end of the program's own help.
pub(crate) fn appended_to(text: &str) -> String {
    let mut all = format!("{text}\n\n{VARIABLES}\n");
    // Writing to a string cannot fail.
    for (name, meaning) in ENVIRONMENT {
        let _ = writeln!(all, "    {name:<30}  {meaning}");
    }
    let _ = write!(all, "\n{CODES}");
    for (code, meaning) in EXIT_CODES {
        let _ = write!(all, "\n  {code:>3}  {meaning}");
    }
    all
}

/// Whether this paragraph of a help is one of the lists here.
pub(crate) fn is_listed(paragraph: &str) -> bool {
    paragraph.starts_with(VARIABLES) || paragraph.starts_with(CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_fit_80_columns() {
        for line in appended_to("x").lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
