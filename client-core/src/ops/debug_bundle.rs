//! What somebody needs to understand a problem on this device, as one text without secrets: versions, programs,
//! settings, the last runs and their logs, numbers of the index.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Client, due, preferences,
    runs::{self, RunState, Wanted},
    sources, timer,
};
use crate::{error::Error, keystore::KeptIn, source::postgres::Tools};

/// Number of runs whose logs it holds.
const RUNS: usize = 50;

/// The text, and what is in it.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// One line per section, for the user to read first.
    pub holds: Vec<&'static str>,
    /// What is left out on purpose.
    pub lacks: &'static str,
    /// The text itself.
    pub text: String,
}

/// Collects the text; `program` is the `sealkeep` command. Needs no network and no account.
///
/// # Errors
/// This device's files cannot be read.
pub fn collect(client: &Client, program: &Path) -> Result<Bundle, Error> {
    let mut text = String::new();
    let sections: [(&str, Vec<String>); 6] = [
        ("program", program_lines(program)),
        ("programs it uses", tools()),
        ("device", device(client)?),
        ("sources", saved(client, program)?),
        ("index", index(client)?),
        ("runs", last_runs(client)?),
    ];
    for (name, lines) in sections {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[{name}]");
        for line in lines {
            let _ = writeln!(text, "{}", api_types::unseen::escaped(&line, usize::MAX, false));
        }
        text.push('\n');
    }
    Ok(Bundle {
        holds: vec![
            "versions of Sealkeep and of this system",
            "versions and paths of the programs that make dumps",
            "settings, the addresses of service and storage, and the names of variables that are set",
            "the saved sources: name, kind and schedule",
            "sizes of the local index",
            "the last 50 runs of this device and their logs",
        ],
        lacks: "passwords, keys, connection strings, e-mail addresses, paths of your data, and contents of backups",
        text,
    })
}

fn program_lines(program: &Path) -> Vec<String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let file = program.file_name().unwrap_or_default().display();
    vec![
        format!("sealkeep {}, {file}", env!("CARGO_PKG_VERSION")),
        format!("{} {}, {}", env::consts::OS, env::consts::ARCH, name.trim_matches('"')),
        format!("kernel {}", kernel.trim()),
    ]
}

fn tools() -> Vec<String> {
    let mut lines = Vec::new();
    let installed = Tools::installed();
    for name in ["pg_dump", "pg_restore", "psql"] {
        let found = installed.versions(name);
        if found.is_empty() {
            lines.push(format!("{name}: not found"));
        }
        lines.extend(found.iter().map(|tool| format!("{name} {}: {}", tool.version, tool.path.display())));
    }
    lines
}

fn device(client: &Client) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    match client.signed_in()? {
        None => lines.push("signed out".to_owned()),
        Some(account) => {
            let sealed = matches!(account.keys_kept_in, KeptIn::SealedFile(_));
            lines.push(format!("signed in, region {}", account.region));
            lines.push(format!("device {}, vault {}", account.device, account.vault));
            lines.push(format!("key file sealed with a passphrase: {sealed}"));
            let vault = client.open()?;
            lines.push(format!("service {}", origin(vault.api().server())));
            lines.push(format!("storage {}", origin(vault.storage_origin())));
        }
    }
    let limit = preferences::load(client)?.upload_limit;
    lines.push(format!(
        "upload limit: {}",
        limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
    ));
    lines.push(format!("stall timeout: {} s", client.stall().as_secs()));
    let ours = |name: &String| name.starts_with("SEALKEEP_") || name.starts_with("PG");
    let mut set: Vec<String> =
        env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(ours).collect();
    set.sort();
    lines.push(format!("variables that are set: {}", set.join(" ")));
    Ok(lines)
}

