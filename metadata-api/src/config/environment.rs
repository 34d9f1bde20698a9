//! Reads settings from the environment, and from the files named there.

use std::{collections::BTreeMap, fs, net::IpAddr};

use api_types::Region;
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;
use zeroize::Zeroizing;

use super::{Config, ConfigError, ConfigErrors, Listen};
use crate::presign::Target;

const MIN_STORE_SECRET: usize = 16;

/// The variables that settings come from.
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

impl Environment {
    /// From the process's environment, `SEALKEEP_*` only.
    #[must_use]
    pub fn of_process() -> Self {
        let all =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self::from_pairs(all)
    }

    /// From the given pairs.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = pairs.into_iter().filter(|(k, _)| k.starts_with("SEALKEEP_"));
        Self(ours.map(|(k, v)| (k, Zeroizing::new(v))).collect())
    }

    /// The value of `NAME`, or the content of the file named by `NAME_FILE`.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.0.get(name), self.0.get(&file_name)) {
            (Some(_), Some(_)) => {
                Err(ConfigError(format!("{name} and {file_name} are both set; set one of them")))
            }
            (Some(value), None) if value.is_empty() => Ok(None),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(path)) => fs::read_to_string(path.as_str())
                .map(|text| Some(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())))
                .map_err(|e| ConfigError(format!("{file_name}: {} cannot be read: {e}", path.as_str()))),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn required(&self, name: &str, what: &str) -> Result<Zeroizing<String>, ConfigError> {
        self.get(name)?.ok_or_else(|| ConfigError(format!("{name} is missing: {what}")))
    }

    /// The connection string of the api role or of the owner.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn database_url(&self, name: &str) -> Result<SecretString, ConfigError> {
        let url = self.required(
            name,
            "a connection string such as postgres://sealkeep_api:…@db.example/sealkeep?sslmode=verify-full",
        )?;
        let options: PgConnectOptions =
            url.parse().map_err(|_| ConfigError(format!("{name} is no PostgreSQL connection string")))?;
        let local = options.get_socket().is_some() || is_loopback(options.get_host());
        if !local && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Err(ConfigError(format!(
                "{name} leads to {} without sslmode=verify-full: anybody on the way could read and change the database",
                options.get_host()
            )));
        }
        Ok(SecretString::from(url.as_str().to_owned()))
    }

    fn region(&self, region: Region) -> Result<Option<Target>, Vec<ConfigError>> {
        let prefix = format!("SEALKEEP_REGION_{}_", region.as_str().to_uppercase());
        if !self.0.keys().any(|name| name.starts_with(&prefix)) {
            return Ok(None);
        }
        let mut problems = Vec::new();
        let mut need = |setting: &str, what: &str| {
            self.required(&format!("{prefix}{setting}"), what).unwrap_or_else(|problem| {
                problems.push(problem);
                Zeroizing::default()
            })
        };
        let endpoint = need("ENDPOINT", "the store's URL, such as https://s3.eu-central-1.amazonaws.com");
        let bucket = need("BUCKET", "the bucket's name");
        let access_key = need("ACCESS_KEY", "the store's access key id");
        let secret_key = need("SECRET_KEY", "the secret of the access key");
        let s3_region = need("S3_REGION", "what the store calls its region, such as eu-central-1");

        if !secret_key.is_empty() && weak_store_secret(&secret_key) {
            problems.push(ConfigError(format!(
                "{prefix}SECRET_KEY is shorter than {MIN_STORE_SECRET} characters or a well-known default"
            )));
        }
        let url = endpoint.parse::<Url>().ok().filter(|url| match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(is_loopback),
            _ => false,
        });
        match url {
            Some(endpoint) if problems.is_empty() => Ok(Some(Target {
                endpoint,
                bucket: bucket.to_string(),
                s3_region: s3_region.to_string(),
                access_key: access_key.to_string(),
                secret_key: SecretString::from(secret_key.as_str().to_owned()),
            })),
            Some(_) => Err(problems),
            None => {
                if !endpoint.is_empty() {
                    problems.push(ConfigError(format!(
                        "{prefix}ENDPOINT has to be an https URL (http on this machine only)"
                    )));
                }
                Err(problems)
            }
        }
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// All problems, not only the first.
    pub fn config(&self, listen: &Listen) -> Result<Config, ConfigErrors> {
        let mut problems = Vec::new();
        let transport = listen.transport().map_err(|p| problems.push(p)).ok();
        let database_url = self.database_url("SEALKEEP_DATABASE_URL").map_err(|p| problems.push(p)).ok();
        let authority = self
            .required(
                "SEALKEEP_PUBLIC_AUTHORITY",
                "host (and port) that clients use, such as api.example.com",
            )
            .and_then(|text| check_authority(&text).map(|()| text.to_string()))
            .map_err(|p| problems.push(p))
            .ok();
        let secrets = self.secrets().map_err(|mut p| problems.append(&mut p)).ok();
        let mut regions = BTreeMap::new();
        for region in Region::ALL {
            match self.region(region) {
                Ok(Some(target)) => {
                    regions.insert(region, target);
                }
                Ok(None) => {}
                Err(mut found) => problems.append(&mut found),
            }
        }
        if regions.is_empty() && problems.is_empty() {
            problems.push(ConfigError(
                "no region is configured: set SEALKEEP_REGION_EU_ENDPOINT, _BUCKET, _ACCESS_KEY, _SECRET_KEY and _S3_REGION (or US, or CA)".into(),
            ));
        }
        match (transport, database_url, authority, secrets) {
            (Some(transport), Some(database_url), Some(public_authority), Some(secrets))
                if problems.is_empty() =>
            {
                Ok(Config {
                    listen: listen.addr,
                    transport,
                    database_url,
                    public_authority,
                    secrets,
                    regions,
                })
            }
            _ => Err(ConfigErrors(problems)),
        }
    }
}

fn weak_store_secret(secret: &str) -> bool {
    const KNOWN: [&str; 6] = [
        "minioadmin",
        "changeme",
        "password",
        "secretkey",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    ];
    let first = secret.chars().next();
    secret.len() < MIN_STORE_SECRET || KNOWN.contains(&secret) || secret.chars().all(|c| Some(c) == first)
}

fn check_authority(text: &str) -> Result<(), ConfigError> {
    let url = Url::parse(&format!("https://{text}"));
    let ok = url.is_ok_and(|url| {
        url.path() == "/" && url.username().is_empty() && url.query().is_none() && url.fragment().is_none()
    }) && !text.contains(['/', '@', '?', '#'])
        && text == text.to_lowercase();
    if ok {
        Ok(())
    } else {
        Err(ConfigError("SEALKEEP_PUBLIC_AUTHORITY has to be a lower-case host with an optional port, such as api.example.com or 127.0.0.1:8787".into()))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
