//! A vault with a past: three full devices, a thief, a device that waits for its words; and copies of all of it.

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
/// What is looked for where nothing of the customer's may be (P10).
pub const CANARY: &[u8] = b"canary-5d41402abc4b2a76";
/// Words that open nothing.
const OTHER_WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art";

/// All of it. Scenes work on copies of the devices, so that each begins from the same homes.
pub struct World {
    /// What stands between.
    pub liars: Arc<Liars>,
    /// The real service.
    pub service: Service,
    /// Whose vault.
    pub account: Account,
    /// Made the account; saw everything.
    pub first: Device,
    /// Signed in with the words; saw everything.
    pub second: Device,
    /// Signed in before the thief was shut out, and looked at nothing since.
    pub fresh: Device,
    /// A full device's home, copied before it was shut out.
    pub thief: Device,
    /// Proved password and second factor; the words are still to come.
    pub newcomer: Device,
    /// What was backed up as [`SHOP`], oldest first.
    pub shop: Vec<Vec<u8>>,
    codes: Mutex<Vec<String>>,
    kept: Option<TempDir>,
}

/// The `n`th content of a source: nothing in it compresses but the canary.
#[must_use]
pub fn content(source: &str, n: usize) -> Vec<u8> {
    let seed = source.bytes().fold(n as u64, |sum, byte| sum * 31 + u64::from(byte));
    let mut bytes = files::noise(seed, 150_000);
    bytes.extend_from_slice(CANARY);
    bytes
}

impl World {
    /// The world that others use already, or a new one. It ends with the last test that holds it.
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

    /// A new one.
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

    /// Takes the service back to how it was when this world was new.
    ///
    /// # Errors
    /// What it said.
    pub fn begin_again(&mut self) -> Result<()> {
        let kept = self.kept.as_ref().ok_or_else(|| Failure::new("nothing was kept"))?;
        self.service.stop()?;
        std::fs::remove_dir_all(self.service.dir())?;
        files::copy(&kept.path().join("service"), &self.service.dir())?;
        self.service.restart()
    }

    /// A sign-in on this device with everything that the holder knows.
    ///
    /// # Errors
    /// No code is left, or the service's database cannot be reached.
    pub fn login(&self, device: &Device) -> Result<Call> {
        // Scenes sign in more often in an hour than a person may.
        self.service.sql("delete from app.rate_counter")?;
        Ok(device.login_call(&self.account).env("SEALKEEP_RECOVERY_CODE", "0000-0000-0000-0000"))
    }

    /// The same with a code that is good.
    ///
    /// # Errors
    /// None is left.
    pub fn login_with_code(&self, device: &Device) -> Result<Call> {
        let code = self.codes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let code = code.ok_or_else(|| Failure::new("no recovery code is left"))?;
        Ok(self.login(device)?.env("SEALKEEP_RECOVERY_CODE", code))
    }

    /// Types the words on a device that waits for them.
    ///
    /// # Errors
    /// What the client said, by its kind.
    pub fn type_words(&self, device: &Device) -> std::result::Result<(), client_core::error::Error> {
        let client = client(device, self.service.url())?;
        let words = SecretString::from(self.account.recovery_words.clone());
        match first_run::waiting(&client)? {
            Some(Waiting::Words(waiting)) => block_on(waiting.recover(&words)).map(drop),
            _ => Err(client_core::error::Error::usage("this device waits for no words")),
        }
    }

    /// Lets a vault's keys be used as a thief uses them.
    ///
    /// # Errors
    /// The device has none.
    pub fn vault(&self) -> Result<VaultId> {
        let secrets = DeviceSecrets::of(&self.first)?;
        secrets.vault_id().context("the vault")
    }
}

/// What lies in a home's key file, typed.
pub trait Stolen: Sized {
    /// Of a device.
    ///
    /// # Errors
    /// There is none.
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
/// It has no keys.
pub fn id(device: &Device) -> Result<DeviceId> {
    Ok(DeviceSecrets::of(device)?.device.id)
}

/// The client of a device, in this process, for what the command does not offer.
///
/// # Errors
/// Its home cannot be used.
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
/// The operation's, or no runtime starts.
pub fn block_on<T>(
    future: impl Future<Output = std::result::Result<T, client_core::error::Error>>,
) -> std::result::Result<T, client_core::error::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| client_core::error::Error::usage(e.to_string()))?.block_on(future)
}

/// Holds a world while one scene plays.
pub fn hold(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scene's failure to speak with the client.
impl From<client_core::error::Error> for Broken {
    fn from(error: client_core::error::Error) -> Self {
        Self::Stage(Failure::new(error.to_string()))
    }
}
