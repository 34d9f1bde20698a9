//! Settings, from the environment or from files that it names. Whatever is missing, short, a default or used twice
//! is said in a sentence, and the service does not start.

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use api_types::{Region, opaque::Suite};
use axum::http::HeaderName;
use base64ct::{Base64UrlUnpadded, Encoding};
use ipnet::IpNet;
use opaque_ke::ServerSetup;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;
use zeroize::Zeroizing;

use crate::{middleware::client_ip::Callers, presign::Target, proxies::Proxies};

/// A 32-byte secret.
pub type Key = SecretBox<[u8; 32]>;

/// Fewer different byte values than this in a secret mean that a person or a placeholder made it. Of 32 random
/// bytes, fewer than 16 different ones are a matter of one in 10^12.
const MIN_DIFFERENT_BYTES: usize = 16;
const MIN_STORE_SECRET: usize = 16;

/// What the service itself must keep secret. `operations.md` says what losing each means.
pub struct Secrets {
    /// Serialised OPAQUE server setup.
    pub opaque_setup: SecretBox<Vec<u8>>,
    /// Seals second-factor seeds in the database.
    pub master_key: Key,
    /// Ed25519 seed that signs access tokens.
    pub token_key: Key,
    /// Keys the hashes of recovery codes and the successors of refresh tokens.
    pub refresh_pepper: Key,
}

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

/// Everything `serve` needs.
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// How requests arrive.
    pub transport: Transport,
    /// The api role's connection string.
    pub database_url: SecretString,
    /// Host, and port where it is not 443, as clients write it: every request's signature covers it.
    pub public_authority: String,
    /// The service's own secrets.
    pub secrets: Secrets,
    /// One bucket per region; at least one.
    pub regions: BTreeMap<Region, Target>,
}

/// One sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(String);

/// All of them.
#[derive(Debug, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
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

/// Where settings come from.
pub struct Source(BTreeMap<String, Zeroizing<String>>);

impl Source {
    /// The process's environment, `SEALKEEP_*` only.
    #[must_use]
    pub fn environment() -> Self {
        let all =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self::from_pairs(all)
    }

