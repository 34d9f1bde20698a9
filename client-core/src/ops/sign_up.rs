//! Sign-up: password (never sent) → second factor → vault secrets, created here → recovery words, confirmed.

use api_types::{
    Region, Sha256, VaultId,
    directory::{DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::{VaultInfo, VaultInit},
};
use rand::seq::index;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Account, Client};
use crate::{
    api::{HttpApi, PendingSignUp},
    crypto::{
        AccountSecret, Amk, Keyring, Recipient, RecoveryWords, is_answer,
        recovery::{self, Recovered},
        wrap::{self, Scope},
    },
    device::{DeviceIdentity, DeviceSecrets, Pending, PendingKit, Pins, SignedIn, VaultSecrets},
    error::{Error, ErrorKind},
    recovery_kit::{Kit, KitOwner},
    text,
};

/// Minimum password length in characters. The account secret protects even a weak password from the service, but not
/// from someone who has this device.
pub const MIN_PASSWORD: usize = 10;

pub(super) fn check_length(password: &SecretString) -> Result<(), Error> {
    if password.expose_secret().chars().count() < MIN_PASSWORD {
        return Err(Error::usage(text!(
            "a password needs at least {number} characters",
            number = MIN_PASSWORD
        )));
    }
    Ok(())
}

/// Registers the password and asks for a second factor.
///
/// # Errors
/// Errors from the service; nothing is kept then.
pub async fn begin(
    client: &Client,
    email: &str,
    region: Region,
    device_name: Option<String>,
    password: &SecretString,
) -> Result<AwaitingCode, Error> {
    client.refuse_second_account()?;
    check_length(password)?;
    let device = DeviceIdentity::generate(device_name.unwrap_or_else(|| client.host_name()));
    let api = client.set_up(HttpApi::anonymous(client.server(), &device)?);
    let pending = api.sign_up(email, region, password).await?;
    client.keystore().begin(&DeviceSecrets {
        service: client.server().to_owned(),
        email: email.to_owned(),
        account: pending.account_id,
        device: device.clone_for_keystore(),
        session: None,
        vault: None,
        password_version: 1,
        pending: Some(Pending::Code {
            signup: pending.sign_up_id,
            region,
            otpauth_url: Zeroizing::new(pending.otpauth_url.clone()),
            export_key: pending.export_key.clone(),
        }),
    })?;
    let (server, email) = (client.server().to_owned(), email.to_owned());
    Ok(AwaitingCode { client: client.clone(), api, server, device, email, pending })
}

/// The second factor is still to be confirmed.
pub struct AwaitingCode {
    client: Client,
    api: HttpApi,
    server: String,
    device: DeviceIdentity,
    email: String,
    pending: PendingSignUp,
}

impl AwaitingCode {
    pub(super) fn resume(
        client: &Client,
        secrets: DeviceSecrets,
        pending: PendingSignUp,
    ) -> Result<Self, Error> {
        let api = client.set_up(HttpApi::anonymous(&secrets.service, &secrets.device)?);
        let DeviceSecrets { service: server, device, email, .. } = secrets;
        Ok(Self { client: client.clone(), api, server, device, email, pending })
    }

    /// The new account's e-mail address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// For the authenticator, as a QR code or a link.
    #[must_use]
    pub fn otpauth_url(&self) -> &str {
        &self.pending.otpauth_url
    }

    /// The same secret, for manual entry.
    #[must_use]
    pub fn totp_secret(&self) -> Option<String> {
        totp_secret(&self.pending.otpauth_url)
    }

    /// Confirms the second factor; from then on the account exists, and the vault's secrets are created.
    ///
    /// # Errors
    /// [`ErrorKind::SecondFactor`] for a wrong code: try the next one.
    pub async fn confirm(&self, code: &str) -> Result<NewVault, Error> {
        let (recovery_codes, signed_in) = self.api.confirm_sign_up(&self.pending, code).await?;
        let account = signed_in.session.account_id;
        let device = self.device.clone_for_keystore();
        let secrets = DeviceSecrets::new(&self.server, &self.email, account, device, &signed_in);
        NewVault::create(&self.client, secrets, &signed_in, recovery_codes)
    }
}

/// The secret of an `otpauth://` link.
pub(super) fn totp_secret(otpauth_url: &str) -> Option<String> {
    let url = url::Url::parse(otpauth_url).ok()?;
    url.query_pairs().find(|(name, _)| name == "secret").map(|(_, value)| value.into_owned())
}

/// Secrets that exist only on this machine until the words are confirmed.
pub struct NewVault {
    client: Client,
    secrets: DeviceSecrets,
    kit: PendingKit,
    words: RecoveryWords,
    phrase: SecretString,
    account_secret: AccountSecret,
}

impl NewVault {
    pub(super) fn create(
        client: &Client,
        mut secrets: DeviceSecrets,
        signed_in: &SignedIn,
        recovery_codes: Vec<String>,
    ) -> Result<Self, Error> {
        let mut chosen = index::sample(&mut rand::rng(), 24, 3).into_vec();
        chosen.sort_unstable();
        let positions = match chosen.as_slice() {
            [a, b, c] => [a + 1, b + 1, c + 1],
            _ => return Err(Error::internal_text("three words could not be chosen")),
        };
        let kit = PendingKit {
            info: signed_in.only_vault()?.clone(),
            export_key: signed_in.export_key.clone(),
            recovery_codes,
            words: Zeroizing::new(RecoveryWords::generate()?.phrase().expose_secret().to_owned()),
            account_secret: Zeroizing::new(AccountSecret::generate().expose().to_vec()),
            positions,
        };
        // The account exists: whoever stops here resumes here, as the same device and with the same words.
        secrets.pending = Some(Pending::Kit(kit.clone()));
        client.keystore().begin(&secrets)?;
        Self::resume(client, secrets, kit)
    }

