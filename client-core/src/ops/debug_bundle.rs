//! A diagnostic report as one text without secrets: versions, programs, settings, the last runs and their logs, the
//! size of the index.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;

use super::{
    Client, due, preferences,
    runs::{self, Run, RunState, RunTarget, Wanted},
    sources::{self, Address, SavedSource},
    timer,
};
use crate::{
    error::Error,
    keystore::KeptIn,
    source::{self, AddressParts, postgres::Tools},
};

/// Number of runs whose logs it holds.
const RUNS: usize = 50;
/// In place of what is private.
const HIDDEN: &str = "[…]";

/// The text, and what is in it.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Its sections, for the user to read first.
    pub parts: Vec<Part>,
    /// What is left out on purpose.
    pub lacks: &'static str,
    /// The text itself.
    pub text: String,
}

/// A section of the text.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its heading in the text.
    pub name: &'static str,
    /// What is in it.
    pub about: &'static str,
    /// Its length.
    pub bytes: usize,
}

/// Collects the text; `program` is the `sealkeep` command. Needs no network and no account. What cannot be read is in it
/// with the reason.
#[must_use]
pub fn collect(client: &Client, program: &Path) -> Bundle {
    let (mut text, mut parts) = (String::new(), Vec::new());
    let sections = [
        ("program", "versions of Sealkeep and of this system", Ok(program_lines())),
        ("programs it uses", "versions and paths of the programs that make dumps", Ok(tools())),
        (
            "device",
            "settings, the addresses of service and storage, and the names of variables that are set",
            device(client),
        ),
        ("sources", "the saved sources: name, kind, and schedule", saved(client, program)),
        ("index", "sizes of the local index", index(client)),
        ("runs", "the last 50 runs of this device and their logs", last_runs(client)),
    ];
    for (name, about, lines) in sections {
        let before = text.len();
        let lines = lines.unwrap_or_else(|error| {
            vec![format!("cannot be read: {}", Private::of_device(client).hidden(error.happened()))]
        });
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[{name}]");
        for line in lines {
            let _ = writeln!(text, "{}", api_types::unseen::escaped(&line, usize::MAX, false));
        }
        text.push('\n');
        parts.push(Part { name, about, bytes: text.len() - before });
    }
    Bundle {
        parts,
        lacks: "passwords, keys, connection strings, email addresses, paths of your data, and contents of backups",
        text,
    }
}

fn program_lines() -> Vec<String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let program = env::current_exe().unwrap_or_default();
    vec![
        format!(
            "sealkeep {}, {}",
            env!("CARGO_PKG_VERSION"),
            program.file_name().unwrap_or_default().display()
        ),
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
    let runs = runs::list(client, &Wanted { limit: RUNS, ..Wanted::default() })?;
    private.add_targets(&runs);
    let mut lines = Vec::new();
    for run in runs {
        let result = match &run.state {
            RunState::Running => "running",
            RunState::Done => "done",
            RunState::Failed(why) => why,
        };
        let took = run.ended_at.map_or(0, |ended| ended - run.started_at);
        let of = match (&run.source, &run.source_kind) {
            (Some(name), Some(kind)) => format!(" of {}, {kind}", names.hidden(name)),
            (Some(name), None) => format!(" of {}", names.hidden(name)),
            (None, _) => String::new(),
        };
        let to = run.target.as_ref().map_or_else(String::new, |target| format!(", to {}", target.kind()));
        let read = run.bytes_read.unwrap_or_default();
        lines.push(format!(
            "{} {} {}{of}{to}: {result} after {took} s, {read} bytes",
            run.started_at,
            run.id,
            run.kind.as_str()
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

/// Redacts what is private in a message.
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

    /// Secrets inside a source's name, which is otherwise shown.
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
            if let Some(parts) = address.parts() {
                self.add_server(parts, source.is_local());
            }
        }
    }

    /// Where restores wrote to.
    fn add_targets(&mut self, runs: &[Run]) {
        for target in runs.iter().filter_map(|run| run.target.as_ref()) {
            self.texts.extend(target.name().map(str::to_owned));
            let url = match target {
                RunTarget::Database(url) => url,
                RunTarget::File(path) => {
                    // As it was typed, without its folder.
                    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
                    let known = if name.contains(' ') { &mut self.texts } else { &mut self.words };
                    known.push(name.into_owned());
                    continue;
                }
                RunTarget::Output => continue,
            };
            let (Ok(database), Ok(address)) = (source::database(url), Address::parse(url)) else { continue };
            self.texts.push(database.place());
            if let Some(parts) = address.parts() {
                self.add_server(parts, database.is_local());
            }
        }
    }

    fn add_server(&mut self, parts: AddressParts, is_local: bool) {
        self.words.push(parts.user);
        if !is_local {
            self.words.extend(parts.host.split(',').map(str::to_owned));
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
mod tests;