    /// Given pairs.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = pairs.into_iter().filter(|(k, _)| k.starts_with("SEALKEEP_"));
        Self(ours.map(|(k, v)| (k, Zeroizing::new(v))).collect())
    }

    /// `NAME`, or the content of the file that `NAME_FILE` names.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
        let file_name = format!("{name}_FILE");
        match (self.0.get(name), self.0.get(&file_name)) {
            (Some(_), Some(_)) => {
                Err(Problem(format!("{name} and {file_name} are both set; set one of them")))
            }
            (Some(value), None) if value.is_empty() => Ok(None),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(path)) => fs::read_to_string(path.as_str())
                .map(|text| Some(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())))
                .map_err(|e| Problem(format!("{file_name}: {} cannot be read: {e}", path.as_str()))),
            (None, None) => Ok(None),
        }
    }

    fn required(&self, name: &str, what: &str) -> Result<Zeroizing<String>, Problem> {
        self.get(name)?.ok_or_else(|| Problem(format!("{name} is missing: {what}")))
    }

    /// The api role's or the owner's connection string.
    ///
    /// # Errors
    /// A sentence.
    pub fn database_url(&self, name: &str) -> Result<SecretString, Problem> {
        let url = self.required(
            name,
            "a connection string such as postgres://sealkeep_api:…@db.example/sealkeep?sslmode=verify-full",
        )?;
        let options: PgConnectOptions =
            url.parse().map_err(|_| Problem(format!("{name} is no PostgreSQL connection string")))?;
        let local = options.get_socket().is_some() || is_loopback(options.get_host());
        if !local && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Err(Problem(format!(
                "{name} leads to {} without sslmode=verify-full: anybody on the way could read and change the database",
                options.get_host()
            )));
        }
        Ok(SecretString::from(url.as_str().to_owned()))
    }

    fn region(&self, region: Region) -> Result<Option<Target>, Vec<Problem>> {
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
            problems.push(Problem(format!(
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
                    problems.push(Problem(format!(
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
    /// Every problem there is, not only the first.
    pub fn config(&self, listen: &Listen) -> Result<Config, Problems> {
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
            problems.push(Problem(
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
            _ => Err(Problems(problems)),
        }
    }

    fn secrets(&self) -> Result<Secrets, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut seen: Vec<(&str, Zeroizing<Vec<u8>>)> = Vec::new();
        for (name, what) in SECRETS {
            let bytes = self.required(name, what).and_then(|text| decode_secret(name, &text));
            match bytes {
                Err(problem) => problems.push(problem),
                Ok(bytes) => {
                    if let Some((other, _)) = seen.iter().find(|(_, b)| shares(b, &bytes)) {
                        problems.push(Problem(format!(
                            "{name} is the same as {other}: each secret needs a value of its own"
                        )));
                    }
                    seen.push((name, bytes));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let take = |wanted: &str| seen.iter().find(|(name, _)| *name == wanted).map(|(_, bytes)| bytes);
        let key = |name: &str| -> Result<Key, Vec<Problem>> {
            let mut key = SecretBox::new(Box::new([0; 32]));
            match take(name) {
                Some(bytes) if bytes.len() == 32 => {
                    secrecy::ExposeSecretMut::expose_secret_mut(&mut key).copy_from_slice(bytes);
                    Ok(key)
                }
                _ => Err(vec![Problem(format!("{name} has to be 32 bytes"))]),
            }
        };
        Ok(Secrets {
            opaque_setup: SecretBox::new(Box::new(take(OPAQUE).map(|b| b.to_vec()).unwrap_or_default())),
            master_key: key(MASTER)?,
            token_key: key(TOKEN)?,
            refresh_pepper: key(PEPPER)?,
        })
    }
}

const OPAQUE: &str = "SEALKEEP_OPAQUE_SETUP";
const MASTER: &str = "SEALKEEP_MASTER_KEY";
const TOKEN: &str = "SEALKEEP_TOKEN_KEY";
const PEPPER: &str = "SEALKEEP_REFRESH_PEPPER";

const SECRETS: [(&str, &str); 4] = [
    (OPAQUE, "make one with `metadata-api generate-secrets`"),
    (MASTER, "32 random bytes; make them with `metadata-api generate-secrets`"),
    (TOKEN, "32 random bytes; make them with `metadata-api generate-secrets`"),
    (PEPPER, "32 random bytes; make them with `metadata-api generate-secrets`"),
];

fn decode_secret(name: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let bytes = Base64UrlUnpadded::decode_vec(text).map(Zeroizing::new).map_err(|_| {
        Problem(format!("{name} is not unpadded base64url; `metadata-api generate-secrets` makes one"))
    })?;
    if name == OPAQUE {
        ServerSetup::<Suite>::deserialize(&bytes).map_err(|_| {
            Problem(format!("{name} is no OPAQUE server setup; `metadata-api generate-secrets` makes one"))
        })?;
    } else if bytes.len() != 32 {
        return Err(Problem(format!("{name} is {} bytes long; it has to be 32 random bytes", bytes.len())));
    }
    let mut different = [false; 256];
    for byte in bytes.iter() {
        different[usize::from(*byte)] = true;
    }
    if different.iter().filter(|d| **d).count() < MIN_DIFFERENT_BYTES
        || bytes.iter().all(u8::is_ascii_graphic)
    {
        return Err(Problem(format!(
            "{name} looks like a default or a typed text, not like random bytes; `metadata-api generate-secrets` makes one"
        )));
    }
    Ok(bytes)
}

/// Equal, or one contained in the other.
fn shares(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.windows(short.len()).any(|window| window == short)
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

fn check_authority(text: &str) -> Result<(), Problem> {
    let url = Url::parse(&format!("https://{text}"));
    let ok = url.is_ok_and(|url| {
        url.path() == "/" && url.username().is_empty() && url.query().is_none() && url.fragment().is_none()
    }) && !text.contains(['/', '@', '?', '#'])
        && text == text.to_lowercase();
    if ok {
        Ok(())
    } else {
        Err(Problem("SEALKEEP_PUBLIC_AUTHORITY has to be a lower-case host with an optional port, such as api.example.com or 127.0.0.1:8787".into()))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A line per fresh secret, as an environment file. The caller prints or stores it.
#[must_use]
pub fn generate_secrets() -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    let setup =
        Zeroizing::new(ServerSetup::<Suite>::new(&mut opaque_ke::rand::rngs::OsRng).serialize().to_vec());
    let mut line = |name: &str, bytes: &[u8]| {
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes));
        for part in [name, "=", &text, "\n"] {
            out.push_str(part);
        }
    };
    line(OPAQUE, &setup);
    for name in [MASTER, TOKEN, PEPPER] {
        line(name, Zeroizing::new(rand::random::<[u8; 32]>()).as_slice());
    }
    out
}

/// For tests and for printing: whether a secret is there says nothing about it.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} + 3×32 bytes)", self.opaque_setup.expose_secret().len())
    }
}
