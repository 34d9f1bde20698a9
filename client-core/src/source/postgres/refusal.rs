//! Why a psql failed. Servers have their own language, so errors within a session are recognized by SQLSTATE. During
//! connection there is none: libpq's own messages are in English, and the rest is the server's.

use super::PgUrl;
use crate::{
    source::{SourceError, process::Ended},
    text,
};

/// A database to be dropped or renamed has connections.
const OBJECT_IN_USE: &str = "55006";
/// A database of that name already exists: found by the server's check, or by its unique index.
const TAKEN: [&str; 2] = ["42P04", "23505"];
/// Maximum number of lines reported.
const MAX_LINES: usize = 6;
/// English messages of a server or libpq about authentication.
const AUTHENTICATION: [&str; 7] =
    ["password", "pg_hba.conf", "authentication", "role \"", "SSL", "certificate", "GSSAPI"];
/// English messages of a server that does not accept connections for now.
const UNAVAILABLE: [&str; 3] = ["the database system is", "too many clients", "remaining connection slots"];
/// Messages that mean that nothing answered.
const UNREACHABLE: [&str; 2] = ["Connection refused", "could not translate host name"];

/// An error in a line of psql's output under `VERBOSITY=verbose`: `psql:<stdin>:7: FEHLER:  55006: …`.
struct ServerError<'a> {
    severity: &'a str,
    state: &'a str,
    text: &'a str,
}

impl<'a> ServerError<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (_, line) = line.strip_prefix("psql:<stdin>:")?.split_once(": ")?;
        let (severity, line) = line.split_once(":  ")?;
        let (state, text) = line.split_once(": ")?;
        let is_state =
            state.len() == 5 && state.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        // Success, warnings and notices have states, too.
        (is_state && !["00", "01", "02"].iter().any(|class| state.starts_with(class))).then_some(Self {
            severity,
            state,
            text,
        })
    }
}

/// The SQLSTATE of the last error.
fn state(stderr: &str) -> Option<&str> {
    stderr.lines().rev().find_map(ServerError::of).map(|error| error.state)
}

/// The server's message in one line, without the location in its source code.
pub(super) fn detail(ended: &Ended) -> String {
    let mut message = Vec::new();
    for line in ended.stderr.lines() {
        if let Some(ServerError { severity, text, .. }) = ServerError::of(line) {
            message.push(format!("{severity}:  {text}"));
        } else if !message.is_empty() && ["DETAIL:", "HINT:"].iter().any(|word| line.starts_with(word)) {
            message.push(line.trim().to_owned());
        }
    }
    if message.is_empty() {
        return ended.detail();
    }
    message.truncate(MAX_LINES);
    message.join("; ")
}

/// Classifies psql's output.
pub(super) fn refusal(url: &PgUrl, ended: &Ended) -> SourceError {
    let (place, detail) = (url.place(), detail(ended));
    let has = |words: &[&str]| words.iter().any(|word| ended.stderr.contains(word));
    // Poolers use English.
    if has(&["pooling mode"]) {
        return SourceError::Pooler(place);
    }
    if let Some(state) = state(&ended.stderr) {
        return match state.as_bytes() {
            [b'2', b'8', ..] => SourceError::Refused { place, detail },
            b"3D000" => SourceError::NoDatabase { place, detail },
            [b'0', b'8', ..] => SourceError::Unreachable { place, detail },
            _ => SourceError::QueryFailed { place, detail, state: Some(state.to_owned()) },
        };
    }
    if has(&["invalid "]) && has(&[" value: \"", "port number: \"", "integer value \""])
        || has(&[
            "definition of service",
            "in service file",
            "service file \"",
            "could not match",
            "hostaddr",
        ]) && !has(&["Connection refused", "connection to server"])
    {
        SourceError::Usage(text!("the database's connection parameters: {detail}", detail))
    } else if has(&["canceling authentication"]) {
        SourceError::QueryFailed { place, detail, state: None }
    } else if has(&AUTHENTICATION) && !has(&UNREACHABLE) {
        SourceError::Refused { place, detail }
    } else if has(&["database \""]) && has(&["does not exist"]) {
        SourceError::NoDatabase { place, detail }
    } else if ended.stderr.lines().any(server_speaks) && !has(&UNREACHABLE) && !has(&UNAVAILABLE) {
        SourceError::Refused { place, detail }
    } else {
        SourceError::Unreachable { place, detail }
    }
}

/// Whether this is a server's message during connection: `… failed: FATAL:  …`, with two spaces in every language.
/// libpq's own messages have one.
fn server_speaks(line: &str) -> bool {
    (line.starts_with("psql: error: ") || line.starts_with("connection to server")) && line.contains(":  ")
}

/// Whether a session is in the way that may end in a moment.
pub(super) fn is_busy(error: &SourceError) -> bool {
    matches!(error, SourceError::QueryFailed { state: Some(state), .. } if state == OBJECT_IN_USE)
}

/// Whether the database name is taken.
pub(super) fn is_taken(error: &SourceError) -> bool {
    matches!(error, SourceError::QueryFailed { state: Some(state), .. } if TAKEN.contains(&state.as_str()))
}

