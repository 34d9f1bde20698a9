//! Restricts where a vault's storage may be. The service names it, and a lying service could use this device to send
//! requests into its local network: to a router, another program's port, a cloud's metadata service.

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::OnceCell;
use url::{Host, Url};

use crate::net::is_loopback;

/// Resolves a host's addresses.
pub trait Lookup: Send + Sync {
    /// Returns all of them.
    fn addresses(&self, host: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// This machine's resolver.
struct System;

impl Lookup for System {
    fn addresses(&self, host: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(
            async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) },
        )
    }
}

/// The kind of network that an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Zone {
    Public,
    Loopback,
    Private,
    /// A provider's carrier-grade NAT.
    Shared,
    LinkLocal,
    /// Not the address of any machine.
    Nowhere,
}

fn zone(ip: IpAddr) -> Zone {
    match ip {
        IpAddr::V4(ip) => zone_v4(ip),
        IpAddr::V6(ip) => zone_v6(ip),
    }
}

fn zone_v4(ip: Ipv4Addr) -> Zone {
    match ip.octets() {
        [127, ..] => Zone::Loopback,
        [169, 254, ..] => Zone::LinkLocal,
        [100, 64..=127, ..] => Zone::Shared,
        [0 | 224..=255, ..] => Zone::Nowhere,
        // Benchmarking, protocol and documentation addresses occur in no honest answer; inside a network they may be
        // used as private ones.
        [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => Zone::Private,
        _ if ip.is_private() => Zone::Private,
        _ => Zone::Public,
    }
}

fn zone_v6(ip: Ipv6Addr) -> Zone {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return zone_v4(mapped);
    }
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        zone_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Zone::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] | [0xff00..=0xffff, ..] => Zone::Nowhere,
        [0xfe80..=0xfebf, ..] => Zone::LinkLocal,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Zone::Private,
        // An embedded IPv4 address: compatible, translated (NAT64, RFC 6052 and RFC 8215), 6to4.
        [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, .., high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        _ => Zone::Public,
    }
}

/// What a device may connect to for a vault's storage.
#[derive(Clone)]
pub struct Reach {
    service: Option<Host>,
    named: bool,
    lookup: Arc<dyn Lookup>,
    zones: Arc<OnceCell<HashSet<Zone>>>,
}

impl Reach {
    /// The Internet, and the kind of network that the service itself is in.
    #[must_use]
    pub fn of_service(url: &str) -> Self {
        let service = Url::parse(url).ok().and_then(|url| url.host().map(|host| host.to_owned()));
        Self { service, named: false, lookup: Arc::new(System), zones: Arc::default() }
    }

    /// Also the local network, if the user named this storage.
    #[must_use]
    pub const fn when_named(mut self, named: bool) -> Self {
        self.named = named;
        self
    }

    /// Uses another resolver.
    #[must_use]
    pub fn with_lookup(mut self, lookup: Arc<dyn Lookup>) -> Self {
        self.lookup = lookup;
        self
    }

    /// Whether plain HTTP, to this machine itself, is allowed.
    pub(super) fn is_this_machine(&self) -> bool {
        self.named || is_loopback(self.service.as_ref())
    }

    /// The addresses of a storage host that may be connected to; `Err` is the first forbidden one, if there is no
    /// other.
    ///
    /// # Errors
    /// The outer result: the host was not found.
    pub(super) async fn admitted(&self, host: &Host) -> io::Result<Result<Vec<IpAddr>, IpAddr>> {
        let found = self.find(host).await?;
        if found.iter().all(|ip| zone(*ip) == Zone::Public) {
            return Ok(Ok(found));
        }
        let service = || async {
            match &self.service {
                Some(host) => {
                    let zones: HashSet<_> = self.find(host).await?.into_iter().map(zone).collect();
                    // The service controls its own name: adding a local address to a public one must not open the
                    // local network.
                    Ok::<_, io::Error>(if zones.contains(&Zone::Public) { HashSet::new() } else { zones })
                }
                None => Ok(HashSet::new()),
            }
        };
        let zones = self.zones.get_or_try_init(service).await?;
        let may = |ip: &IpAddr| match zone(*ip) {
            Zone::Public => true,
            Zone::Nowhere => false,
            inside => self.named || zones.contains(&inside),
        };
        let (good, bad): (Vec<IpAddr>, Vec<IpAddr>) = found.into_iter().partition(may);
        Ok(match bad.first() {
            Some(bad) if good.is_empty() => Err(*bad),
            _ => Ok(good),
        })
    }

