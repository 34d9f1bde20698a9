//! A PostgreSQL URL and the environment that it becomes. Nothing secret ever stands in an argument:
//! arguments are visible to every user of a machine.

use std::{env, ffi::OsString, fmt, path::Path, process::Command};

use secrecy::{ExposeSecret, SecretString};

use crate::source::SourceError;

/// Parameters of a URL and the variables that carry them to libpq.
const PARAMETERS: [(&str, &str); 26] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("passfile", "PGPASSFILE"),
    ("service", "PGSERVICE"),
    ("options", "PGOPTIONS"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslsni", "PGSSLSNI"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("gssencmode", "PGGSSENCMODE"),
    ("krbsrvname", "PGKRBSRVNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];
/// Seconds to connect, unless URL or environment say otherwise.
const CONNECT_TIMEOUT: &str = "15";
/// What a program needs besides its own parameters.
const PASSED_ON: [&str; 5] = ["PATH", "HOME", "LANG", "KRB5CCNAME", "KRB5_CONFIG"];

/// Where a PostgreSQL database is and how to get in. Prints without its password.
#[derive(Clone)]
pub struct PgUrl {
    /// Values of the URL by variable.
    given: Vec<(&'static str, SecretString)>,
    host: String,
    port: String,
    user: Option<String>,
    database: String,
}

impl PgUrl {
    /// Reads `postgres://user:password@host:port/database?parameter=value`, as libpq does. What the URL
    /// leaves out comes from libpq's own variables (`PGHOST`, `PGPASSWORD`, …) and `~/.pgpass`.
    ///
    /// # Errors
    /// [`SourceError::Usage`]; the message never repeats the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, SourceError> {
        Self::parse_with(url, &|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn parse_with(url: &str, ambient: &dyn Fn(&str) -> Option<String>) -> Result<Self, SourceError> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| usage("a database is named as postgres://user@host:port/database"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let (host, port) = split_hosts(hosts)?;

        let mut url = Self {
            given: Vec::new(),
            host: String::new(),
            port: String::new(),
            user: None,
            database: String::new(),
        };
        for (variable, value) in [
            ("PGHOST", decode(&host)?),
            ("PGPORT", decode(&port)?),
            ("PGUSER", decode(user)?),
            ("PGPASSWORD", decode(password)?),
            ("PGDATABASE", decode(database)?),
        ] {
            url.give(variable, value);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| usage("a URL parameter has no value"))?;
            let (name, value) = (decode(name)?, decode(value)?);
            match PARAMETERS.iter().find(|(known, _)| *known == name) {
                Some((_, variable)) => url.give(variable, value),
                // Our own name is given to every session, so that an administrator knows whose it is.
                None if name == "application_name" || name == "fallback_application_name" => {}
                None if name == "ssl" && value == "true" => url.give("PGSSLMODE", "require".into()),
                None => {
                    return Err(usage(&format!("the URL parameter `{name}` is not supported")));
                }
            }
        }
        url.resolve(ambient);
        Ok(url)
    }

    fn give(&mut self, variable: &'static str, value: String) {
        if !value.is_empty() {
            self.given.retain(|(known, _)| *known != variable);
            self.given.push((variable, value.into()));
        }
    }

    /// What libpq will use, as far as it can be told without it.
    fn resolve(&mut self, ambient: &dyn Fn(&str) -> Option<String>) {
        let find =
            |name: &str| self.value(name).map(|v| v.expose_secret().to_owned()).or_else(|| ambient(name));
        let host = find("PGHOST").or_else(|| find("PGHOSTADDR")).unwrap_or_else(|| "local socket".into());
        let port = find("PGPORT").unwrap_or_else(|| "5432".into());
        let user = find("PGUSER");
        let database = find("PGDATABASE")
            .or_else(|| user.clone())
            .or_else(|| ambient("USER"))
            .unwrap_or_else(|| "postgres".into());
        (self.host, self.port, self.user, self.database) = (host, port, user, database);
    }

    fn value(&self, variable: &str) -> Option<&SecretString> {
        self.given.iter().find(|(known, _)| *known == variable).map(|(_, value)| value)
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The host's name or address, or the directory of its socket.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host:port/database`: for people, and to tell one database from another.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}/{}", self.host, self.port, self.database)
    }

    /// Whether the connection stays on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.starts_with('/')
            || matches!(self.host.as_str(), "local socket" | "localhost" | "::1")
            || self.host.starts_with("127.")
    }

    /// The same server, another database.
    pub(super) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.give("PGDATABASE", name.to_owned());
        other.database = name.to_owned();
        other
    }

    /// What must not appear in anything that is printed.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let ambient = env::var("PGPASSWORD").ok().map(SecretString::from);
        self.value("PGPASSWORD").cloned().into_iter().chain(ambient).collect()
    }

    /// A program with a minimal environment that leads to this database.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        let ambient =
            PARAMETERS.iter().map(|(_, variable)| *variable).chain(["PGSERVICEFILE", "PGSYSCONFDIR"]);
        for name in PASSED_ON.into_iter().chain(ambient.filter(|name| self.inherits(name))) {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        if env::var_os("PGCONNECT_TIMEOUT").is_none() {
            command.env("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT);
        }
        // Messages are read here, so they must be in one language.
        command.env("LC_MESSAGES", "C").env("PGAPPNAME", "sealkeep").env("PGDATABASE", &self.database);
        for (variable, value) in &self.given {
            command.env(variable, OsString::from(value.expose_secret()));
        }
        command
    }

    /// A variable of ours would lead elsewhere than the URL says.
    fn inherits(&self, variable: &str) -> bool {
        match variable {
            "PGHOSTADDR" => self.value("PGHOST").is_none(),
            // A service outranks every other variable.
            "PGSERVICE" => self.given.is_empty(),
            _ => true,
        }
    }
}

impl fmt::Display for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.place())
    }
}

