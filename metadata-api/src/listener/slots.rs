//! Counts connections, in total and per network, and decides which one leaves when there is no room.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::Bounds;
use crate::{
    network::{Network, Prefix},
    proxies::Proxies,
};

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    networks: HashMap<Prefix, usize>,
    /// Connections that have proven nothing, oldest first.
    strangers: BTreeMap<u64, CancellationToken>,
    next: u64,
}

/// The free slots of a port.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    counts: Arc<Mutex<Counts>>,
    connections: usize,
    per_network: usize,
    proxies: Proxies,
}

/// A connection's slot, freed when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    counts: Arc<Mutex<Counts>>,
    prefixes: Vec<Prefix>,
    number: u64,
    leave: CancellationToken,
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slots {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            counts: Arc::default(),
            connections: bounds.connections,
            per_network: bounds.per_network,
            proxies: bounds.proxies.clone(),
        }
    }

    /// `None` if there is no room for this peer. When all slots are taken, the oldest unproven connection loses its
    /// slot: strangers displace each other, never a device.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Slot> {
        let mut counts = lock(&self.counts);
        let mut prefixes = Vec::new();
        if !self.proxies.trust(peer) {
            for (times, prefix) in Network::of(peer).levels() {
                let most = self.per_network.saturating_mul(usize::try_from(times).unwrap_or(1));
                if counts.networks.get(&prefix).is_some_and(|n| *n >= most) {
                    return None;
                }
                prefixes.push(prefix);
            }
        }
        if counts.all >= self.connections {
            let (_, oldest) = counts.strangers.pop_first()?;
            oldest.cancel();
        }
        counts.all += 1;
        let number = counts.next;
        counts.next += 1;
        let leave = CancellationToken::new();
        counts.strangers.insert(number, leave.clone());
        for prefix in &prefixes {
            *counts.networks.entry(*prefix).or_default() += 1;
        }
        Some(Slot { counts: self.counts.clone(), prefixes, number, leave })
    }
}

impl Slot {
    /// A device signed on this connection, so it keeps its slot.
    pub(super) fn prove(&self) {
        lock(&self.counts).strangers.remove(&self.number);
    }

    /// Ready when another connection took the slot.
    pub(super) async fn lost(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        counts.strangers.remove(&self.number);
        for prefix in &self.prefixes {
            if let Some(n) = counts.networks.get_mut(prefix) {
                *n -= 1;
                if *n == 0 {
                    counts.networks.remove(prefix);
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_in_total_and_per_network() {
        let bounds = Bounds { connections: 40, per_network: 2, ..Bounds::default() };
        let slots = Slots::new(&bounds);
        let take = |address: &str| slots.take(address.parse().unwrap());
        let (one, _two) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none());
        drop(one);
        let again = take("192.0.2.1").unwrap();
        // A /48 gets sixteen times a network's share, no matter how it is subdivided.
        let held: Vec<_> = (0..60).filter_map(|i| take(&format!("2001:db8:0:{i:x}00::1"))).collect();
        assert_eq!(held.len(), 32);
        let rest: Vec<_> = (0..60).filter_map(|i| take(&format!("198.51.100.{i}"))).collect();
        assert_eq!(rest.len(), 60, "the oldest strangers leave");
        let left = |slots: &[Slot]| slots.iter().filter(|slot| slot.leave.is_cancelled()).count();
        assert_eq!(left(&held) + left(&rest) + usize::from(again.leave.is_cancelled()) + 1, 60 - (40 - 34));
        drop((held, rest, again));
        assert!(lock(&slots.counts).networks.len() <= 1, "nothing is remembered of who left");
    }

    #[test]
    fn proven_connections_keep_their_slots() {
        let slots = Slots::new(&Bounds { connections: 3, ..Bounds::default() });
        let take = |n: u8| slots.take([192, 0, 2, n].into());
        let (stranger, device, other) = (take(1).unwrap(), take(2).unwrap(), take(3).unwrap());
        device.prove();
        let next = take(4).unwrap();
        assert!(stranger.leave.is_cancelled() && !device.leave.is_cancelled() && !other.leave.is_cancelled());
        drop(stranger);
        for slot in [&other, &next] {
            slot.prove();
        }
        assert!(take(5).is_none(), "no unauthenticated connection is left");
        drop(other);
        assert!(take(5).is_some());
    }

    #[test]
    fn a_proxy_is_not_one_caller() {
        let proxies = Proxies::new(vec!["192.0.2.0/24".parse().unwrap()]);
        let slots = Slots::new(&Bounds { per_network: 1, proxies, ..Bounds::default() });
        let held: Vec<_> = (0..50).filter_map(|_| slots.take("192.0.2.7".parse().unwrap())).collect();
        assert_eq!(held.len(), 50);
    }
}
