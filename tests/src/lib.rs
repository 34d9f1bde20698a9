//! Test infrastructure for user stories. Real programs only: `metadata-api`, `sealkeep`, PostgreSQL.
//!
//! Stories use what users use: the command line, the window, S3. Only `member`, `forger` and `liar` know api-types, and
//! `forger` and `liar` the formats in client-core.
//!
//! ```text
//!  stories, measured, desktop     liar: a service         demo, bench,
//!        |                              | that lies       contract
//!      Stage::shared              liar::world                |
//!        |                              |                    |
//!        +--------------+---------------+--------------------+
//!        |              |                          |
//!      Device         Window (Screen)            Postgres, data
//!      a home, and    the app, by WebDriver      what is backed up, and
//!      Call: the        |                        restored into
//!      command          |
//!        |              |
//!        +-------+------+
//!                | HTTP: nothing between, or
//!                |   Proxy with a Network: cut, stalled, slow
//!                |   Liars: tell a Lie, keep a Book of all that passed
//!                v
//!      Service   metadata-api --embedded DIR: its own PostgreSQL,
//!                its own object store
//!                |
//!      Bucket    the store's files: read, cut, swapped, removed
//! ```
//!
//! Everything is stopped and removed when its value is dropped: programs, clusters, folders. Concurrent stories share a
//! `Stage`, and each creates its own `Device` and account there. A story that stops the service or disturbs its network
//! starts its own `Service`; `Service::start_wired` puts a `Proxy` in front of it and one in front of its store.
//!
//! - A failed step: `Failure`, one sentence. An expected exit code: `Call::refused`.
//! - An event: `until`, `Running::expect`, `Terminal::expect`. Each has a deadline.
//! - What this machine cannot test: `not_tested`. Random choices that can be repeated: `seed`.
//! - Requests that no client makes: `member::Member`. Objects that no client writes: `forger::Forger`.
//! - A person at a keyboard: `Terminal`. Six-digit codes: `Authenticator`.
//! - Paths of the programs: `binaries`, from the variables that `.ci/programs` prints.
//!
//! ```text
//! layers
//! liar member
//! forger keys
//! device window
//! data service terminal
//! bucket call postgres
//! authenticator binaries files measure proxy screen seed skip wait
//! failure
//! ```

pub mod authenticator;
pub mod binaries;
pub mod bucket;
pub mod call;
pub mod data;
pub mod device;
pub mod failure;
pub mod files;
pub mod forger;
pub mod keys;
pub mod liar;
pub mod measure;
pub mod member;
pub mod postgres;
pub mod proxy;
#[cfg(feature = "desktop")]
pub mod screen;
pub mod seed;
pub mod service;
pub mod skip;
pub mod terminal;
pub mod wait;
#[cfg(feature = "desktop")]
pub mod window;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use authenticator::Authenticator;
pub use bucket::Bucket;
pub use call::{Call, Outcome, Running};
pub use data::Spread;
pub use device::{Account, Device};
pub use failure::{Failure, Result};
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use seed::seed;
pub use service::Service;
pub use skip::not_tested;
pub use terminal::Terminal;
pub use wait::{until, within};
#[cfg(feature = "desktop")]
pub use window::Window;

/// A service and a source cluster, shared by concurrent stories of a test program.
pub struct Stage {
    /// The service, with its object store.
    pub service: Service,
    /// A cluster with databases to back up.
    pub postgres: Postgres,
}

impl Stage {
    /// The stage in use by other stories, or a new one. It ends with the last story that holds it.
    ///
    /// # Errors
    /// A program is missing or does not start.
    pub fn shared() -> Result<Arc<Self>> {
        static STAGE: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
        let mut shared = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stage) = shared.upgrade() {
            return Ok(stage);
        }
        let stage = Arc::new(Self { service: Service::start()?, postgres: Postgres::start()? });
        *shared = Arc::downgrade(&stage);
        Ok(stage)
    }

    /// A signed-up device with a new account in region `eu`.
    ///
    /// # Errors
    /// The command's.
    pub fn new_account(&self) -> Result<(Device, Account)> {
        let device = Device::new(&self.service)?;
        let account = device.sign_up("eu")?;
        Ok((device, account))
    }
}