fn saved(client: &Client, program: &Path) -> Result<Vec<String>, Error> {
    if client.signed_in()?.is_none() {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    for source in sources::list(client)? {
        let timer = timer::of(client, &source, program)?.map_or_else(
            || "no timer".to_owned(),
            |timer| format!("timer of the {:?}, {:?}", timer.scope, timer.files).to_lowercase(),
        );
        let turn = due::at_timer(client, &source)?;
        let (name, kind) = (redacted(&source.name, &[]), source.address.kind());
        lines.push(format!("{} {name}, {kind}, {:?}, {timer}, {turn:?}", source.id, source.schedule));
    }
    Ok(lines)
}

fn index(client: &Client) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    if client.signed_in()?.is_some() {
        let (chunks, packs) = client.open()?.state().index_size()?;
        lines.push(format!("{chunks} chunks in {packs} packs"));
    }
    for name in ["state.db", "state.db-wal", "pins.db"] {
        if let Ok(about) = fs::metadata(client.home().join(name)) {
            lines.push(format!("{name}: {} bytes", about.len()));
        }
    }
    Ok(lines)
}

fn last_runs(client: &Client) -> Result<Vec<String>, Error> {
    let Some(account) = client.signed_in()? else { return Ok(Vec::new()) };
    // Said as they are, these may contain spaces; the rest is recognized word by word.
    let mut foreign = vec![account.email, client.home().display().to_string()];
    for source in sources::list(client)? {
        foreign.push(source.address.shown());
        foreign.extend(source.address.source().ok().map(|source| source.place()));
    }
    foreign.extend(env::var_os("HOME").map(|home| PathBuf::from(home).display().to_string()));
    foreign.retain(|text| text.len() > 1);
    foreign.sort_by_key(|text| std::cmp::Reverse(text.len()));

    let vault = client.open()?;
    let mut lines = Vec::new();
    for run in runs::list(client, &Wanted { limit: RUNS, ..Wanted::default() })? {
        let result = match &run.state {
            RunState::Running => "running",
            RunState::Committed => "committed",
            RunState::Failed(why) => why,
        };
        let took = run.ended_at.map_or(0, |ended| ended - run.started_at);
        let name = redacted(&run.source, &foreign);
        let read = run.bytes_read.unwrap_or_default();
        lines.push(format!(
            "{} {} {name}, {}: {result} after {took} s, {read} bytes read",
            run.started_at, run.id, run.kind
        ));
        for entry in vault.state().log_of(run.id)? {
            let said = redacted(&entry.text, &foreign);
            lines.push(format!("    {} {}: {said}", entry.at, entry.kind.as_str()));
        }
    }
    Ok(lines)
}

/// Scheme, host and port, whatever else an address contains.
fn origin(address: &str) -> String {
    url::Url::parse(address).map_or_else(|_| "unknown".to_owned(), |url| url.origin().ascii_serialization())
}

/// A sentence without these texts, and without words that may be a path, an address or a connection string.
fn redacted(text: &str, foreign: &[String]) -> String {
    let mut text = text.to_owned();
    for known in foreign {
        text = text.replace(known, "[…]");
    }
    let word = |word: &str| {
        let hidden = ["@", "/", "\\", "password", "host=", "user="].iter().any(|sign| word.contains(sign));
        if hidden { "[…]".to_owned() } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ops::client::tests::offline;

    #[test]
    fn sentences_lose_what_may_be_private() {
        let foreign = ["/home/ada/my private dumps/secret plans.sql".to_owned()];
        for (text, rest) in [
            ("ada@db.example.com:5433/books refuses the user", "[…] refuses the user"),
            ("/home/ada/my private dumps/secret plans.sql: permission denied", "[…]: permission denied"),
            ("`postgres://ada:geheim99@db/x` password=geheim99 a@example.com", "[…] […] […]"),
            ("the disk is full", "the disk is full"),
        ] {
            assert_eq!(redacted(text, &foreign), rest);
        }
        assert_eq!(origin("https://ada:geheim99@api.example/x?y"), "https://api.example");
    }

    #[test]
    fn a_device_without_an_account_has_a_bundle_too() {
        let home = tempfile::tempdir().unwrap();
        let bundle = collect(&offline(home.path()), Path::new("/opt/sealkeep")).unwrap();
        assert!(bundle.text.contains("signed out"));
        assert_eq!(bundle.holds.len(), bundle.text.matches("\n[").count() + 1);
    }
}
