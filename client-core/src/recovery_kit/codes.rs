//! The recovery codes of the two-step sign-in, as text.

use secrecy::SecretString;

use super::{date, safe_name};

const WHAT: [&str; 3] = [
    "Each code works once in place of a 6-digit code, if you lose your authenticator.",
    "They do not unlock backups: the 24 words of the recovery kit do. Keep the two in different places.",
    "New codes, in Settings, replace these.",
];

/// A name for the file.
#[must_use]
pub fn file_name(email: &str) -> String {
    format!("sealkeep-recovery-codes-{}.txt", safe_name(email))
}

/// The codes of an account; `created`: seconds since 1970.
#[must_use]
pub fn text(email: &str, service: &str, created: i64, codes: &[String]) -> SecretString {
    // Never grows, so that no copy is left behind in memory.
    let mut text = String::with_capacity(4 * 1024 + codes.iter().map(|code| code.len() + 3).sum::<usize>());
    let mut line = |parts: [&str; 2]| {
        text.extend(parts);
        text.push('\n');
    };
    line(["SEALKEEP RECOVERY CODES\n", ""]);
    for (name, value) in [("Email", email), ("Service", service), ("Created", &date(created))] {
        line([&format!("{name:<16}"), value]);
    }
    line(["", ""]);
    for code in codes {
        line(["  ", code]);
    }
    line(["", ""]);
    for sentence in WHAT {
        line([sentence, ""]);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_codes_stand_on_lines_of_their_own() {
        let codes = ["abcde-fghij".to_owned(), "klmno-pqrst".to_owned()];
        let text = text("ada@example.com", "https://api.example.com", 1_780_000_000, &codes);
        let found = text.expose_secret().lines().filter(|line| line.starts_with("  ")).map(str::trim);
        assert_eq!(found.collect::<Vec<_>>(), codes);
        assert!(text.expose_secret().contains("Email           ada@example.com\n"));
    }
}
