//! A vault with a past: three full devices, a thief, a device that is waiting for its words; and copies of all of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use api_types::{DeviceId, VaultId};
use client_core::{
    device::DeviceSecrets,
    event::Silent,
    ops::{
        Client, Settings,
        first_run::{self, Waiting},
    },
};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Liars, promise::Broken};
use crate::{
    call::Call,
    device::{Account, Device},
    failure::{Context, Failure, Result},
    files,
    service::Service,
};

/// The source that several devices back up.
pub const SHOP: &str = "shop";
/// A marker searched for where no customer data may be (P10).
pub const CANARY: &[u8] = b"canary-5d41402abc4b2a76";
/// Recovery words that open nothing.
const OTHER_WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art";

/// The whole setup. Scenes work on copies of the devices, so that each starts from the same homes.
pub struct World {
    /// The proxies in between.
    pub liars: Arc<Liars>,
    /// The real service.
    pub service: Service,
    /// The account of the vault.
    pub account: Account,
    /// Created the account; has seen everything.
    pub first: Device,
    /// Signed in with the words; has seen everything.
    pub second: Device,
    /// Signed in before the thief was revoked, and has fetched nothing since.
    pub fresh: Device,
    /// A full device's home, copied before the device was revoked.
    pub thief: Device,
    /// Has proven password and second factor; the words are still missing.
    pub newcomer: Device,
    /// All backups of [`SHOP`], oldest first.
    pub shop: Vec<Vec<u8>>,
    codes: Mutex<Vec<String>>,
    kept: Option<TempDir>,
}

/// The `n`th content of a source; only the canary compresses.
#[must_use]
pub fn content(source: &str, n: usize) -> Vec<u8> {
    let seed = source.bytes().fold(n as u64, |sum, byte| sum * 31 + u64::from(byte));
    let mut bytes = files::noise(seed, 150_000);
    bytes.extend_from_slice(CANARY);
    bytes
}

impl World {
    /// The world in use by other tests, or a new one. It ends with the last test that holds it.
    ///
    /// # Errors
    /// A sentence.
    pub fn shared() -> Result<Arc<Mutex<Self>>> {
        static WORLD: Mutex<Weak<Mutex<World>>> = Mutex::new(Weak::new());
        let mut shared = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = shared.upgrade() {
            return Ok(world);
        }
        let world = Arc::new(Mutex::new(Self::new()?));
        *shared = Arc::downgrade(&world);
        Ok(world)
    }

    /// Creates a world.
    ///
    /// # Errors
    /// A sentence.
    pub fn new() -> Result<Self> {
        let liars = Liars::start()?;
        let service = Service::start_behind(Arc::clone(&liars) as Arc<dyn crate::service::Front>)?;
        let device = || Device::new(&service);
        let (first, second, fresh, stolen, newcomer) =
            (device()?, device()?, device()?, device()?, device()?);
        let account = first.sign_up("eu")?;
        let codes = Mutex::new(account.recovery_codes.clone());
        let shop: Vec<Vec<u8>> = (0..3).map(|n| content(SHOP, n)).collect();
        let back_up = |device: &Device, n: usize| {
            let bytes = shop.get(n).map(Vec::as_slice).unwrap_or_default();
            device.backup_bytes(SHOP, bytes).ok().map(drop)
        };
        back_up(&first, 0)?;
        for (device, name) in [(&second, "second"), (&fresh, "fresh"), (&stolen, "stolen")] {
            let code = codes.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let login = device.login_call(&account).arg("--device-name").arg(name);
            login.env("SEALKEEP_RECOVERY_CODE", code).ok()?;
        }
        back_up(&second, 1)?;
        stolen.backup_bytes("other", &content("other", 0)).ok()?;
        let thief = stolen.copy()?;
        let id = DeviceSecrets::of(&thief)?.device.id;
        first.call(["devices", "revoke", &id.to_string()]).ok()?;
        back_up(&first, 2)?;
        second.call(["snapshots"]).ok()?;
        let code = codes.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let waits = newcomer.login_call(&account).env("SEALKEEP_RECOVERY_CODE", code);
        waits.env("SEALKEEP_RECOVERY_WORDS", OTHER_WORDS).refused(3)?;
        let mut world =
            Self { liars, service, account, first, second, fresh, thief, newcomer, shop, codes, kept: None };
        let kept = files::temporary()?;
        world.service.stop()?;
        files::copy(&world.service.dir(), &kept.path().join("service"))?;
        world.service.restart()?;
        world.kept = Some(kept);
        Ok(world)
    }

