//! A single file that only its owner can read, replaced atomically.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    KeptIn, KeyStore,
    home::{replace_file, sync_folder},
    passphrase,
};
use crate::{
    device::DeviceSecrets,
    error::{Error, ErrorKind},
    text,
};

/// The file's name.
const NAME: &str = "device.keys";
/// Larger files are not ours, bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// Keeps secrets in `<home>/device.keys`, mode 0600; sealed if there is a passphrase.
pub struct FileKeyStore {
    folder: PathBuf,
    passphrase: Option<SecretString>,
}

impl FileKeyStore {
    /// A store in `home`, which must exist. A passphrase seals the file from the next save on.
    #[must_use]
    pub fn new(home: &Path, passphrase: Option<SecretString>) -> Self {
        Self { folder: home.to_owned(), passphrase }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn name(&self) -> String {
        self.path().display().to_string()
    }

    fn lock_file(&self, name: &str) -> Result<(File, String), Error> {
        let path = self.folder.join(name);
        let shown = path.display().to_string();
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        Ok((opened.map_err(|e| Error::io(&shown, &e))?, shown))
    }

    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let name = self.name();
        let file = match File::open(self.path()) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&name, &e)),
        };
        let about = file.metadata().map_err(|e| Error::io(&name, &e))?;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::new(
                ErrorKind::Io,
                text!(
                    "{name} can be read by other users (mode {mode}), so its keys may be known to them",
                    name,
                    mode = format!("{mode:03o}")
                ),
                "nothing was changed",
                format!(
                    "run `chmod 600 {name}`; if others may have read it, revoke this device and sign in again"
                ),
            ));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
        file.take(MAX_SIZE).read_to_end(&mut bytes).map_err(|e| Error::io(&name, &e))?;
        Ok(Some(bytes))
    }
}

impl KeyStore for FileKeyStore {
    fn load(&self) -> Result<Option<DeviceSecrets>, Error> {
        let Some(bytes) = self.read()? else { return Ok(None) };
        if !passphrase::is_sealed(&bytes) {
            return DeviceSecrets::from_bytes(&bytes).map(Some);
        }
        let passphrase = self.passphrase.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                text!("{name} is encrypted with a passphrase", name = self.name()),
                "nothing was changed",
                "give it in SEALKEEP_KEYSTORE_PASSPHRASE or as the systemd credential sealkeep-passphrase",
            )
        })?;
        DeviceSecrets::from_bytes(&passphrase::open(&bytes, passphrase)?).map(Some)
    }

    fn save(&self, secrets: &DeviceSecrets) -> Result<(), Error> {
        let plain = secrets.to_bytes()?;
        let sealed = self.passphrase.as_ref().map(|p| passphrase::seal(&plain, p)).transpose()?;
        replace_file(&self.folder, NAME, sealed.as_deref().unwrap_or(&plain))
    }

    fn delete(&self) -> Result<(), Error> {
        match fs::remove_file(self.path()) {
            Ok(()) => sync_folder(&self.folder),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io(&self.name(), &e)),
        }
    }

    fn describe(&self) -> KeptIn {
        if self.passphrase.is_some() { KeptIn::SealedFile(self.path()) } else { KeptIn::File(self.path()) }
    }

    fn lock(&self) -> Result<Option<Box<dyn Send>>, Error> {
        let (file, name) = self.lock_file("session.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(Error::io(&name, &e)),
        }
    }

    fn exclusive(&self) -> Result<Box<dyn Send>, Error> {
        let (file, name) = self.lock_file("keys.lock")?;
        file.lock().map_err(|e| Error::io(&name, &e))?;
        Ok(Box::new(file))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::device::tests::sample;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_come_back_from_a_file_for_the_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::new(home.path(), None);
        assert!(store.load().unwrap().is_none());
        store.save(&sample()).unwrap();
        store.save(&sample()).unwrap();
        assert_eq!(mode(&store.path()), 0o600);
        assert_eq!(store.load().unwrap().unwrap().email, "a@example.com");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no temporary file stays");
        store.delete().unwrap();
        store.delete().unwrap();
        assert!(store.load().unwrap().is_none());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::new(home.path(), None);
        store.save(&sample()).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(store.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = store.load().err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.next_step().contains("chmod 600"));
        }
    }

    #[test]
    fn a_passphrase_seals_and_only_it_opens() {
        let home = tempfile::tempdir().unwrap();
        let sealed = FileKeyStore::new(home.path(), Some("correct horse".into()));
        sealed.save(&sample()).unwrap();
        let bytes = fs::read(sealed.path()).unwrap();
        assert!(passphrase::is_sealed(&bytes));
        assert!(!bytes.windows(13).any(|w| w == b"a@example.com"), "nothing is readable");
        assert!(sealed.load().unwrap().is_some());
        let wrong = FileKeyStore::new(home.path(), Some("wrong".into())).load().err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::WrongCredentials);
        let none = FileKeyStore::new(home.path(), None).load().err().unwrap();
        assert_eq!(none.kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_damaged_file_is_reported_as_damaged() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::new(home.path(), None);
        store.save(&sample()).unwrap();
        let bytes = fs::read(store.path()).unwrap();
        fs::write(store.path(), &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(store.load().err().unwrap().kind(), ErrorKind::Damaged);
    }
}
