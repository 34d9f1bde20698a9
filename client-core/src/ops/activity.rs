//! The service's audit trail of this vault, with its hash chain verified.

use api_types::{AccountId, DeviceId, VaultId, canonical, vault::AUDIT_KEPT};
use sha2::{Digest, Sha256};

use super::Client;
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// One entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Without gaps; starts at 1, or at the oldest entry that the service keeps.
    pub position: u64,
    /// Seconds since 1970, by the service's clock.
    pub at: i64,
    /// The action, in one word.
    pub action: String,
    /// The device that did it.
    pub device: Option<DeviceId>,
    /// Ids, kinds and counts.
    pub details: Vec<(String, String)>,
}

/// Version, vault, position, time, action, account, device, details.
type Wire = (u8, VaultId, u64, i64, String, Option<AccountId>, Option<DeviceId>, Vec<(String, String)>);

/// All entries since the vault was created, as far as the service keeps them, newest first.
///
/// # Errors
/// [`ErrorKind::Damaged`] if entries are missing, modified or from another vault.
pub async fn activity(client: &Client) -> Result<Vec<Activity>, Error> {
    let vault = client.open()?;
    let mut chain = Chain::new(vault.id());
    vault.api().audit(vault.id(), |row| chain.add(row.position, &row.event.0, &row.hash.0)).await?;
    let mut found = chain.whole()?;
    found.reverse();
    Ok(found)
}

struct Chain {
    vault: VaultId,
    /// Position of the first row, once it has arrived.
    first: Option<u64>,
    hash: [u8; 32],
    found: Vec<Activity>,
}

impl Chain {
    const fn new(vault: VaultId) -> Self {
        Self { vault, first: None, hash: [0; 32], found: Vec::new() }
    }

    fn add(&mut self, position: u64, event: &[u8], hash: &[u8]) -> Result<(), Error> {
        let first = *self.first.get_or_insert(position);
        let expected = first.saturating_add(self.found.len() as u64);
        let broken = || broken(expected);
        // The predecessor of the oldest remaining row has been deleted.
        let oldest = first > 1 && self.found.is_empty();
        let follows: [u8; 32] = Sha256::new().chain_update(self.hash).chain_update(event).finalize().into();
        if position != expected || (follows != hash && !oldest) {
            return Err(broken());
        }
        self.hash = hash.try_into().map_err(|_| broken())?;
        let (version, vault, position, at, action, _account, device, details): Wire =
            canonical::decode(event).map_err(|_| broken())?;
        if version != 1 || vault != self.vault || position != expected {
            return Err(broken());
        }
        self.found.push(Activity { position, at, action, device, details });
        Ok(())
    }

    /// Old rows may be missing only if as many are left as the service keeps.
    fn whole(self) -> Result<Vec<Activity>, Error> {
        match self.first {
            Some(2..) if (self.found.len() as u64) < AUDIT_KEPT => Err(broken(1)),
            _ => Ok(self.found),
        }
    }
}

fn broken(number: u64) -> Error {
    Error::new(
        ErrorKind::Damaged,
        text!("the activity log of this vault is not intact at entry {number}", number),
        "someone changed or removed entries at the service; snapshots are verified independently",
        "tell the service's operator, and look at the devices of this vault",
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn event(vault: u8, position: u64) -> Vec<u8> {
        let wire: Wire =
            (1, VaultId::from_bytes([vault; 16]), position, 7, "signed_in".into(), None, None, vec![]);
        canonical::encode(&wire).unwrap()
    }

    fn add(chain: &mut Chain, position: u64, previous: [u8; 32]) -> Result<[u8; 32], Error> {
        let event = event(1, position);
        let hash: [u8; 32] = Sha256::new().chain_update(previous).chain_update(&event).finalize().into();
        chain.add(position, &event, &hash).map(|()| hash)
    }

    fn chain() -> Chain {
        Chain::new(VaultId::from_bytes([1; 16]))
    }

    #[test]
    fn a_chain_that_was_changed_is_refused() {
        let mut whole = chain();
        let first = add(&mut whole, 1, [0; 32]).unwrap();
        add(&mut whole, 2, first).unwrap();
        // one is missing, or does not follow
        assert!(add(&mut whole, 4, first).is_err());
        assert!(add(&mut whole, 3, first).is_err());
        assert_eq!(whole.whole().unwrap().len(), 2);
        // the first follows something, is of another vault, or is numbered otherwise
        assert!(add(&mut chain(), 1, first).is_err());
        let hash = |event: &[u8]| {
            <[u8; 32]>::from(Sha256::new().chain_update([0; 32]).chain_update(event).finalize())
        };
        for (position, event) in [(1, event(2, 1)), (1, event(1, 2)), (1, b"nonsense".to_vec())] {
            assert!(chain().add(position, &event, &hash(&event)).is_err());
        }
    }

    #[test]
    fn only_a_long_log_may_lack_its_beginning() {
        let rows = |from: u64, count: u64| {
            let (mut chain, mut last) = (chain(), [9; 32]);
            for position in from..from + count {
                last = add(&mut chain, position, last).unwrap();
            }
            chain.whole()
        };
        assert_eq!(rows(65, AUDIT_KEPT).unwrap().len() as u64, AUDIT_KEPT);
        assert_eq!(rows(2, AUDIT_KEPT - 1).unwrap_err().kind(), ErrorKind::Damaged);
        assert_eq!(rows(900, 3).unwrap_err().kind(), ErrorKind::Damaged);
    }
}
