//! The configuration file: options that hold for every command. Options take precedence over variables, and variables
//! before the file. Secrets are not read from it.

use std::{
    env, fs, io,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use client_core::{
    error::{Error, ErrorKind},
    text::Text,
};
use serde::Deserialize;
use toml::Spanned;

use crate::args::ProgressForm;

/// A larger file is none, bytes.
const MAX_LEN: u64 = 64 * 1024;
/// Its keys: each is an option's name with underscores.
const KEYS: &str = "home, server, storage_origin, stall_timeout, patience, progress, limit_upload";
/// Parts of the names of secrets.
const SECRETS: [&str; 8] =
    ["password", "passphrase", "secret", "totp", "token", "words", "code", "database_url"];

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) home: Option<PathBuf>,
    pub(crate) server: Option<String>,
    pub(crate) storage_origin: Option<String>,
    pub(crate) stall_timeout: Option<u16>,
    pub(crate) patience: Option<u16>,
    pub(crate) progress: Option<ProgressForm>,
    /// kB per second.
    pub(crate) limit_upload: Option<u32>,
}

/// The file as it is written, with the places of values that have a range.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    home: Option<Spanned<PathBuf>>,
    server: Option<String>,
    storage_origin: Option<String>,
    stall_timeout: Option<Spanned<u16>>,
    patience: Option<Spanned<u16>>,
    progress: Option<ProgressForm>,
    limit_upload: Option<Spanned<u32>>,
}

/// Where the file is if nobody says: `$XDG_CONFIG_HOME/sealkeep/config.toml`, or `~/.config/sealkeep/config.toml`.
pub(crate) fn usual_path() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let folder = folder.or_else(|| {
        let within = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
        Some(variable("HOME")?.join(within))
    });
    Some(folder?.join("sealkeep/config.toml"))
}

/// Reads the file. `named`: the user named it; otherwise it may be missing, which is `None`.
///
/// # Errors
/// [`ErrorKind::Usage`], with file and line.
pub(crate) fn read(path: &Path, named: bool) -> Result<Option<Values>, Error> {
    let failed = |e: &io::Error| {
        refused(
            format!("the configuration file {} cannot be read: {}", path.display(), reason(e)),
            "check its name and who may read it; `sealkeep config` shows what is read",
        )
    };
    let about = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound && !named => return Ok(None),
        about => about.map_err(|e| failed(&e))?,
    };
    if about.is_dir() || about.len() > MAX_LEN {
        return Err(failed(&io::Error::other("it is not a short text file")));
    }
    if about.is_file() && about.permissions().mode() & 0o022 != 0 {
        return Err(refused(
            format!("the configuration file {} can be changed by other users", path.display()),
            format!("run `chmod go-w {}`", path.display()),
        ));
    }
    let text = fs::read_to_string(path).map_err(|e| failed(&e))?;
    parse(&path.display().to_string(), &text).map(Some)
}

/// `name`: for errors.
fn parse(name: &str, text: &str) -> Result<Values, Error> {
    let at = |span: Option<Range<usize>>| {
        let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or_default();
        format!("{name}, line {}", before.matches('\n').count() + 1)
    };
    let written: Written = toml::from_str(text).map_err(|e| wrong(&at(e.span()), e.message()))?;
    let Written { home, server, storage_origin, stall_timeout, patience, progress, limit_upload } = written;
    if let Some(home) = home.as_ref().filter(|home| !home.get_ref().is_absolute()) {
        let place = at(Some(home.span()));
        return Err(refused(format!("{place}: `home` is not a path from the root"), "begin it with a slash"));
    }
    for (key, value, range) in
        [("stall_timeout", stall_timeout.as_ref(), 1..=3600), ("patience", patience.as_ref(), 0..=3000)]
    {
        if let Some(value) = value.filter(|value| !range.contains(value.get_ref())) {
            let (place, most) = (at(Some(value.span())), range.end());
            return Err(refused(
                format!("{place}: `{key}` is {}", value.get_ref()),
                format!("give a number of seconds from {} to {most}", range.start()),
            ));
        }
    }
    if let Some(limit) = limit_upload.as_ref().filter(|limit| *limit.get_ref() == 0) {
        let place = at(Some(limit.span()));
        return Err(refused(
            format!("{place}: `limit_upload` is 0"),
            "give kilobytes per second, or remove the line for no limit",
        ));
    }
    Ok(Values {
        home: home.map(Spanned::into_inner),
        server,
        storage_origin,
        stall_timeout: stall_timeout.map(Spanned::into_inner),
        patience: patience.map(Spanned::into_inner),
        progress,
        limit_upload: limit_upload.map(Spanned::into_inner),
    })
}

