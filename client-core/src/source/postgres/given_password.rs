//! Detects a password in text that names a database.

use super::parameters::SECRET;

/// Whether a URL or connection string itself contains a password, in whatever spelling.
#[must_use]
pub fn names_password(text: &str) -> bool {
    let decoded = percent_decoded(text).to_lowercase();
    let follows = |at: usize| decoded.get(at..).is_some_and(|rest| rest.trim_start().starts_with('='));
    let as_parameter =
        SECRET.iter().any(|name| decoded.match_indices(name).any(|(at, word)| follows(at + word.len())));
    // The part before the authority's last `@`, after its first colon.
    let authority =
        text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    // Not everyone encodes a slash or a question mark in a password.
    let careless =
        text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map_or("", |(user, _)| user);
    as_parameter
        || [user, careless]
            .iter()
            .any(|user| user.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
}

/// For inspection only: what is not UTF-8 is replaced.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_seen_in_every_spelling() {
        for text in [
            "postgres://u:secret@h/d",
            "postgresql://:secret@h",
            "postgres://u:p@ss@h/d",
            "postgres://u:p/ss@h/d",
            "postgres://u:%20@h/d",
            "postgres://u@h/d?password=x",
            "postgres://u@h/d?sslmode=require&p%61ssword=x",
            "postgres://u@h/d?sslpassword=x",
            "host=h password=x",
            "host=h oauth_client_secret=x",
            "postgres://u@h/d?scram_client_key=x",
            "postgres://u@h/d?scram_server%5Fkey=x",
            "host=h PASSWORD = 'x y'",
        ] {
            assert!(names_password(text), "{text}");
        }
        for text in [
            "postgres://u@h:5432/d",
            "postgres://h:5432,i:5433/d",
            "postgres://u:@h/d",
            "postgres://[::1]:5432/d",
            "postgres://u@h/password",
            "postgres://u@h/d?passfile=/x",
            "host=h dbname=password",
            "dump.sql",
            "",
        ] {
            assert!(!names_password(text), "{text}");
        }
    }
}
