//! Finds out at boot what a store really does: write, read, overwrite, write with a wrong checksum, delete.
//!
//! Stores differ in which of the signed conditions they enforce. Refusing wrong checksums or refusing overwrites is
//! each enough to keep an object what it was granted for. A store that does neither is refused.

use api_types::{ObjectId, Region};
use reqwest::StatusCode;
use sha2::{Digest, Sha256};

use crate::{
    bucket::{Client, Error, Store, Stores},
    guarantees::Guarantees,
};

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unsuitable {
    /// The store gave no usable response.
    #[error(transparent)]
    Store(#[from] Error),
    /// A plain upload is refused.
    #[error("the storage at {0} refuses an upload with {1}: check bucket, credentials and region")]
    Upload(String, u16),
    /// Reading returns something other than what was written.
    #[error("the storage at {0} does not give back what was written to it")]
    Read(String),
    /// The store enforces neither condition.
    #[error(
        "the storage at {0} stores bytes whose checksum is wrong and lets objects be overwritten: an upload URL could replace a backup. Use another store, or a newer version"
    )]
    NoGuarantee(String),
}

/// Probes every store and logs each result.
///
/// # Errors
/// The first store that is unreachable or unsuitable.
pub async fn probe_all(clients: impl IntoIterator<Item = (Region, Client)>) -> Result<Stores, Unsuitable> {
    let mut stores = Vec::new();
    for (region, client) in clients {
        let guarantees = probe(&client).await?;
        let origin = client.presigner().origin();
        let bucket = client.presigner().bucket();
        tracing::info!(%region, origin, bucket, %guarantees, "storage probed");
        if !guarantees.write_once {
            tracing::warn!(%region, origin, "the store ignores If-None-Match: a replayed upload can write the same bytes again, and nothing else");
        }
        stores.push((region, Store::verified(client, guarantees)));
    }
    Ok(stores.into_iter().collect())
}

/// Probes one store with temporary objects outside every vault.
pub async fn probe(store: &Client) -> Result<Guarantees, Unsuitable> {
    let origin = store.presigner().origin();
    let random = || format!("probe/{:032x}", rand::random::<u128>());
    let (key, second_key) = (random(), random());
    let first: Vec<u8> = rand::random::<[u8; 32]>().repeat(8);
    let id = digest(&first);

    let status = store.put_raw(&key, &id, first.clone()).await?;
    if !status.is_success() {
        return Err(Unsuitable::Upload(origin, status.as_u16()));
    }
    let head = store.head_raw(&key).await?;
    if head.is_none_or(|found| !found.is(&id, first.len() as u64))
        || store.get_raw(&key).await?.as_ref() != Some(&first)
    {
        return Err(Unsuitable::Read(origin));
    }
    let checksum_returned = head.is_some_and(|found| found.sha256.is_some());

    let mut other = first.clone();
    other.reverse();
    let again = store.put_raw(&key, &digest(&other), other).await?;
    let write_once = refused(again) && store.get_raw(&key).await?.as_ref() == Some(&first);

    let wrong = store.put_raw(&second_key, &id, vec![0; first.len()]).await?;
    let checksum_enforced = refused(wrong) && store.head_raw(&second_key).await?.is_none();

    let deleted = store.delete_raw(&key).await?;
    store.delete_raw(&second_key).await?;
    let deletes = deleted.is_success() && store.head_raw(&key).await?.is_none();

    let guarantees = Guarantees { write_once, checksum_enforced, checksum_returned, deletes };
    if checksum_enforced || write_once { Ok(guarantees) } else { Err(Unsuitable::NoGuarantee(origin)) }
}

fn refused(status: StatusCode) -> bool {
    status.is_client_error()
}

fn digest(bytes: &[u8]) -> ObjectId {
    ObjectId::new(Sha256::digest(bytes).into())
}
