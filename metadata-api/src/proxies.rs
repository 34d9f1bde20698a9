//! Trusted proxies: those whose claim about a caller's address counts.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks of trusted proxies.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

/// Text that is neither an address nor a network.
#[derive(Debug, thiserror::Error)]
#[error("write a network such as 10.0.0.0/8, or an address")]
pub struct NoNetwork;

/// Parses a network from the command line; an address is a network of one.
pub fn network(text: &str) -> Result<IpNet, NoNetwork> {
    IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from)).map_err(|_| NoNetwork)
}

impl Proxies {
    /// These networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into_iter().map(|n| n.trunc()).collect())
    }

    /// Every peer is a trusted proxy.
    #[must_use]
    pub fn everybody() -> Self {
        Self(Arc::new([IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())]))
    }

    /// Whether the peer is a trusted proxy.
    #[must_use]
    pub fn trust(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}