    /// Resets the service to its state when this world was new.
    ///
    /// # Errors
    /// The service's.
    pub fn begin_again(&mut self) -> Result<()> {
        let kept = self.kept.as_ref().ok_or_else(|| Failure::new("nothing was kept"))?;
        self.service.stop()?;
        std::fs::remove_dir_all(self.service.dir())?;
        files::copy(&kept.path().join("service"), &self.service.dir())?;
        self.service.restart()
    }

    /// A sign-in on this device with everything the account holder knows.
    ///
    /// # Errors
    /// No code is left, or the service's database is unreachable.
    pub fn login(&self, device: &Device) -> Result<Call> {
        // Scenes sign in more often per hour than the limit allows.
        self.service.sql("delete from app.rate_counter")?;
        Ok(device.login_call(&self.account).env("SEALKEEP_RECOVERY_CODE", "0000-0000-0000-0000"))
    }

    /// The same with a valid code.
    ///
    /// # Errors
    /// None is left.
    pub fn login_with_code(&self, device: &Device) -> Result<Call> {
        let code = self.codes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let code = code.ok_or_else(|| Failure::new("no recovery code is left"))?;
        Ok(self.login(device)?.env("SEALKEEP_RECOVERY_CODE", code))
    }

    /// Enters the words on a device that is waiting for them.
    ///
    /// # Errors
    /// The client's.
    pub fn type_words(&self, device: &Device) -> std::result::Result<(), client_core::error::Error> {
        let client = client(device, self.service.url())?;
        let words = SecretString::from(self.account.recovery_words.clone());
        match first_run::waiting(&client)? {
            Some(Waiting::Words(waiting)) => block_on(waiting.recover(&words)).map(drop),
            _ => Err(client_core::error::Error::usage(client_core::text!("this device waits for no words"))),
        }
    }

    /// The vault's id.
    ///
    /// # Errors
    /// The device has none.
    pub fn vault(&self) -> Result<VaultId> {
        let secrets = DeviceSecrets::of(&self.first)?;
        secrets.vault_id().context("the vault")
    }
}

/// Typed content of a home's key file.
pub trait Stolen: Sized {
    /// Reads a device's.
    ///
    /// # Errors
    /// It does not exist.
    fn of(device: &Device) -> Result<Self>;
}

impl Stolen for DeviceSecrets {
    fn of(device: &Device) -> Result<Self> {
        Self::from_bytes(&std::fs::read(device.home().join("device.keys"))?).context("device.keys")
    }
}

/// A device's id.
///
/// # Errors
/// The device has no keys.
pub fn id(device: &Device) -> Result<DeviceId> {
    Ok(DeviceSecrets::of(device)?.device.id)
}

/// A device's client in this process, for operations that the command does not offer.
///
/// # Errors
/// The home is unusable.
pub fn client(device: &Device, server: &str) -> std::result::Result<Client, client_core::error::Error> {
    let settings = Settings {
        home: Some(device.home()),
        server: server.to_owned(),
        storage_origin: None,
        stall: Duration::from_secs(20),
        patience: Duration::from_secs(5),
        keystore_passphrase: None,
    };
    Client::new(settings, Arc::new(Silent), CancellationToken::new())
}

/// Runs a client's operation.
///
/// # Errors
/// The operation's, or the runtime does not start.
pub fn block_on<T>(
    future: impl Future<Output = std::result::Result<T, client_core::error::Error>>,
) -> std::result::Result<T, client_core::error::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|e| client_core::error::Error::usage(client_core::text::Text::verbatim(e.to_string())))?
        .block_on(future)
}

/// Locks a world while a scene plays.
pub fn hold(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A failed client operation in a scene.
impl From<client_core::error::Error> for Broken {
    fn from(error: client_core::error::Error) -> Self {
        Self::Stage(Failure::new(error.to_string()))
    }
}