impl fmt::Debug for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PgUrl({self})")
    }
}

fn usage(text: &str) -> SourceError {
    SourceError::Usage(text.to_owned())
}

/// `a:1,[::1]:2` → hosts `a,::1`, ports `1,2`, as libpq wants lists.
fn split_hosts(hosts: &str) -> Result<(String, String), SourceError> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let (name, after) =
                    rest.split_once(']').ok_or_else(|| usage("an IPv6 address lacks its `]`"))?;
                (name, after.strip_prefix(':').unwrap_or(after))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        if !port.is_empty() && port.parse::<u16>().map_or(true, |port| port == 0) {
            return Err(usage("the port is not a number from 1 to 65535"));
        }
        names.push(name);
        ports.push(port);
    }
    let join = |list: Vec<&str>| {
        if list.iter().all(|item| item.is_empty()) { String::new() } else { list.join(",") }
    };
    Ok((join(names), join(ports)))
}

fn decode(text: &str) -> Result<String, SourceError> {
    let bad = || usage("the URL has a wrong percent-encoding; write a % in a password as %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().ok_or_else(bad)?, rest.next().ok_or_else(bad)?];
            let mut value = [0];
            hex::decode_to_slice(digits, &mut value).map_err(|_| bad())?;
            bytes.extend(value);
        } else {
            bytes.push(byte);
        }
    }
    if bytes.contains(&0) {
        return Err(bad());
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<PgUrl, SourceError> {
        PgUrl::parse_with(url, &|_| None)
    }

    fn value(url: &PgUrl, name: &str) -> Option<String> {
        url.value(name).map(|v| v.expose_secret().to_owned())
    }

    #[test]
    fn a_url_becomes_variables() {
        let url = parse("postgresql://al%40ice:p%2Fw%25@db.example:6000/shop%20one?sslmode=verify-full&options=-c%20a%3Db").unwrap();
        for (name, expected) in [
            ("PGUSER", "al@ice"),
            ("PGPASSWORD", "p/w%"),
            ("PGHOST", "db.example"),
            ("PGPORT", "6000"),
            ("PGDATABASE", "shop one"),
            ("PGSSLMODE", "verify-full"),
            ("PGOPTIONS", "-c a=b"),
        ] {
            assert_eq!(value(&url, name).as_deref(), Some(expected));
        }
        assert_eq!(url.place(), "db.example:6000/shop one");
        assert!(!format!("{url} {url:?}").contains("p/w"));
    }

    #[test]
    fn hosts_sockets_and_what_is_left_out() {
        let url = parse("postgres://a:1,[::1]:2/x").unwrap();
        assert_eq!(
            (value(&url, "PGHOST").unwrap(), value(&url, "PGPORT").unwrap()),
            ("a,::1".into(), "1,2".into())
        );
        let url = parse("postgres://%2Fvar%2Frun/x").unwrap();
        assert!(url.is_local() && value(&url, "PGHOST").unwrap() == "/var/run");
        let url = parse("postgres://bob@/?host=/tmp&port=7").unwrap();
        assert_eq!(url.place(), "/tmp:7/bob");
        let url =
            PgUrl::parse_with("postgres:///", &|name| (name == "PGDATABASE").then(|| "env".into())).unwrap();
        assert_eq!((url.database(), url.host()), ("env", "local socket"));
        assert_eq!(parse("postgres://u:p@ss@h/d").unwrap().host(), "h");
    }

    #[test]
    fn wrong_urls_are_refused_without_repeating_them() {
        for bad in [
            "mysql://secret@x/y",
            "secret",
            "postgres://u:secret@h:0/d",
            "postgres://u:secret@h:99999/d",
            "postgres://u:secret%@h/d",
            "postgres://u:secret%zz@h/d",
            "postgres://u:secret%00@h/d",
            "postgres://u:secret@[::1/d",
            "postgres://u:secret@h/d?sslpassword=x",
            "postgres://u:secret@h/d?sslmode",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(
                matches!(error, SourceError::Usage(_)) && !error.to_string().contains("secret"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn nothing_secret_is_an_argument_and_little_is_inherited() {
        let command = parse("postgres://u:marker@h/d").unwrap().command(Path::new("pg_dump"));
        assert_eq!(command.get_args().count(), 0);
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        assert!(
            names
                .iter()
                .all(|n| n.starts_with("PG") || n == "LC_MESSAGES" || PASSED_ON.contains(&n.as_str())),
            "{names:?}"
        );
    }
}
