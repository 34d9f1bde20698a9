//! Who calls, for rate limits only: never for access.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{extract::ConnectInfo, http::request::Parts};

use crate::state::Limits;

/// The connection's address, or what a trusted proxy says in the configured header (its last entry).
pub(crate) fn of(parts: &Parts, limits: &Limits) -> IpAddr {
    let named = limits.client_ip_header.as_ref().and_then(|header| {
        let value = parts.headers.get_all(header).iter().next_back()?.to_str().ok()?;
        value.rsplit(',').next()?.trim().parse().ok()
    });
    let connected = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    named.or_else(connected).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical()
}

/// An IPv4 address, or the /64 of an IPv6 one: what one household has.
pub(crate) fn network(address: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match address {
        IpAddr::V4(v4) => network[4..].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => network.copy_from_slice(&v6.octets()[..8]),
    }
    network
}
