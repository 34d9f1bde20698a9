//! `DIR/secrets`: the secrets that an embedded service generates on its first start, as an environment file of mode
//! 0600.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::config;

const NAME: &str = "secrets";
const GENERATED: [(&str, usize); 5] = [
    ("SEALKEEP_EMBEDDED_ADMIN_PASSWORD", 32),
    ("SEALKEEP_EMBEDDED_OWNER_PASSWORD", 32),
    ("SEALKEEP_EMBEDDED_API_PASSWORD", 32),
    ("SEALKEEP_EMBEDDED_STORE_ACCESS_KEY", 10),
    ("SEALKEEP_EMBEDDED_STORE_SECRET_KEY", 32),
];

/// Why the file is unusable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others may read the file.
    #[error("{0} can be read by others; run: chmod 600 {0}")]
    Exposed(String),
    /// A line is missing.
    #[error(
        "{file} has no {name}. It was created together with the directory; without it the data cannot be used: restore the file from a copy"
    )]
    Incomplete {
        /// The file.
        file: String,
        /// The name of the missing secret.
        name: &'static str,
    },
    /// There is data, but no file.
    #[error("{0} is missing, but there is data beside it that needs it: restore the file from a copy")]
    Lost(String),
    /// The file cannot be read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
}

/// The file's lines.
pub(super) struct EmbeddedSecrets {
    file: PathBuf,
    lines: Vec<(String, Zeroizing<String>)>,
}

impl EmbeddedSecrets {
    /// Reads the file in `dir`, or creates it if the directory holds no data yet.
    pub(super) fn load_or_create(dir: &Path) -> Result<Self, Error> {
        let file = dir.join(NAME);
        let name = || file.display().to_string();
        let io = |source| Error::Io { file: name(), source };
        match fs::metadata(&file) {
            Ok(meta) if meta.mode() & 0o077 != 0 => return Err(Error::Exposed(name())),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if dir.join("postgres/data/PG_VERSION").exists() {
                    return Err(Error::Lost(name()));
                }
                create(dir, &file).map_err(io)?;
            }
            Err(e) => return Err(io(e)),
        }
        let text = fs::read_to_string(&file).map(Zeroizing::new).map_err(io)?;
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned())))
            .collect();
        Ok(Self { file, lines })
    }

    /// The value of one secret.
    pub(super) fn get(&self, name: &'static str) -> Result<SecretString, Error> {
        self.lines
            .iter()
            .find(|(n, v)| n == name && !v.is_empty())
            .map(|(_, value)| SecretString::from(value.as_str().to_owned()))
            .ok_or_else(|| Error::Incomplete { file: self.file.display().to_string(), name })
    }

    /// All pairs, for [`config::Environment`].
    pub(super) fn pairs(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.lines
            .iter()
            .filter(|(name, _)| !name.starts_with("SEALKEEP_EMBEDDED_"))
            .map(|(name, value)| (name.clone(), value.to_string()))
    }
}

/// Written to a temporary file and renamed, so that a crash leaves the whole file or none.
fn create(dir: &Path, file: &Path) -> io::Result<()> {
    let mut text = Zeroizing::new(String::from(
        "# Created by metadata-api --embedded. Keep a copy apart from the data: see operations.md, \"Losing a secret\".\n",
    ));
    text.push_str(&config::generate_secrets());
    for (name, bytes) in GENERATED {
        let random = Zeroizing::new(rand::random::<[u8; 32]>());
        let value = Zeroizing::new(hex::encode(random.get(..bytes).unwrap_or_default()));
        for part in [name, "=", &value, "\n"] {
            text.push_str(part);
        }
    }
    let aside = dir.join(".secrets.new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&aside, file)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn created_once_and_private_to_the_owner() {
        let dir = tempfile::tempdir().unwrap();
        let first = EmbeddedSecrets::load_or_create(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(NAME)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = EmbeddedSecrets::load_or_create(dir.path()).unwrap();
        for (name, _) in GENERATED {
            let value = first.get(name).unwrap();
            assert_eq!(value.expose_secret(), again.get(name).unwrap().expose_secret());
        }
        assert_eq!(first.pairs().count(), 4);
    }

    #[test]
    fn a_file_readable_by_others_or_missing_prevents_the_start() {
        let dir = tempfile::tempdir().unwrap();
        EmbeddedSecrets::load_or_create(dir.path()).unwrap();
        let file = dir.path().join(NAME);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(EmbeddedSecrets::load_or_create(dir.path()), Err(Error::Exposed(_))));

        fs::remove_file(&file).unwrap();
        fs::create_dir_all(dir.path().join("postgres/data")).unwrap();
        fs::write(dir.path().join("postgres/data/PG_VERSION"), "15").unwrap();
        assert!(matches!(EmbeddedSecrets::load_or_create(dir.path()), Err(Error::Lost(_))));
    }
}