    pub(super) fn resume(client: &Client, secrets: DeviceSecrets, kit: PendingKit) -> Result<Self, Error> {
        let words = RecoveryWords::parse(&kit.words)?;
        let account_secret = AccountSecret::try_from(kit.account_secret.as_slice())
            .map_err(|_| Error::damaged(text!("the keys of this device")))?;
        let phrase = words.phrase();
        Ok(Self { client: client.clone(), secrets, kit, words, phrase, account_secret })
    }

    /// Ten codes, shown once; none if the account already had them.
    #[must_use]
    pub fn recovery_codes(&self) -> &[String] {
        &self.kit.recovery_codes
    }

    /// 24 words, shown once.
    #[must_use]
    pub const fn words(&self) -> &SecretString {
        &self.phrase
    }

    /// Positions of the three words to ask for, starting at 1.
    #[must_use]
    pub const fn positions(&self) -> [usize; 3] {
        self.kit.positions
    }

    /// One page with everything that must be kept, to save or print.
    ///
    /// # Errors
    /// An account without a vault.
    pub fn kit(&self) -> Result<Kit, Error> {
        let info = &self.kit.info;
        Ok(Kit::new(
            KitOwner {
                email: self.secrets.email.clone(),
                vault: info.vault_id,
                region: info.region,
                service: self.secrets.service.clone(),
                created: self.client.now(),
            },
            &self.words,
            &self.account_secret,
        )?)
    }

    /// Accepts a saved kit, PDF or text, as proof that it was saved; then same as [`NewVault::finish`].
    ///
    /// # Errors
    /// [`ErrorKind::WrongRecoveryKey`]: not a kit, or another vault's kit.
    pub async fn finish_with_kit(&self, file: &[u8]) -> Result<Account, Error> {
        if !self.kit()?.is_in(file) {
            return Err(Error::new(
                ErrorKind::WrongRecoveryKey,
                text!("that file is not the recovery kit of this vault"),
                "the vault is not ready yet",
                "choose the file you just saved, or enter the three words",
            ));
        }
        self.store().await
    }

    /// Checks the three words; if they are correct, stores the vault's keys, sealed, at the service and on this
    /// device.
    ///
    /// # Errors
    /// [`ErrorKind::WrongRecoveryKey`]: ask again.
    pub async fn finish(&self, answer: &str) -> Result<Account, Error> {
        let phrase: Vec<&str> = self.phrase.expose_secret().split(' ').collect();
        let asked: Vec<&str> = self.kit.positions.iter().filter_map(|p| phrase.get(p - 1)).copied().collect();
        if !is_answer(answer, &asked) {
            return Err(Error::new(
                ErrorKind::WrongRecoveryKey,
                text!("those are not the three words"),
                "the vault is not ready yet",
                "look at the words again, or start over with `sealkeep login`",
            ));
        }
        self.store().await
    }

    async fn store(&self) -> Result<Account, Error> {
        let DeviceSecrets { email, account, device, .. } = &self.secrets;
        let (info, account) = (self.kit.info.clone(), *account);
        let vault = info.vault_id;
        let made = Recovered {
            keyring: Keyring::generate(vault),
            amk: Amk::generate(),
            account_secret: AccountSecret::from_bytes(self.account_secret.expose()),
            account,
            email: Some(email.clone()),
        };
        let root = made.keyring.signing_root();
        let entry = first_entry(vault, device, self.client.now());
        let scope = Scope { vault, epoch: made.keyring.epoch(), version: 1 };
        let recipient = self.words.recipient()?;
        let init = VaultInit {
            signing_root: root.public().to_vec().into(),
            password: wrap::seal_amk(&made.amk, &self.kit.export_key, &made.account_secret, account, scope)?
                .into(),
            recovery: recovery::seal(
                &recipient,
                &made.keyring,
                &made.amk,
                &made.account_secret,
                account,
                Some(email),
            )?
            .into(),
            keyring: wrap::seal_keyring(&made.keyring, &made.amk)?.into(),
            directory: SignedDirectoryEntry::sign(&entry, root.as_dalek())?,
        };
        self.client.api(&self.secrets)?.init_vault(vault, &init).await?;
        self.client.finish_setup(vault_secrets(info, &made, &recipient)?)
    }
}

/// The form in which a key store holds a vault's keys.
pub(super) fn vault_secrets(
    info: VaultInfo,
    keys: &Recovered,
    recipient: &Recipient,
) -> Result<VaultSecrets, Error> {
    Ok(VaultSecrets {
        info,
        amk: Zeroizing::new(keys.amk.expose().to_vec()),
        account_secret: Zeroizing::new(keys.account_secret.expose().to_vec()),
        keyring: keys.keyring.to_bytes()?,
        recovery_recipient: recipient.to_string(),
        floor: Pins::default(),
    })
}

fn first_entry(vault: VaultId, device: &DeviceIdentity, created: i64) -> DirectoryEntry {
    DirectoryEntry {
        vault,
        number: 0,
        previous: Sha256::new([0; 32]),
        op: DirectoryOp::Add,
        device: device.id,
        signing_key: device.signing_public(),
        sealing_key: device.sealing_public(),
        role: DeviceRole::Full,
        created,
    }
}
