//! What somebody needs to understand a problem on this device, as one text without secrets: versions, programs,
//! settings, the last runs and their logs, numbers of the index.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;

use super::{
    Client, due, preferences,
    runs::{self, RunState, Wanted},
    sources::{self, SavedSource},
    timer,
};
use crate::{error::Error, keystore::KeptIn, source::postgres::Tools};

/// Number of runs whose logs it holds.
const RUNS: usize = 50;
/// In place of what is private.
const HIDDEN: &str = "[…]";

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

/// Collects the text; `program` is the `sealkeep` command. Needs no network and no account. What cannot be read is in it
/// with the reason.
#[must_use]
pub fn collect(client: &Client, program: &Path) -> Bundle {
    let mut text = String::new();
    let sections = [
        ("program", Ok(program_lines(program))),
        ("programs it uses", Ok(tools())),
        ("device", device(client)),
        ("sources", saved(client, program)),
        ("index", index(client)),
        ("runs", last_runs(client)),
    ];
    for (name, lines) in sections {
        let lines = lines.unwrap_or_else(|error| {
            vec![format!("cannot be read: {}", Private::of_device(client).hidden(error.happened()))]
        });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[{name}]");
        for line in lines {
            let _ = writeln!(text, "{}", api_types::unseen::escaped(&line, usize::MAX, false));
        }
        text.push('\n');
    }
    Bundle {
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
    }
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
            lines.push(format!("key file encrypted with a passphrase: {sealed}"));
            let kept = client.secrets()?;
            lines.push(format!("service {}", origin(&kept.service)));
            lines.push(format!("storage {}", origin(&kept.vault()?.info.storage_origin)));
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
    let sources = sources::list(client)?;
    let private = Private::in_names(&sources);
    for source in sources {
        let timer = timer::of(client, &source, program)?.map_or_else(
            || "no timer".to_owned(),
            |timer| format!("timer of the {:?}, {:?}", timer.scope, timer.files).to_lowercase(),
        );
        let turn = due::at_timer(client, &source)?;
        let (name, kind) = (private.hidden(&source.name), source.address.kind());
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
    let sources = sources::list(client)?;
    let names = Private::in_names(&sources);
    let mut private = Private::of_device(client);
    private.texts.push(account.email);
    private.add_sources(&sources);

    let vault = client.open()?;
    let mut lines = Vec::new();
    for run in runs::list(client, &Wanted { limit: RUNS, ..Wanted::default() })? {
        let result = match &run.state {
            RunState::Running => "running",
            RunState::Committed => "committed",
            RunState::Failed(why) => why,
        };
        let took = run.ended_at.map_or(0, |ended| ended - run.started_at);
        let name = names.hidden(&run.source);
        let read = run.bytes_read.unwrap_or_default();
        lines.push(format!(
            "{} {} {name}, {}: {result} after {took} s, {read} bytes read",
            run.started_at, run.id, run.kind
        ));
        for entry in vault.state().log_of(run.id)? {
            lines.push(format!("    {} {}: {}", entry.at, entry.kind.as_str(), private.hidden(&entry.text)));
        }
    }
    Ok(lines)
}

/// Scheme, host and port, whatever else an address contains.
fn origin(address: &str) -> String {
    url::Url::parse(address).map_or_else(|_| "unknown".to_owned(), |url| url.origin().ascii_serialization())
}

/// What a sentence loses before somebody else reads it.
#[derive(Default)]
struct Private {
    /// Wherever they occur: they may contain spaces.
    texts: Vec<String>,
    /// Only as whole words.
    words: Vec<String>,
}

impl Private {
    /// Paths on this device.
    fn of_device(client: &Client) -> Self {
        let home = env::var_os("HOME").map(PathBuf::from);
        let folders = [Some(client.home().to_owned()), home];
        let texts = folders.into_iter().flatten().map(|folder| folder.display().to_string()).collect();
        Self { texts, words: Vec::new() }
    }

    /// In the name of a source, which is told: what nobody may be told.
    fn in_names(sources: &[SavedSource]) -> Self {
        let secrets = sources.iter().flat_map(|source| source.address.secrets());
        Self { texts: secrets.map(|text| text.expose_secret().to_owned()).collect(), words: Vec::new() }
    }

    /// How the sources are reached.
    fn add_sources(&mut self, sources: &[SavedSource]) {
        self.texts.extend(Self::in_names(sources).texts);
        for SavedSource { address, former, .. } in sources {
            self.texts.extend(former.iter().map(|former| former.place.clone()));
            let Ok(source) = address.source() else { continue };
            self.texts.extend([source.address(), source.place()]);
            let Some(parts) = address.parts() else { continue };
            self.words.push(parts.user);
            if !source.is_local() {
                self.words.extend(parts.host.split(',').map(str::to_owned));
            }
        }
    }

    /// The text without all of these, and without words that may be a path, an address or a connection string.
    fn hidden(&self, text: &str) -> String {
        let mut known: Vec<&String> = self.texts.iter().filter(|text| text.len() > 1).collect();
        // A text may contain another one.
        known.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let text = known.iter().fold(text.to_owned(), |text, known| text.replace(known.as_str(), HIDDEN));
        let words = text.split(' ').map(|word| if self.hides(word) { HIDDEN } else { word });
        words.collect::<Vec<_>>().join(" ")
    }

    fn hides(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let mut parts = word.split(|c: char| !is_part(c)).map(|part| part.trim_matches('.'));
        ["@", "/", "\\", "=", "password:"].iter().any(|sign| lower.contains(sign))
            || parts.any(|part| !part.is_empty() && self.words.iter().any(|known| known == part))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::{BackupId, SourceId};

    use super::*;
    use crate::{
        ops::{
            client::tests::{offline, signed_in},
            sources::{Address, Edit},
        },
        state::{LogEntry, LogKind},
    };

    #[test]
    fn sentences_lose_what_may_be_private() {
        let private = Private {
            texts: vec!["/home/ada/my private dumps/secret plans.sql".to_owned(), "g h".to_owned()],
            words: vec!["db1".to_owned(), "ada".to_owned(), "db.example.com".to_owned()],
        };
        for (text, rest) in [
            ("ada@db.example.com:5433/books refuses the user", "[…] refuses the user"),
            ("/home/ada/my private dumps/secret plans.sql: permission denied", "[…]: permission denied"),
            ("`postgres://ada:geheim99@db/x` password=geheim99 a@example.com", "[…] […] […]"),
            ("Password: PASSWORD=geheim99 HOST=db9", "[…] […] […]"),
            ("password='g h' is wrong", "[…] is wrong"),
            (
                "the server at \"db1\" (db1:5432), db.example.com. refuses",
                "the server at […] […] […] refuses",
            ),
            (
                "role \"ada\" is unknown, the adapter db12 is not",
                "role […] is unknown, the adapter db12 is not",
            ),
            ("the disk is full", "the disk is full"),
            ("", ""),
        ] {
            assert_eq!(private.hidden(text), rest);
        }
        assert_eq!(origin("https://ada:geheim99@api.example/x?y"), "https://api.example");
        assert_eq!(origin("geheim99"), "unknown");
    }

    #[test]
    fn a_device_without_an_account_has_a_bundle_too() {
        let home = tempfile::tempdir().unwrap();
        let bundle = collect(&offline(home.path()), Path::new("/opt/sealkeep"));
        assert!(bundle.text.contains("signed out"));
        assert_eq!(bundle.holds.len(), bundle.text.matches("\n[").count() + 1);
    }

    fn add(client: &Client, name: &str, address: &str) -> SavedSource {
        sources::add(client, Some(name.to_owned()), Address::parse(address).unwrap()).unwrap()
    }

    #[test]
    fn no_secret_of_an_account_a_source_or_a_run_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let home = parent.path().join("geheim home");
        fs::create_dir(&home).unwrap();
        let client = signed_in(&home);
        let mut kept = client.secrets().unwrap();
        kept.email = "geheim01@example.com".to_owned();
        kept.session.as_mut().unwrap().access = "geheim02".to_owned().into();
        client.keystore().put(&kept).unwrap();

        let url = "postgres://geheim03:geheim04@geheim05.example:5433/geheim06?sslpassword=geheim07";
        let shop = add(&client, "shop", url);
        let edited = "host='geheim05.example' port=5433 user=geheim03 password='geheim 08 x' dbname=geheim09";
        sources::edit(&client, shop.id, Edit { address: Some(edited), ..Edit::default() }).unwrap();
        add(&client, "files", "/srv/geheim10 dumps/my geheim11.sql");
        // Somebody took a password for a name, and an address.
        add(&client, "geheim 08 x", "postgres://h/x");
        add(&client, "postgres://geheim12@h/x", "postgres://h/y");

        let run = BackupId::from_bytes([7; 16]);
        let vault = client.open().unwrap();
        let id = SourceId::from_bytes([2; 16]);
        vault.state().start_run(run, id, "postgres://u:geheim13@h/x", "postgres", 1).unwrap();
        for text in [
            url,
            edited,
            "FATAL: the password geheim07 of role \"geheim03\" is wrong",
            "could not translate host name \"geheim05.example\" to address",
            "geheim05.example:5433/geheim06: it does not answer",
            "connection to server at geheim05.example, port 5433 failed",
            "/srv/geheim10 dumps/my geheim11.sql: permission denied",
            "PGPASSWORD=geheim14 is set, and C:\\geheim15 is not",
            "geheim01@example.com is signed in",
            "\n[runs]\nforged \u{1b}[2J",
        ] {
            let text = text.to_owned();
            vault.state().log(run, &LogEntry { at: 2, kind: LogKind::Warning, text }).unwrap();
        }
        let in_home = format!("{} cannot be written", home.join("state.db").display());
        vault.state().log_end(run, &LogEntry { at: 3, kind: LogKind::Error, text: in_home }).unwrap();

        let text = collect(&client, &home.join("sealkeep")).text;
        let secret = text.lines().filter(|line| line.contains("geheim")).collect::<Vec<_>>();
        assert!(secret.is_empty(), "{secret:#?}");
        for bytes in [&kept.vault().unwrap().amk, &kept.vault().unwrap().account_secret] {
            assert!(!text.contains(&hex::encode(bytes.as_slice())), "{text}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with('[')).count(), 6, "{text}");
        for said in [
            "shop, postgres",
            "files, file",
            "service http://127.0.0.1:8787",
            "permission denied",
            "to address",
            "it does not answer",
            "cannot be written",
            "forged",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }

    #[test]
    fn what_is_damaged_is_told_and_the_rest_is_there() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        add(&client, "shop", "postgres://h/x");
        fs::write(home.path().join("sources.sealed"), b"damaged").unwrap();
        let bundle = collect(&client, Path::new("/opt/sealkeep"));
        // Without the sources nobody knows what to hide in the logs.
        assert_eq!(bundle.text.matches("cannot be read: […]").count(), 2, "{}", bundle.text);
        assert!(bundle.text.contains("chunks in") && bundle.text.contains("signed in, region"));
        assert!(!bundle.text.contains(&home.path().display().to_string()));
    }
}
