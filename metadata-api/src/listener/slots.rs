//! How many connections there are, in all and per network.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Bounds;
use crate::{
    network::{Network, Prefix},
    proxies::Proxies,
};

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    networks: HashMap<Prefix, usize>,
}

/// The free places of a port.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    counts: Arc<Mutex<Counts>>,
    connections: usize,
    per_network: usize,
    proxies: Proxies,
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    counts: Arc<Mutex<Counts>>,
    prefixes: Vec<Prefix>,
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

    /// `None`: there is no room for this peer.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Slot> {
        let mut counts = lock(&self.counts);
        if counts.all >= self.connections {
            return None;
        }
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
        counts.all += 1;
        for prefix in &prefixes {
            *counts.networks.entry(*prefix).or_default() += 1;
        }
        Some(Slot { counts: self.counts.clone(), prefixes })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
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
    fn places_are_counted_in_all_and_per_network() {
        let bounds = Bounds { connections: 40, per_network: 2, ..Bounds::default() };
        let slots = Slots::new(&bounds);
        let take = |address: &str| slots.take(address.parse().unwrap());
        let (one, _two) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert!(take("192.0.2.1").is_none());
        drop(one);
        let again = take("192.0.2.1").unwrap();
        // A /48 gets sixteen times a network's share, however many networks it is cut into.
        let held: Vec<_> = (0..60).filter_map(|i| take(&format!("2001:db8:0:{i:x}00::1"))).collect();
        assert_eq!(held.len(), 32);
        let rest: Vec<_> = (0..60).filter_map(|i| take(&format!("198.51.100.{i}"))).collect();
        assert_eq!(rest.len(), 40 - 32 - 2, "all together");
        drop((held, rest, again));
        assert!(lock(&slots.counts).networks.len() <= 1, "nothing is remembered of who left");
    }

    #[test]
    fn a_proxy_is_not_one_caller() {
        let proxies = Proxies::new(vec!["192.0.2.0/24".parse().unwrap()]);
        let slots = Slots::new(&Bounds { per_network: 1, proxies, ..Bounds::default() });
        let held: Vec<_> = (0..50).filter_map(|_| slots.take("192.0.2.7".parse().unwrap())).collect();
        assert_eq!(held.len(), 50);
    }
}
