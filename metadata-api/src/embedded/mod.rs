//! `--embedded DIR`: a private PostgreSQL cluster and an S3 store in one directory, so that one command runs the whole
//! service on one machine.
//!
//! ```text
//! DIR/lock        held while a service runs here
//! DIR/secrets     generated at the first start, mode 0600
//! DIR/postgres/   the cluster, its socket and its log
//! DIR/objects/    one directory per bucket
//! ```

pub mod object_store;
pub mod postgres;
mod secrets;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use api_types::{Region, backup::MAX_OBJECT_SIZE};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use self::{
    object_store::ObjectStore,
    postgres::{Passwords, Postgres},
    secrets::EmbeddedSecrets,
};
use crate::{
    config::{Config, ConfigErrors, Environment, Listen},
    listener::Bounds,
};

/// The region name in the store's signatures.
const S3_REGION: &str = "embedded";

/// Why an embedded service could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is unusable.
    #[error("{dir}: {source}")]
    Dir {
        /// The directory.
        dir: String,
        /// The cause.
        source: io::Error,
    },
    /// Others could replace files in the directory.
    #[error(
        "{0} can be written by other users: they could replace backups and keys in it. Run: chmod go-w {0}"
    )]
    Writable(String),
    /// Another service is running in the directory.
    #[error("{0} is in use by another metadata-api")]
    Locked(String),
    /// An address cannot be used.
    #[error("{addr} cannot be listened on: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The secrets file is unusable.
    #[error(transparent)]
    Secrets(#[from] secrets::Error),
    /// The cluster failed.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// The object store failed.
    #[error("the storage cannot start: {0}")]
    Store(io::Error),
    /// Invalid settings on the command line.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
}

/// Options of an embedded service.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; created if missing.
    pub dir: PathBuf,
    /// The object store's listening address; port 0 picks a free port.
    pub s3_listen: SocketAddr,
    /// The store's URL for clients, if it differs from `s3_listen`.
    pub s3_endpoint: Option<Url>,
    /// How the service itself listens. Its port is already known.
    pub listen: Listen,
    /// Host and port for clients, if they differ from `listen`.
    pub public_authority: Option<String>,
    /// Limits on connections to the store.
    pub bounds: Bounds,
}

/// A running cluster and store, with the settings for the service.
pub struct Embedded {
    /// For `serve`.
    pub config: Config,
    /// For `migrate`.
    pub owner_url: SecretString,
    postgres: Postgres,
    store: ObjectStore,
    // Held until everything has stopped.
    _lock: File,
}

impl Embedded {
    /// Starts cluster and store. Does not create the tables: see [`Embedded::owner_url`].
    ///
    /// # Errors
    /// [`Error`], one sentence for the operator. Nothing is left running.
    pub async fn start(options: &Options) -> Result<Self, Error> {
        let dir = &options.dir;
        let on_dir = |source| Error::Dir { dir: dir.display().to_string(), source };
        prepare_dir(dir)?;
        let lock = lock_file(dir).map_err(on_dir)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => Error::Locked(dir.display().to_string()),
            TryLockError::Error(source) => on_dir(source),
        })?;
        let secrets = EmbeddedSecrets::load_or_create(dir)?;
        let store = start_store(options, &secrets).await?;

        let admin = secrets.get("SEALKEEP_EMBEDDED_ADMIN_PASSWORD")?;
        let owner = secrets.get("SEALKEEP_EMBEDDED_OWNER_PASSWORD")?;
        let api = secrets.get("SEALKEEP_EMBEDDED_API_PASSWORD")?;
        let passwords = Passwords { admin: &admin, owner: &owner, api: &api };
        let postgres = Postgres::start(&dir.join("postgres"), &passwords).await?;

        let environment = Environment::from_pairs(settings(options, &secrets, &postgres, &store)?);
        let config = environment.config(&options.listen)?;
        let owner_url = postgres.url("sealkeep_owner", &owner);
        Ok(Self { config, owner_url, postgres, store, _lock: lock })
    }

    /// The object store's listening address.
    #[must_use]
    pub fn s3_addr(&self) -> SocketAddr {
        self.store.addr()
    }

    /// Becomes true when the private cluster has stopped.
    #[must_use]
    pub fn postgres_gone(&self) -> Arc<AtomicBool> {
        self.postgres.gone()
    }

    /// Stops the store, then the cluster, and waits for both.
    pub async fn stop(self, grace: Duration) {
        let Self { mut postgres, store, .. } = self;
        store.stop(grace).await;
        if tokio::task::spawn_blocking(move || postgres.stop()).await.is_err() {
            tracing::error!("stopping PostgreSQL failed; it recovers at the next start");
        }
    }
}

