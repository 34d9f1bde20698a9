//! The network part of an address: the unit of limits, never of access.

use std::net::IpAddr;

/// An IPv4 address, or the /64 of an IPv6 address: roughly one household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: [u8; 8],
    v6: bool,
}

/// A prefix preceded by its length in bits, so that prefixes of different lengths never collide.
pub type Prefix = [u8; 9];

impl Network {
    /// The network of an address; an IPv4-mapped IPv6 address counts as the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let mut prefix = [0; 8];
        match address.to_canonical() {
            IpAddr::V4(v4) => prefix[..4].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => prefix.copy_from_slice(&v6.octets()[..8]),
        }
        Self { address: prefix, v6: matches!(address.to_canonical(), IpAddr::V6(_)) }
    }

    /// The prefixes to count, each with its multiple of a single network's allowance. Whoever rents a /48 has 65,536
    /// networks of size /64; the wider prefixes limit them together.
    #[must_use]
    pub fn levels(self) -> Vec<(u32, Prefix)> {
        let cut = |bits: u8| {
            let mut prefix = [0; 9];
            prefix[0] = bits;
            let bytes = usize::from(bits / 8);
            prefix[1..=bytes].copy_from_slice(&self.address[..bytes]);
            prefix
        };
        if self.v6 { vec![(1, cut(64)), (4, cut(56)), (16, cut(48))] } else { vec![(1, cut(32))] }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn levels(address: &str) -> Vec<(u32, Prefix)> {
        Network::of(address.parse().unwrap()).levels()
    }

    #[test]
    fn a_network_counts_towards_its_wider_prefixes() {
        assert_eq!(levels("192.0.2.1"), levels("::ffff:192.0.2.1"));
        assert_ne!(levels("192.0.2.1"), levels("192.0.2.2"));
        let (one, other) = (levels("2001:db8:1:100::1"), levels("2001:db8:1:1ff::1"));
        assert_eq!(one.iter().map(|(times, _)| *times).collect::<Vec<_>>(), [1, 4, 16]);
        assert_ne!(one[0], other[0], "another /64");
        assert_eq!(one[1..], other[1..], "the same /56 and /48");
        assert_eq!(levels("2001:db8:1:200::1")[2], one[2]);
        assert_ne!(levels("2001:db8:1:200::1")[1], one[1]);
        assert_ne!(levels("2001:db8:2::1")[2], one[2]);
        assert_eq!(levels("2001:db8:1:100::1")[0], levels("2001:db8:1:100:ffff::9")[0]);
    }
}