/// What the parser found.
fn wrong(place: &str, message: &str) -> Error {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let Some((key, _)) = unknown else {
        let message = message.lines().collect::<Vec<_>>().join(" ");
        return refused(format!("{place}: {message}"), "correct that line, or remove it");
    };
    let lower = key.to_ascii_lowercase();
    if SECRETS.iter().any(|secret| lower.contains(secret)) {
        return refused(
            format!("{place}: `{key}` is a secret, and secrets are not read from a configuration file"),
            "remove the line; secrets are asked for, or read with --secrets-fd",
        );
    }
    refused(format!("{place}: there is no setting `{key}`"), format!("the settings are: {KEYS}"))
}

fn refused(happened: String, next: impl Into<String>) -> Error {
    // The command alone reads this file, and speaks English.
    Error::new(ErrorKind::Usage, Text::verbatim(happened), "nothing was changed", next)
}

/// An error of the system, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn said(text: &str) -> (String, String) {
        let error = parse("config.toml", text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
        (error.happened().to_owned(), error.next_step().to_owned())
    }

    #[test]
    fn every_setting_is_read() {
        let text = "# ours\nhome = \"/srv/keys\"\nserver = \"https://backup.example\"\n\
                    storage_origin = \"https://s3.example\"\nstall_timeout = 60\npatience = 0\n\
                    progress = \"plain\"\nlimit_upload = 500\n";
        let values = parse("config.toml", text).unwrap();
        assert_eq!(
            values,
            Values {
                home: Some("/srv/keys".into()),
                server: Some("https://backup.example".into()),
                storage_origin: Some("https://s3.example".into()),
                stall_timeout: Some(60),
                patience: Some(0),
                progress: Some(ProgressForm::Plain),
                limit_upload: Some(500),
            }
        );
        for key in KEYS.split(", ") {
            assert!(text.contains(&format!("\n{key} = ")), "{key}");
        }
        assert_eq!(parse("config.toml", "").unwrap(), Values::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, happened, next) in [
            ("\nserve = \"x\"", 2, "no setting `serve`", "home, server"),
            ("server = \"x\"\n\npassword = \"hunter2\"", 3, "`password` is a secret", "--secrets-fd"),
            ("keystore-passphrase = \"hunter2\"", 1, "is a secret", "--secrets-fd"),
            ("SEALKEEP_DATABASE_URL = \"hunter2\"", 1, "is a secret", "--secrets-fd"),
            ("server = 5", 1, "expected a string", "that line"),
            ("patience = \"long\"", 1, "", "that line"),
            ("patience = -1", 1, "", "that line"),
            ("\n\npatience = 3001", 3, "`patience` is 3001", "0 to 3000"),
            ("stall_timeout = 0", 1, "`stall_timeout` is 0", "1 to 3600"),
            ("limit_upload = 0", 1, "`limit_upload` is 0", "no limit"),
            ("home = \"keys\"", 1, "from the root", "slash"),
            ("progress = \"bar\"", 1, "bar", "that line"),
            ("server = \"a\"\nserver = \"b\"", 2, "", "that line"),
            ("server = \"a", 1, "", "that line"),
        ] {
            let (did_happen, did_next) = said(text);
            assert!(did_happen.starts_with(&format!("config.toml, line {line}: ")), "{text}: {did_happen}");
            assert!(did_happen.contains(happened) && !did_happen.contains('\n'), "{text}: {did_happen}");
            assert!(did_next.contains(next), "{text}: {did_next}");
            assert!(!did_happen.contains("hunter2") && !did_next.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_missing_or_not_ours_alone_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        assert_eq!(read(&path, false).unwrap(), None);
        assert!(read(&path, true).unwrap_err().happened().contains("no such file"));
        assert!(read(folder.path(), false).unwrap_err().happened().contains("not a short text file"));
        fs::write(&path, "patience = 7\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&path, false).unwrap().unwrap().patience, Some(7));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        assert!(read(&path, false).unwrap_err().next_step().starts_with("run `chmod go-w"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"server = \"\xff\"").unwrap();
        assert!(read(&path, false).unwrap_err().happened().contains("not UTF-8"));
    }
}