/// Others may traverse the directory (PostgreSQL runs as another user if we are root), but neither list nor write it.
fn prepare_dir(dir: &Path) -> Result<(), Error> {
    let on_dir = |source| Error::Dir { dir: dir.display().to_string(), source };
    if !dir.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o711).create(dir).map_err(on_dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o711)).map_err(on_dir)?;
    }
    let mode = fs::metadata(dir).map_err(on_dir)?.mode();
    if mode & 0o022 != 0 {
        return Err(Error::Writable(dir.display().to_string()));
    }
    // Names and sizes of objects stay private; this also restricts a folder of an older build.
    let objects = dir.join("objects");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&objects).map_err(on_dir)?;
    fs::set_permissions(&objects, fs::Permissions::from_mode(0o700)).map_err(on_dir)
}

/// Sets mode 0600 even if the file exists.
fn lock_file(dir: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(dir.join("lock"))?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

fn bucket(region: Region) -> String {
    format!("sealkeep-{region}")
}

async fn start_store(options: &Options, secrets: &EmbeddedSecrets) -> Result<ObjectStore, Error> {
    let addr = options.s3_listen;
    let listener = TcpListener::bind(addr).map_err(|source| Error::Listen { addr, source })?;
    let access_key = secrets.get("SEALKEEP_EMBEDDED_STORE_ACCESS_KEY")?;
    let secret_key = secrets.get("SEALKEEP_EMBEDDED_STORE_SECRET_KEY")?;
    ObjectStore::start(object_store::Options {
        dir: &options.dir.join("objects"),
        listener,
        buckets: &Region::ALL.map(bucket),
        access_key: access_key.expose_secret(),
        secret_key: &secret_key,
        max_object_size: MAX_OBJECT_SIZE,
        bounds: options.bounds.clone(),
    })
    .await
    .map_err(Error::Store)
}

fn settings(
    options: &Options,
    secrets: &EmbeddedSecrets,
    postgres: &Postgres,
    store: &ObjectStore,
) -> Result<Vec<(String, String)>, Error> {
    let endpoint = match &options.s3_endpoint {
        Some(url) => url.to_string(),
        None => format!("http://{}", store.addr()),
    };
    let authority = options.public_authority.clone().unwrap_or_else(|| options.listen.addr.to_string());
    let api = secrets.get("SEALKEEP_EMBEDDED_API_PASSWORD")?;
    let access_key = secrets.get("SEALKEEP_EMBEDDED_STORE_ACCESS_KEY")?;
    let secret_key = secrets.get("SEALKEEP_EMBEDDED_STORE_SECRET_KEY")?;
    let mut pairs: Vec<(String, String)> = secrets.pairs().collect();
    let mut set = |name: &str, value: &str| pairs.push((format!("SEALKEEP_{name}"), value.to_owned()));
    set("DATABASE_URL", postgres.url("sealkeep_api", &api).expose_secret());
    set("PUBLIC_AUTHORITY", &authority);
    for region in Region::ALL {
        let prefix = format!("REGION_{}", region.as_str().to_uppercase());
        set(&format!("{prefix}_ENDPOINT"), &endpoint);
        set(&format!("{prefix}_BUCKET"), &bucket(region));
        set(&format!("{prefix}_ACCESS_KEY"), access_key.expose_secret());
        set(&format!("{prefix}_SECRET_KEY"), secret_key.expose_secret());
        set(&format!("{prefix}_S3_REGION"), S3_REGION);
    }
    Ok(pairs)
}
