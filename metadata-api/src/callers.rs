//! The caller's address, for limits only, never for access.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderName, header::FORWARDED, request::Parts},
};

use crate::{network::Network, proxies::Proxies};

/// How the caller's address is determined.
#[derive(Debug, Clone, Default)]
pub enum Callers {
    /// From the connection.
    #[default]
    Connection,
    /// From a header, if the connection comes from a trusted proxy.
    Header {
        /// `x-forwarded-for`, `forwarded`, or a header of addresses in the same format.
        name: HeaderName,
        /// The trusted proxies.
        proxies: Proxies,
    },
    /// Not at all: a proxy in front hides callers and has to limit them per address.
    Unknown,
}

impl Callers {
    /// Peers that carry many callers; relevant when counting connections.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        match self {
            Self::Connection => Proxies::default(),
            Self::Header { proxies, .. } => proxies.clone(),
            Self::Unknown => Proxies::everybody(),
        }
    }
}

/// The wording of `check-config`.
impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => write!(f, "identified by the address that connects"),
            Self::Header { name, proxies } => {
                write!(f, "identified by {name}, trusted only from {proxies}")
            }
            Self::Unknown => write!(f, "not identified: limits per network are off, the proxy has to limit"),
        }
    }
}

/// The caller's network; `None` if callers cannot be told apart.
pub(crate) fn of(parts: &Parts, callers: &Callers) -> Option<Network> {
    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let connected = connected.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = match callers {
        Callers::Connection => connected,
        Callers::Header { name, proxies } => forwarded(parts, name, proxies, connected),
        Callers::Unknown => return None,
    };
    Some(Network::of(address))
}

/// Reads from the right, past our own proxies: each proxy appends the address it saw, and everything further left is
/// unverified.
fn forwarded(parts: &Parts, name: &HeaderName, proxies: &Proxies, connected: IpAddr) -> IpAddr {
    let mut seen = connected;
    let lines = parts.headers.get_all(name).iter().rev();
    for line in lines {
        let Ok(line) = line.to_str() else { return seen };
        for entry in line.rsplit(',') {
            if !proxies.trust(seen) {
                return seen;
            }
            let said = if name == FORWARDED { for_parameter(entry) } else { Some(entry) };
            match said.and_then(address) {
                Some(address) => seen = address,
                // One of our proxies does not know the caller: the proxy itself counts.
                None => return seen,
            }
        }
    }
    seen
}

/// The `for=` parameter of an RFC 7239 element.
fn for_parameter(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    plain.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use axum::http::Request;

    use super::*;

    fn seen(callers: &Callers, peer: &str, headers: &[(&str, &str)]) -> Option<Network> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer: IpAddr = peer.parse().unwrap();
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer, 1)));
        of(&parts, callers)
    }

    fn network(address: &str) -> Option<Network> {
        Some(Network::of(address.parse().unwrap()))
    }

    fn behind(header: &'static str) -> Callers {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()]);
        Callers::Header { name: HeaderName::from_static(header), proxies }
    }

    #[test]
    fn only_a_trusted_proxy_counts() {
        let xff = behind("x-forwarded-for");
        let said = [("x-forwarded-for", "192.0.2.9")];
        assert_eq!(seen(&xff, "10.1.2.3", &said), network("192.0.2.9"));
        assert_eq!(seen(&xff, "::ffff:10.1.2.3", &said), network("192.0.2.9"), "mapped into IPv6");
        assert_eq!(seen(&xff, "203.0.113.5", &said), network("203.0.113.5"), "not a proxy of ours");
        assert_eq!(seen(&Callers::Connection, "10.1.2.3", &said), network("10.1.2.3"));
        assert_eq!(seen(&Callers::Unknown, "10.1.2.3", &said), None);
        assert_eq!(seen(&xff, "10.1.2.3", &[]), network("10.1.2.3"), "no header");
    }

    #[test]
    fn entries_written_by_the_caller_do_not_count() {
        let xff = behind("x-forwarded-for");
        for lines in [
            &[("x-forwarded-for", "1.1.1.1, 192.0.2.9")][..],
            &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.9")],
            &[("x-forwarded-for", "1.1.1.1, 192.0.2.9, 10.9.9.9")],
            &[("x-forwarded-for", "10.0.0.1, 192.0.2.9"), ("x-forwarded-for", "10.9.9.9")],
            &[("x-forwarded-for", "garbage, 192.0.2.9:4711")],
            &[("x-forwarded-for", "1.1.1.1,::ffff:192.0.2.9")],
        ] {
            assert_eq!(seen(&xff, "127.0.0.1", lines), network("192.0.2.9"), "{lines:?}");
        }
        let nobody = [("x-forwarded-for", "1.1.1.1, unknown")];
        assert_eq!(seen(&xff, "127.0.0.1", &nobody), network("127.0.0.1"));
        let inside = [("x-forwarded-for", "10.5.5.5")];
        assert_eq!(seen(&xff, "127.0.0.1", &inside), network("10.5.5.5"), "a caller on our own side");
    }

    #[test]
    fn the_forwarded_header_is_understood() {
        let forwarded = behind("forwarded");
        for (line, caller) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=1.1.1.1, proto=https; for=192.0.2.43", "192.0.2.43"),
            ("for=192.0.2.43, for=10.1.1.1", "192.0.2.43"),
            ("for=_hidden", "127.0.0.1"),
        ] {
            assert_eq!(seen(&forwarded, "127.0.0.1", &[("forwarded", line)]), network(caller), "{line}");
        }
    }
}
