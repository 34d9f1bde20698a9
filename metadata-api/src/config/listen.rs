//! How requests arrive: TLS here, a proxy in front, or this machine alone.

use std::{net::SocketAddr, path::PathBuf};

use axum::http::HeaderName;
use ipnet::IpNet;

use super::Problem;
use crate::{callers::Callers, proxies::Proxies};

/// How requests arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TLS 1.3 ends here.
    Tls {
        /// PEM, leaf first.
        cert: PathBuf,
        /// PEM.
        key: PathBuf,
    },
    /// Plain HTTP, on a loopback address.
    Loopback,
    /// Plain HTTP from a proxy that speaks TLS to the world; said explicitly.
    BehindProxy,
}

/// Arguments of `serve` that are not settings of the environment.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Address to listen on.
    pub addr: SocketAddr,
    /// PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front speaks TLS.
    pub behind_proxy: bool,
}

impl Listen {
    /// Plain HTTP leaves the machine only when somebody said so.
    ///
    /// # Errors
    /// A sentence.
    pub fn transport(&self) -> Result<Transport, Problem> {
        match &self.tls {
            Some((cert, key)) => Ok(Transport::Tls { cert: cert.clone(), key: key.clone() }),
            None if self.behind_proxy => Ok(Transport::BehindProxy),
            None if self.addr.ip().is_loopback() => Ok(Transport::Loopback),
            None => Err(Problem(format!(
                "{} is reachable from other machines: give --tls-cert and --tls-key, or --behind-proxy when a proxy in front speaks TLS",
                self.addr
            ))),
        }
    }
}

/// A proxy on the same machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// What is said of the proxies in front.
#[derive(Debug, Clone, Default)]
pub struct InFront {
    /// There is one.
    pub behind_proxy: bool,
    /// The header in which it names the caller; `x-forwarded-for` where none is given.
    pub header: Option<HeaderName>,
    /// Whose header is believed; loopback where none is given and nobody else reaches the listening address.
    pub trusted: Vec<IpNet>,
    /// Callers cannot be told apart; the proxy does the limiting.
    pub one_network: bool,
}

impl InFront {
    /// How callers are told apart by limits.
    ///
    /// # Errors
    /// A sentence, where all callers would count as one without anybody having said so.
    pub fn callers(&self, listen: SocketAddr) -> Result<Callers, Problem> {
        if !self.behind_proxy {
            return Ok(Callers::Connection);
        }
        if self.one_network {
            return Ok(Callers::Unknown);
        }
        let proxies = if !self.trusted.is_empty() {
            self.trusted.clone()
        } else if listen.ip().is_loopback() {
            LOOPBACK.iter().filter_map(|text| text.parse().ok()).collect()
        } else {
            return Err(Problem(format!(
                "{listen} is reached from other machines, and nothing says which of them is the proxy: give --trusted-proxy with its address or network, or all callers share one limit and a stranger can use it up. Where the proxy names no caller, give --one-network and let the proxy limit requests"
            )));
        };
        let name = self.header.clone().unwrap_or(HeaderName::from_static("x-forwarded-for"));
        Ok(Callers::Header { name, proxies: Proxies::new(proxies) })
    }
}
