//! Sign-in: password → second factor → on a new machine the recovery words, with which this device certifies itself.

use api_types::{
    Sha256, VaultId,
    account::SecondFactor,
    directory::{DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::{VaultInfo, WrapKind},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Account, Client,
    sign_up::{NewVault, vault_secrets},
};
use crate::{
    api::{HttpApi, PendingSignIn},
    crypto::{RecoveryWords, recovery},
    device::{DeviceIdentity, DeviceSecrets, Pending, PendingKit, SessionTokens, SignedIn},
    error::{Error, ErrorKind},
    text,
    text::Text,
    vault::Directory,
};

/// Proves knowledge of the password without sending it.
///
/// # Errors
/// [`ErrorKind::WrongCredentials`], whether the address or the password is wrong.
pub async fn begin(
    client: &Client,
    email: &str,
    device_name: Option<String>,
    password: &SecretString,
) -> Result<AwaitingFactor, Error> {
    let known = client.keystore().load()?;
    if let Some(other) = known.as_ref().filter(|s| s.vault.is_some() && !s.email.eq_ignore_ascii_case(email))
    {
        return Err(Error::new(
            ErrorKind::Exists,
            text!("this device belongs to {email}", email = other.email),
            "nothing was changed",
            "`sealkeep logout --forget` frees it, or set SEALKEEP_HOME to another directory",
        ));
    }
    let known = known.filter(|s| s.email.eq_ignore_ascii_case(email));
    let (server, device) = match &known {
        Some(secrets) => (secrets.service.clone(), secrets.device.clone_for_keystore()),
        None => {
            let name = device_name.unwrap_or_else(|| client.host_name());
            (client.server().to_owned(), DeviceIdentity::generate(name))
        }
    };
    let api = client.set_up(HttpApi::anonymous(&server, &device)?);
    let pending = api.sign_in(email, password).await?;
    let client = client.clone();
    Ok(AwaitingFactor { client, api, server, device, email: email.to_owned(), pending })
}

/// The password was correct.
pub struct AwaitingFactor {
    client: Client,
    api: HttpApi,
    server: String,
    device: DeviceIdentity,
    email: String,
    pending: PendingSignIn,
}

/// What follows the second factor.
pub enum Step {
    /// This device has its keys: signed in.
    Done(Account),
    /// A new device: needs the recovery words.
    NewDevice(NewDevice),
    /// The sign-up was interrupted before keys were created.
    NewVault(NewVault),
}

impl AwaitingFactor {
    /// Proves the second factor.
    ///
    /// # Errors
    /// [`ErrorKind::SecondFactor`] for a wrong code.
    pub async fn factor(&self, factor: SecondFactor) -> Result<Step, Error> {
        let signed_in = self.api.second_factor(&self.pending, factor).await?;
        let info = signed_in.only_vault()?.clone();
        let Self { client, server, email, .. } = self;
        let device = self.device.clone_for_keystore();
        let account = signed_in.session.account_id;
        let known = client.keystore().load()?.filter(|s| s.email.eq_ignore_ascii_case(email));
        let fresh = || DeviceSecrets::new(server, email, account, device, &signed_in);
        // What the service says never overrides what this device knows.
        match known.as_ref().and_then(|secrets| secrets.vault.as_ref()) {
            Some(vault) if vault.info.vault_id != info.vault_id => {
                return Err(refused(text!(
                    "the service returned a different vault than the one whose keys this device has"
                )));
            }
            Some(_) if !info.ready => {
                return Err(refused(text!(
                    "the service reports that this vault has no keys yet, but this device has them"
                )));
            }
            Some(_) => {
                client.keystore().save_session(Some(SessionTokens::new(&signed_in.session)))?;
                return Ok(Step::Done(Account::of(&client.secrets()?, client)?));
            }
            None => {}
        }
        if let Some(Pending::Kit(kit)) = known.as_ref().and_then(|secrets| secrets.pending.as_ref()) {
            return match (kit.info.vault_id == info.vault_id, info.ready) {
                (false, _) => Err(refused(text!(
                    "the service names another vault than the one whose recovery words this device showed"
                ))),
                (true, false) => go_on(client, fresh, kit.clone()),
                (true, true) => finished(client, fresh, &signed_in, kit, info).await,
            };
        }
        if !info.ready {
            return unfinished(client, known, fresh, &signed_in);
        }
        let mut secrets = known.unwrap_or_else(fresh);
        secrets.session = Some(SessionTokens::new(&signed_in.session));
        secrets.pending = Some(Pending::Words { info: info.clone() });
        // Saved from here on, so that a second attempt with the words is the same device and not another one.
        client.keystore().begin(&secrets)?;
        Ok(Step::NewDevice(NewDevice::resume(client, secrets, info)))
    }
}

/// A vault that has no keys, according to the service. Keys are created only where the sign-up began; otherwise the
/// service could deny that a vault exists, and its owner would start a new one on the worst day.
fn unfinished(
    client: &Client,
    known: Option<DeviceSecrets>,
    fresh: impl FnOnce() -> DeviceSecrets,
    signed_in: &SignedIn,
) -> Result<Step, Error> {
    match known.map(|secrets| secrets.pending) {
        Some(None | Some(Pending::Code { .. })) => {
            Ok(Step::NewVault(NewVault::create(client, fresh(), signed_in, Vec::new())?))
        }
        Some(Some(Pending::Kit(_) | Pending::Words { .. })) | None => Err(Error::new(
            ErrorKind::RolledBack,
            text!(
                "the service says that this vault has no keys yet, and its sign-up did not begin on this device"
            ),
            "nothing was changed; if anything was ever backed up with this account, the service is not telling the truth",
            "finish the sign-up on the device where it began; if that device is lost and nothing was ever backed up, sign up with another address",
        )),
    }
}

/// The words already shown are the only ones: they may be on paper.
fn go_on(client: &Client, fresh: impl FnOnce() -> DeviceSecrets, kit: PendingKit) -> Result<Step, Error> {
    let secrets = DeviceSecrets { pending: Some(Pending::Kit(kit.clone())), ..fresh() };
    client.keystore().begin(&secrets)?;
    Ok(Step::NewVault(NewVault::resume(client, secrets, kit)?))
}

/// The vault got its keys, but this device did not learn of it. Its own words must open them, and are kept until they
/// do.
async fn finished(
    client: &Client,
    fresh: impl FnOnce() -> DeviceSecrets,
    signed_in: &SignedIn,
    kit: &PendingKit,
    info: VaultInfo,
) -> Result<Step, Error> {
    let mut secrets = DeviceSecrets { pending: Some(Pending::Kit(kit.clone())), ..fresh() };
    secrets.session = Some(SessionTokens::new(&signed_in.session));
    client.keystore().begin(&secrets)?;
    let words = RecoveryWords::parse(&kit.words)?;
    let device = NewDevice::resume(client, secrets, info);
    match device.recover_by(&words).await {
        Ok(account) => Ok(Step::Done(account)),
        Err(error) if matches!(error.kind(), ErrorKind::WrongRecoveryKey | ErrorKind::Damaged) => {
            Err(refused(text!(
                "the service says that this vault has keys, but the recovery words that this device showed do not open them"
            )))
        }
        Err(error) => Err(error),
    }
}

fn refused(what: Text) -> Error {
    Error::new(
        ErrorKind::RolledBack,
        what,
        "nothing was changed, including the keys on this device",
        "ask the service's operator whether it was restored from an old copy; to restore without the service, see \"The service is gone\" in the user guide",
    )
}

/// A device without keys.
pub struct NewDevice {
    client: Client,
    secrets: DeviceSecrets,
    info: VaultInfo,
}

impl NewDevice {
    pub(super) fn resume(client: &Client, secrets: DeviceSecrets, info: VaultInfo) -> Self {
        Self { client: client.clone(), secrets, info }
    }

    /// The vault owner's e-mail address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.secrets.email
    }

    /// Opens the vault's keys with the words and enters this device in the directory.
    ///
    /// # Errors
    /// [`ErrorKind::WrongRecoveryKey`]: mistyped, or from another vault.
    pub async fn recover(&self, words: &SecretString) -> Result<Account, Error> {
        self.recover_by(&RecoveryWords::parse(words.expose_secret())?).await
    }

    /// Same as [`NewDevice::recover`], with a saved kit, PDF or text.
    ///
    /// # Errors
    /// [`ErrorKind::WrongRecoveryKey`]: not a kit, or another vault's kit.
    pub async fn recover_with_kit(&self, file: &[u8]) -> Result<Account, Error> {
        self.recover_by(&RecoveryWords::from_kit(file)?).await
    }

    async fn recover_by(&self, words: &RecoveryWords) -> Result<Account, Error> {
        let info = self.info.clone();
        let vault = info.vault_id;
        let api = self.client.api(&self.secrets)?;
        let wrapped = api.key(vault, WrapKind::Recovery).await?;
        let recovered = recovery::open(&wrapped.bytes.0, &words.identity()?)?;
        if recovered.keyring.vault() != vault {
            return Err(Error::damaged(text!("the recovery file belongs to another vault")));
        }
        if recovered.account != self.secrets.account {
            return Err(Error::damaged(text!("the recovery file belongs to another account")));
        }
        let entries = api.directory(vault).await?;
        let root = recovered.keyring.signing_root();
        let directory = Directory::verify(vault, &root.verifying_key(), &entries, None)?;
        if directory.device(&self.secrets.device.id).is_none() {
            let entry = self.entry(vault, &directory);
            api.add_directory_entry(vault, &SignedDirectoryEntry::sign(&entry, root.as_dalek())?).await?;
        }
        self.client.finish_setup(vault_secrets(info, &recovered, &words.recipient()?)?)
    }

    fn entry(&self, vault: VaultId, directory: &Directory) -> DirectoryEntry {
        let (number, previous) =
            directory.last().map_or((0, Sha256::new([0; 32])), |(number, hash)| (number + 1, hash));
        DirectoryEntry {
            vault,
            number,
            previous,
            op: DirectoryOp::Add,
            device: self.secrets.device.id,
            signing_key: self.secrets.device.signing_public(),
            sealing_key: self.secrets.device.sealing_public(),
            role: DeviceRole::Full,
            created: self.client.now(),
        }
    }
}