    async fn find(&self, host: &Host) -> io::Result<Vec<IpAddr>> {
        match host {
            Host::Ipv4(ip) => Ok(vec![(*ip).into()]),
            Host::Ipv6(ip) => Ok(vec![(*ip).into()]),
            Host::Domain(name) => self.lookup.addresses(name.clone()).await,
        }
    }
}

/// Checks every address right before a connection: a name that was public a moment ago may now be local.
pub(super) struct Watched {
    pub(super) storage: Host,
    pub(super) reach: Reach,
}

impl Resolve for Watched {
    fn resolve(&self, name: Name) -> Resolving {
        let (storage, reach) = (self.storage.clone(), self.reach.clone());
        Box::pin(async move {
            let host = Host::Domain(name.as_str().to_owned());
            // Any other name is the user's own proxy.
            let found = if host == storage {
                reach
                    .admitted(&host)
                    .await?
                    .map_err(|_| io::Error::other("its name leads inside your network"))?
            } else {
                reach.find(&host).await?
            };
            let addresses: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn n69_every_form_of_a_local_address_is_recognized() {
        for (zone_is, addresses) in [
            (
                Zone::Loopback,
                vec!["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
            ),
            (
                Zone::Private,
                vec![
                    "10.0.0.5",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "fc00::1",
                    "fdff::1",
                    "::ffff:10.0.0.5",
                ],
            ),
            (Zone::LinkLocal, vec!["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"]),
            (Zone::Shared, vec!["100.64.0.1", "100.127.255.255"]),
            (
                Zone::Nowhere,
                vec!["0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "::", "ff02::1"],
            ),
            (
                Zone::Public,
                vec![
                    "1.1.1.1",
                    "172.32.0.1",
                    "100.128.0.1",
                    "169.253.0.1",
                    "2606:4700::1",
                    "64:ff9b::101:101",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(zone(address.parse().unwrap()), zone_is, "{address}");
            }
        }
    }

    struct Fixed(&'static [&'static str]);

    impl Lookup for Fixed {
        fn addresses(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
            let found = self.0.iter().map(|ip| ip.parse().unwrap()).collect();
            Box::pin(async { Ok(found) })
        }
    }

    #[tokio::test]
    async fn n69_only_the_services_own_part_of_the_world_is_inside() {
        let ask = async |service: &str, storage: &str| {
            let host = Url::parse(storage).unwrap().host().unwrap().to_owned();
            Reach::of_service(service).admitted(&host).await.unwrap().is_ok()
        };
        let outside = "https://1.2.3.4";
        assert!(ask(outside, "https://5.6.7.8").await);
        for inside in [
            "https://10.0.0.5",
            "https://169.254.169.254",
            "https://127.1",
            "https://0x7f.1",
            "https://[::ffff:7f00:1]",
        ] {
            assert!(!ask(outside, inside).await, "{inside}");
        }
        assert!(ask("https://192.168.1.2", "https://10.0.0.5").await);
        assert!(!ask("https://192.168.1.2", "https://127.0.0.1").await);
        assert!(!ask("https://192.168.1.2", "https://224.0.0.1").await);
        // A service that adds a local address to its own name, next to the one that it is reached at.
        let host: Host = Host::Ipv4(Ipv4Addr::new(10, 0, 0, 5));
        for (own, may) in [(&["1.2.3.4", "10.0.0.9"][..], false), (&["10.0.0.9"], true)] {
            let reach = Reach::of_service("https://sealkeep.example.com").with_lookup(Arc::new(Fixed(own)));
            assert_eq!(reach.admitted(&host).await.unwrap().is_ok(), may, "{own:?}");
        }
        assert!(Reach::of_service(outside).when_named(true).admitted(&host).await.unwrap().is_ok());
    }
}
