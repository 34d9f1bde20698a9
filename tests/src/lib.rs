//! The stage: what a user story can use. Real programs only: `metadata-api`, `sealkeep`, PostgreSQL.
//!
//! Nothing here is shared with the programs under test but the S3 wire and the command line, so that a story sees
//! what a user sees; except in [`forger`], who needs the formats' own writers to lie in them.
//!
//! ```text
//!  tests/tests/stories, liar, measured, desktop      demo      bench
//!        |                                             |         |
//!        +------------------- Stage -------------------+---------+
//!           |            |             |            |
//!        Device       Service       Postgres      Proxy
//!        sealkeep     metadata-api  a cluster     a network that stalls,
//!        or the       --embedded    of its own    cuts and lies (liar)
//!        window
//! ```
//!
//! ```text
//! layers
//! liar member
//! forger keys
//! device window
//! data service terminal
//! bucket call postgres
//! authenticator binaries files measure proxy screen
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
pub mod service;
pub mod terminal;
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
pub use service::Service;
pub use terminal::Terminal;
#[cfg(feature = "desktop")]
pub use window::Window;

/// One service and one source cluster, shared by the stories of a test program that run at the same time.
pub struct Stage {
    /// The service, with its object store.
    pub service: Service,
    /// A cluster with databases to back up.
    pub postgres: Postgres,
}

impl Stage {
    /// The stage that others stand on already, or a new one. It ends with the last story that holds it.
    ///
    /// # Errors
    /// A sentence, when a program is missing or does not start.
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

    /// A signed-up device of a new account in region `eu`.
    ///
    /// # Errors
    /// What the command said.
    pub fn new_account(&self) -> Result<(Device, Account)> {
        let device = Device::new(&self.service)?;
        let account = device.sign_up("eu")?;
        Ok((device, account))
    }
}
