//! The service's audit trail of this vault, its chain of hashes verified.

use api_types::{AccountId, DeviceId, VaultId, canonical};
use sha2::{Digest, Sha256};

use super::Client;
use crate::error::{Error, ErrorKind};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// From 1, without gaps.
    pub position: u64,
    /// Seconds since 1970, by the service's clock.
    pub at: i64,
    /// What happened, one word.
    pub action: String,
    /// Which device did it.
    pub device: Option<DeviceId>,
    /// Ids, kinds and counts.
    pub details: Vec<(String, String)>,
}

/// Version, vault, position, time, action, account, device, details.
type Wire = (u8, VaultId, u64, i64, String, Option<AccountId>, Option<DeviceId>, Vec<(String, String)>);

/// Everything since the vault was made, newest first.
///
/// # Errors
/// [`ErrorKind::Damaged`] when rows are missing, changed or of another vault.
pub async fn activity(client: &Client) -> Result<Vec<Activity>, Error> {
    let vault = client.open()?;
    let mut chain = Chain { vault: vault.id(), hash: [0; 32], found: Vec::new() };
    vault.api().audit(vault.id(), |row| chain.add(&row.event.0, &row.hash.0)).await?;
    chain.found.reverse();
    Ok(chain.found)
}

struct Chain {
    vault: VaultId,
    hash: [u8; 32],
    found: Vec<Activity>,
}

impl Chain {
    fn add(&mut self, event: &[u8], hash: &[u8]) -> Result<(), Error> {
        let expected = self.found.len() as u64 + 1;
        let broken = || {
            Error::new(
                ErrorKind::Damaged,
                format!("the activity list of this vault does not hold at number {expected}"),
                "somebody changed or removed entries at the service; your snapshots are verified by other means",
                "tell the service's operator, and look at the devices of this vault",
            )
        };
        self.hash = Sha256::new().chain_update(self.hash).chain_update(event).finalize().into();
        if self.hash != hash {
            return Err(broken());
        }
        let (version, vault, position, at, action, _account, device, details): Wire =
            canonical::decode(event).map_err(|_| broken())?;
        if version != 1 || vault != self.vault || position != expected {
            return Err(broken());
        }
        self.found.push(Activity { position, at, action, device, details });
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn event(vault: u8, position: u64) -> Vec<u8> {
        let wire: Wire =
            (1, VaultId::from_bytes([vault; 16]), position, 7, "login".into(), None, None, vec![]);
        canonical::encode(&wire).unwrap()
    }

    fn add(chain: &mut Chain, event: &[u8], previous: [u8; 32]) -> Result<[u8; 32], Error> {
        let hash: [u8; 32] = Sha256::new().chain_update(previous).chain_update(event).finalize().into();
        chain.add(event, &hash).map(|()| hash)
    }

    #[test]
    fn a_chain_that_was_changed_is_refused() {
        let chain = || Chain { vault: VaultId::from_bytes([1; 16]), hash: [0; 32], found: Vec::new() };
        let mut whole = chain();
        let first = add(&mut whole, &event(1, 1), [0; 32]).unwrap();
        add(&mut whole, &event(1, 2), first).unwrap();
        assert_eq!(whole.found.len(), 2);
        // the first is missing, of another vault, or numbered otherwise
        assert!(add(&mut chain(), &event(1, 2), first).is_err());
        assert!(add(&mut chain(), &event(2, 1), [0; 32]).is_err());
        assert!(add(&mut chain(), &event(1, 2), [0; 32]).is_err());
        assert!(add(&mut chain(), b"nonsense", [0; 32]).is_err());
    }
}
