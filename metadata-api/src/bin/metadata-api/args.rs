//! Options of the command.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use api_types::backup::URL_SECS;
use axum::http::HeaderName;
use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use metadata_api::{
    callers::Callers,
    config::{Limits, Listen, ProxySettings},
    listener::Bounds,
    proxies,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use url::Url;

use crate::output::Failure;

/// Sealkeep's metadata service: accounts, devices, presigned URLs, snapshots. It never sees a key or a plaintext.
///
/// Settings come from the environment (SEALKEEP_*); each can come from a file named by SEALKEEP_*_FILE.
/// See operations.md.
///
/// Exit codes: 0 success, 1 could not start or failed, 2 wrong usage.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) embedded: EmbeddedArgs,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve with your own database and object stores.
    Serve(ServeArgs),
    /// Bring the database's schema up to date, as its owner (SEALKEEP_OWNER_DATABASE_URL).
    Migrate,
    /// Check every setting, the database and the object stores, and exit.
    CheckConfig {
        #[command(flatten)]
        args: ServeArgs,
        /// Settings only: connect to nothing.
        #[arg(long)]
        offline: bool,
    },
    /// Generate secrets as an env file. Keep it readable by the service only.
    GenerateSecrets,
}

#[derive(Args)]
pub(crate) struct EmbeddedArgs {
    /// Start everything on this machine: a private PostgreSQL and an object store in DIR, and the service.
    #[arg(long, value_name = "DIR")]
    pub(crate) embedded: Option<PathBuf>,
    /// Where the object store listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    pub(crate) s3_listen: SocketAddr,
    /// The object store's URL as clients reach it, if it differs from http://ADDR.
    #[arg(long, value_name = "URL")]
    pub(crate) s3_endpoint: Option<Url>,
    /// The service's host and port as clients write them, if it differs from the listening address.
    #[arg(long, value_name = "HOST")]
    pub(crate) public_authority: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args, Clone)]
pub(crate) struct Common {
    /// Where the service listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", env = "SEALKEEP_LISTEN")]
    pub(crate) listen: SocketAddr,
    /// PEM certificate chain: the service terminates TLS 1.3 itself.
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "SEALKEEP_TLS_CERT")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "SEALKEEP_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Serve plain HTTP on any address: a proxy in front terminates TLS.
    #[arg(long, conflicts_with = "tls_cert", env = "SEALKEEP_BEHIND_PROXY")]
    pub(crate) behind_proxy: bool,
    /// Address or network of a proxy in front, trusted to name callers; repeatable. Default: loopback.
    #[arg(long, value_name = "CIDR", requires = "behind_proxy", value_delimiter = ',',
          value_parser = proxies::network, env = "SEALKEEP_TRUSTED_PROXY")]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// Header in which the proxy names the caller [default: x-forwarded-for].
    #[arg(long, value_name = "NAME", requires = "behind_proxy", env = "SEALKEEP_CLIENT_IP_HEADER")]
    pub(crate) client_ip_header: Option<HeaderName>,
    /// The proxy names no callers: limits per network are off, and the proxy must limit requests.
    #[arg(long, requires = "behind_proxy", conflicts_with_all = ["client_ip_header", "trusted_proxy"],
          env = "SEALKEEP_ONE_NETWORK")]
    one_network: bool,
    /// Where /readyz and /metrics are served for the operator [default: 127.0.0.1:8789, if free].
    #[arg(long, value_name = "ADDR", env = "SEALKEEP_OPERATIONS_LISTEN")]
    pub(crate) operations_listen: Option<SocketAddr>,
    /// Requests per second and address.
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests_per_second,
          value_parser = clap::value_parser!(u32).range(1..), env = "SEALKEEP_REQUESTS_PER_SECOND")]
    pub(crate) requests_per_second: u32,
    /// Sign-up and sign-in requests per minute and address.
    #[arg(long, value_name = "N", default_value_t = Limits::default().auth_per_minute,
          value_parser = clap::value_parser!(u32).range(1..), env = "SEALKEEP_AUTH_PER_MINUTE")]
    pub(crate) auth_per_minute: u32,
    /// Accounts per 30 days and network.
    #[arg(long, value_name = "N", default_value_t = Limits::default().accounts_per_network,
          value_parser = clap::value_parser!(i32).range(1..), env = "SEALKEEP_ACCOUNTS_PER_NETWORK")]
    pub(crate) accounts_per_network: i32,
    /// Sign-ups started per hour and network.
    #[arg(long, value_name = "N", default_value_t = Limits::default().sign_ups_per_network,
          value_parser = clap::value_parser!(i32).range(1..), env = "SEALKEEP_SIGN_UPS_PER_NETWORK")]
    pub(crate) sign_ups_per_network: i32,
    /// Maximum bytes per vault.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().vault_quota,
          value_parser = clap::value_parser!(u64).range(1..=1 << 62), env = "SEALKEEP_VAULT_QUOTA")]
    pub(crate) vault_quota: u64,
    /// Seconds for which a presigned URL is valid.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().url_secs,
          value_parser = clap::value_parser!(u64).range(1..=URL_SECS), env = "SEALKEEP_URL_SECONDS")]
    pub(crate) url_seconds: u64,
    /// Maximum connections to the database.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=500),
          env = "SEALKEEP_DATABASE_CONNECTIONS")]
    pub(crate) database_connections: u32,
    /// Seconds for requests in progress at shutdown.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=600),
          env = "SEALKEEP_GRACE")]
    pub(crate) grace: u64,
}

impl Common {
    pub(crate) fn listen(&self, addr: SocketAddr) -> Listen {
        Listen { addr, tls: self.tls_cert.clone().zip(self.tls_key.clone()), behind_proxy: self.behind_proxy }
    }

    fn proxy_settings(&self) -> ProxySettings {
        ProxySettings {
            behind_proxy: self.behind_proxy,
            header: self.client_ip_header.clone(),
            trusted: self.trusted_proxy.clone(),
            one_network: self.one_network,
        }
    }

    pub(crate) fn callers(&self) -> Result<Callers, Failure> {
        Ok(self.proxy_settings().callers(self.listen)?)
    }

    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        let standard = Limits::default();
        Ok(Limits {
            requests_per_second: self.requests_per_second,
            burst: standard.burst.max(self.requests_per_second),
            auth_per_minute: self.auth_per_minute,
            url_secs: self.url_seconds,
            accounts_per_network: self.accounts_per_network,
            sign_ups_per_network: self.sign_ups_per_network,
            vault_quota: self.vault_quota,
            callers: self.callers()?,
            ..standard
        })
    }

    pub(crate) fn bounds(&self) -> Result<Bounds, Failure> {
        let bounds = Bounds { proxies: self.callers()?.proxies(), ..Bounds::default() };
        Ok(bounds.within(file_descriptors()))
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}

/// Raises the limit on file descriptors as far as the system allows, up to 65,536, and returns it. Each connection
/// needs one.
fn file_descriptors() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: maximum.map_or(Some(65_536), |most| Some(most.min(65_536))), maximum };
    if current < wanted.current && setrlimit(Resource::Nofile, wanted).is_ok() {
        return wanted.current;
    }
    current
}
