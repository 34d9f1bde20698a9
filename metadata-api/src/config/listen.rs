//! How requests arrive: TLS in this process, through a proxy, or over loopback.

use std::{net::SocketAddr, path::PathBuf};

use axum::http::HeaderName;
use ipnet::IpNet;

use super::ConfigError;
use crate::{callers::Callers, proxies::Proxies};

/// How requests arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TLS 1.3 terminates in this process.
    Tls {
        /// PEM, leaf first.
        cert: PathBuf,
        /// PEM.
        key: PathBuf,
    },
    /// Plain HTTP, on a loopback address.
    Loopback,
    /// Plain HTTP from a TLS-terminating proxy; must be set explicitly.
    BehindProxy,
}

/// Arguments of `serve` that do not come from the environment.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Address to listen on.
    pub addr: SocketAddr,
    /// Certificate and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A TLS-terminating proxy is in front.
    pub behind_proxy: bool,
}

impl Listen {
    /// Plain HTTP beyond this machine must be allowed explicitly.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn transport(&self) -> Result<Transport, ConfigError> {
        match &self.tls {
            Some((cert, key)) => Ok(Transport::Tls { cert: cert.clone(), key: key.clone() }),
            None if self.behind_proxy => Ok(Transport::BehindProxy),
            None if self.addr.ip().is_loopback() => Ok(Transport::Loopback),
            None => Err(ConfigError(format!(
                "{} is reachable from other machines: give --tls-cert and --tls-key, or --behind-proxy if a proxy in front terminates TLS",
                self.addr
            ))),
        }
    }
}

/// A proxy on this machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Settings about the proxies in front.
#[derive(Debug, Clone, Default)]
pub struct ProxySettings {
    /// There is a proxy in front.
    pub behind_proxy: bool,
    /// The header that names the caller; defaults to `x-forwarded-for`.
    pub header: Option<HeaderName>,
    /// Proxies whose header is trusted. Defaults to loopback if only loopback reaches the listening address.
    pub trusted: Vec<IpNet>,
    /// Callers cannot be told apart; the proxy applies the limits.
    pub one_network: bool,
}

impl ProxySettings {
    /// How limits tell callers apart.
    ///
    /// # Errors
    /// One sentence for the operator if all callers would count as one without an explicit setting.
    pub fn callers(&self, listen: SocketAddr) -> Result<Callers, ConfigError> {
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
            return Err(ConfigError(format!(
                "{listen} is reached from other machines, and nothing says which of them is the proxy: give --trusted-proxy with its address or network, or all callers share one limit and a stranger can use it up. Where the proxy names no caller, give --one-network and let the proxy limit requests"
            )));
        };
        let name = self.header.clone().unwrap_or(HeaderName::from_static("x-forwarded-for"));
        Ok(Callers::Header { name, proxies: Proxies::new(proxies) })
    }
}
