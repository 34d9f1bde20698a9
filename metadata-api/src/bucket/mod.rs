//! The object stores: does an object exist, and what are its length and checksum?

mod client;

use std::collections::BTreeMap;

use api_types::{ObjectKey, Region};

pub use self::client::{Client, Error, Found};
use crate::{guarantees::Guarantees, presign::Presigner};

/// One region's bucket, in a store that was probed.
pub struct Store {
    client: Client,
    guarantees: Guarantees,
}

impl Store {
    /// A store with the guarantees that the probe found.
    #[must_use]
    pub fn verified(client: Client, guarantees: Guarantees) -> Self {
        Self { client, guarantees }
    }

    /// The presigner for this bucket.
    #[must_use]
    pub fn presigner(&self) -> &Presigner {
        self.client.presigner()
    }

    /// The result of the boot probe.
    #[must_use]
    pub fn guarantees(&self) -> Guarantees {
        self.guarantees
    }

    /// Whether the announced object is stored.
    pub async fn holds(&self, key: &ObjectKey, size: u64) -> Result<bool, Error> {
        let found = self.client.head_raw(&key.to_string()).await?;
        Ok(found.is_some_and(|found| found.is(&key.id, size)))
    }

    /// Up to `len` leading bytes of an object; fewer if it is shorter, `None` if it does not exist.
    pub async fn first(&self, key: &ObjectKey, len: usize) -> Result<Option<Vec<u8>>, Error> {
        self.client.first_raw(&key.to_string(), len).await
    }

    /// A readiness check: any response about an object that cannot exist will do.
    pub async fn ping(&self) -> Result<(), Error> {
        self.client.head_raw("sealkeep-ping").await.map(drop)
    }
}

/// The stores of all regions served here. A store is reached only through its region.
#[derive(Default)]
pub struct Stores(BTreeMap<Region, Store>);

impl FromIterator<(Region, Store)> for Stores {
    fn from_iter<I: IntoIterator<Item = (Region, Store)>>(stores: I) -> Self {
        Self(stores.into_iter().collect())
    }
}

impl Stores {
    /// The store of a region; `None` if it is not served here.
    #[must_use]
    pub fn get(&self, region: Region) -> Option<&Store> {
        self.0.get(&region)
    }

    /// Regions served here.
    pub fn regions(&self) -> impl Iterator<Item = Region> + '_ {
        self.0.keys().copied()
    }

    /// All regions with their stores.
    pub fn iter(&self) -> impl Iterator<Item = (Region, &Store)> {
        self.0.iter().map(|(region, store)| (*region, store))
    }
}