/// Whether a server that does not know a setting, or a pooler, may have refused our options. In languages other than
/// English any refusal may mean that.
pub(super) fn may_be_about_options(error: &SourceError) -> bool {
    const OPTIONS: [&str; 3] =
        ["startup parameter", "unrecognized configuration parameter", "startup packet"];
    match error {
        SourceError::Refused { detail, .. } => !AUTHENTICATION.iter().any(|word| detail.contains(word)),
        SourceError::Unreachable { detail, .. } | SourceError::QueryFailed { detail, .. } => {
            OPTIONS.iter().any(|word| detail.contains(word))
        }
        _ => false,
    }
}

/// The server's message, without our own wrapping.
pub(super) fn server_message(error: &SourceError) -> String {
    match error {
        SourceError::Unreachable { detail, .. }
        | SourceError::Refused { detail, .. }
        | SourceError::QueryFailed { detail, .. }
        | SourceError::NoDatabase { detail, .. } => detail.clone(),
        other => other.to_string(),
    }
}

/// psql's output is not what was expected.
pub(super) fn unexpected_answer() -> SourceError {
    SourceError::Internal("psql answered something unexpected".into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    use super::*;

    fn ended(stderr: &str) -> Ended {
        Ended { status: ExitStatus::from_raw(2 << 8), stderr: stderr.into() }
    }

    #[test]
    fn a_server_is_understood_in_every_language() {
        let url = PgUrl::parse("postgres://u@h/d").unwrap();
        let kind = |stderr: &str| match refusal(&url, &ended(stderr)) {
            SourceError::Refused { .. } => "refused",
            SourceError::NoDatabase { .. } => "no database",
            SourceError::Unreachable { .. } => "unreachable",
            SourceError::QueryFailed { .. } => "failed",
            SourceError::Usage(_) => "usage",
            SourceError::Pooler(_) => "pooler",
            _ => "something else",
        };
        for (stderr, expected) in [
            // Within a session.
            (
                "psql:<stdin>:1: FEHLER:  55006: auf Datenbank »d« wird von anderen Benutzern zugegriffen\nDETAIL:  Eine andere Sitzung verwendet die Datenbank.\nLOCATION:  dropdb, dbcommands.c:1586",
                "failed",
            ),
            (
                "psql:<stdin>:1: ОШИБКА:  57014: выполнение оператора отменено по запросу пользователя",
                "failed",
            ),
            (
                "psql:<stdin>:1: FATAL:  57P01: Verbindung wird abgebrochen aufgrund von Anweisung des Administrators\nLOCATION:  ProcessInterrupts, postgres.c:3211\npsql:<stdin>:1: server closed the connection unexpectedly\npsql:<stdin>:1: error: connection to server was lost",
                "failed",
            ),
            ("psql:<stdin>:2: FEHLER:  28000: Berechtigung nur für Superuser", "refused"),
            ("psql:<stdin>:2: FEHLER:  42501: keine Berechtigung, um Datenbank zu erzeugen", "failed"),
            (
                "psql:<stdin>:1: HINWEIS:  00000: x\npsql:<stdin>:1: error: connection to server was lost",
                "unreachable",
            ),
            // During connection.
            (
                "psql: error: connection to server at \"h\", port 5432 failed: FATAL:  Passwort-Authentifizierung für Benutzer »u« fehlgeschlagen",
                "refused",
            ),
            (
                "psql: error: connection to server at \"h\", port 5432 failed: ВАЖНО:  пользователь \"u\" не прошёл проверку подлинности (по паролю)",
                "refused",
            ),
            (
                "psql: error: connection to server at \"h\", port 5432 failed: FATAL:  database \"d\" does not exist",
                "no database",
            ),
            (
                "psql: error: connection to server at \"h\", port 5432 failed: FATAL:  the database system is starting up",
                "unreachable",
            ),
            (
                "psql: error: connection to server at \"h\", port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
                "unreachable",
            ),
            ("psql: error: connection to server at \"h\", port 5432 failed: timeout expired", "unreachable"),
            (
                "psql: error: could not translate host name \"h\" to address: Name or service not known",
                "unreachable",
            ),
            (
                "psql: error: connection to server at \"h\", port 5432 failed: server closed the connection unexpectedly",
                "unreachable",
            ),
        ] {
            assert_eq!(kind(stderr), expected, "{stderr}");
        }
    }

    #[test]
    fn details_omit_locations_in_the_servers_source() {
        let stderr = "psql:<stdin>:3: FEHLER:  55006: auf Datenbank »d« wird zugegriffen\nDETAIL:  Eine Sitzung.\nLOCATION:  dropdb, dbcommands.c:1586\n";
        assert_eq!(
            detail(&ended(stderr)),
            "FEHLER:  auf Datenbank »d« wird zugegriffen; DETAIL:  Eine Sitzung."
        );
        let url = PgUrl::parse("postgres://u@h/d").unwrap();
        assert!(is_busy(&refusal(&url, &ended(stderr))));
        assert!(!is_busy(&refusal(&url, &ended(&stderr.replace("55006", "42501")))));
        let options = "psql: error: connection to server at \"h\", port 1 failed: FATAL:  unbekannter Konfigurationsparameter »x«";
        assert!(may_be_about_options(&refusal(&url, &ended(options))));
    }
}
