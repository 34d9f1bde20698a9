//! Settings, from the environment or from files named there. A setting that is missing, too short, a default or used
//! twice is reported in a sentence, and the service does not start.

mod environment;
mod limits;
mod listen;
mod secrets;

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use api_types::Region;
use secrecy::SecretString;

pub use self::{
    environment::Environment,
    limits::Limits,
    listen::{Listen, ProxySettings, Transport},
    secrets::{Key, Secrets, UnusableSecret, generate_secrets},
};
use crate::presign::Target;

/// Everything `serve` needs.
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// How requests arrive.
    pub transport: Transport,
    /// The api role's connection string.
    pub database_url: SecretString,
    /// Host, with the port unless it is 443, as clients write it; every request's signature covers it.
    pub public_authority: String,
    /// The service's own secrets.
    pub secrets: Secrets,
    /// One bucket per region; at least one region.
    pub regions: BTreeMap<Region, Target>,
}

/// A setting that is missing or wrong: one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}
