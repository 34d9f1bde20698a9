//! The location of a PostgreSQL database, and the environment that leads a program to it. Secrets never appear in
//! arguments, which every user of a machine can see.

use std::{
    env,
    ffi::OsString,
    fmt,
    io::Write,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use secrecy::SecretString;
use tempfile::NamedTempFile;

use super::{
    conninfo::{self, Value, usage},
    parameters::{self, PARAMETERS, SECRET, Way},
    service::{self, Service},
    tools::Tool,
};
use crate::{
    source::{SourceError, process, readable::readable},
    text,
};

/// Connection timeout in seconds, unless URL or environment set one.
const CONNECT_TIMEOUT: &str = "15";
/// A server that vanishes silently is noticed after 30 + 6 × 10 seconds.
const KEEPALIVES: [(&str, &str); 3] =
    [("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "6")];
/// What a program needs besides its own parameters.
const PASSED_ON: [&str; 7] =
    ["PATH", "HOME", "KRB5CCNAME", "KRB5_CONFIG", "KRB5_CLIENT_KTNAME", "SSL_CERT_FILE", "SSL_CERT_DIR"];
/// The host if nobody names one.
const LOCAL: &str = "local socket";
const DEFAULT_PORT: &str = "5432";
/// The only service in our own service file.
const SERVICE: &str = "sealkeep";

/// Location and credentials of a PostgreSQL database. `Debug` prints no password.
#[derive(Clone)]
pub struct PgUrl {
    /// Values by parameter.
    given: Vec<(&'static str, Arc<Value>)>,
    /// Our own service file, once it was needed. Deleted with the last clone.
    file: Arc<OnceLock<Option<NamedTempFile>>>,
    host: String,
    port: String,
    user: Option<String>,
    database: String,
}

impl PgUrl {
    /// Parses `postgres://user:password@host:port/database?parameter=value` or `host=… dbname=…`, as libpq does.
    /// Missing values come from a service file, from libpq's own variables (`PGHOST`, `PGPASSWORD`, …) and
    /// `~/.pgpass`.
    ///
    /// # Errors
    /// [`SourceError::Usage`]; the message never repeats the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        Self::parse_with(text, &|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Whether this text names a database rather than a file.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        conninfo::is_connection(text)
    }

    fn parse_with(text: &str, ambient: &dyn Fn(&str) -> Option<String>) -> Result<Self, SourceError> {
        let mut url = Self {
            given: Vec::new(),
            file: Arc::default(),
            host: String::new(),
            port: String::new(),
            user: None,
            database: String::new(),
        };
        for (name, value) in conninfo::parse(text)? {
            let known = parameters::find(&name).ok_or_else(|| {
                usage(text!("libpq does not know the connection parameter `{name}`; leave it out", name))
            })?;
            match known.way {
                // An obsolete spelling; ignoring it would turn encryption off.
                Way::Nothing if name == "requiressl" && value.as_slice() == b"1" => {
                    url.give("sslmode", Value::new(b"require".to_vec()));
                }
                Way::Nothing => {}
                Way::Variable(_) | Way::File => url.give(known.name, value),
            }
        }
        url.resolve_service(ambient)?;
        for (name, value) in &url.given {
            let odd = |byte: &u8| matches!(byte, b'\n' | b'\r');
            let trimmed = value.trim_ascii().len() != value.len();
            if parameters::find(name).is_some_and(|p| p.way == Way::File)
                && (trimmed || value.iter().any(odd))
            {
                return Err(usage(text!(
                    "the value of `{name}` begins or ends with a space or has a line break, and cannot be handed on",
                    name
                )));
            }
        }
        url.resolve(ambient);
        Ok(url)
    }

    fn give(&mut self, name: &'static str, value: Value) {
        if !value.is_empty() {
            self.given.retain(|(known, _)| *known != name);
            self.given.push((name, Arc::new(value)));
        }
    }

    /// A service's values rank below the URL's and above the environment's. libpq would let them override the
    /// variables that carry the URL's values, so they are merged here.
    fn resolve_service(&mut self, ambient: &dyn Fn(&str) -> Option<String>) -> Result<(), SourceError> {
        let Some(name) = self.text("service").or_else(|| ambient("PGSERVICE")) else { return Ok(()) };
        let file = self.value("servicefile").map(|file| PathBuf::from(OsString::from_vec(file.to_vec())));
        match service::find(&name, file, ambient)? {
            Service::Known(pairs) => {
                self.given.retain(|(known, _)| !matches!(*known, "service" | "servicefile"));
                for (name, value) in pairs {
                    if let Some(known) = parameters::find(&name).filter(|known| known.way != Way::Nothing)
                        && self.value(known.name).is_none()
                    {
                        self.give(known.name, value);
                    }
                }
                // It is resolved now, even if it came from the environment.
                self.given.push(("service", Arc::default()));
            }
            Service::Elsewhere => self.give("service", Value::new(name.into_bytes())),
        }
        Ok(())
    }

    /// The values that libpq will use, as far as they can be determined without it.
    fn resolve(&mut self, ambient: &dyn Fn(&str) -> Option<String>) {
        let find = |name: &str, variable: &str| self.text(name).or_else(|| ambient(variable));
        let host =
            find("host", "PGHOST").or_else(|| find("hostaddr", "PGHOSTADDR")).unwrap_or_else(|| LOCAL.into());
        let port = find("port", "PGPORT").unwrap_or_else(|| DEFAULT_PORT.into());
        let user = find("user", "PGUSER");
        let database = find("dbname", "PGDATABASE")
            // If only libpq can resolve the service, its name is the best guess.
            .or_else(|| self.text("service").filter(|name| !name.is_empty()))
            .or_else(|| user.clone())
            .or_else(|| ambient("USER"))
            .unwrap_or_else(|| "postgres".into());
        (self.host, self.port, self.user, self.database) = (host, port, user, database);
    }

    fn value(&self, name: &str) -> Option<&Arc<Value>> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| readable(value))
    }

    /// The database's name. Bytes that are not UTF-8 appear as `\xNN`.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether SQL can name the database: a name that is not UTF-8 works only in a connection.
    pub(super) fn is_named_in_text(&self) -> bool {
        self.value("dbname").is_none_or(|name| std::str::from_utf8(name).is_ok())
    }

    /// The host's name or address, or the directory of its socket.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host:port/database`, for display. Only the servers can tell whether two places are one database.
    #[must_use]
    pub fn place(&self) -> String {
        let mut ports = self.port.split(',').cycle();
        let hosts = self.host.split(',').map(|host| format!("{host}:{}", ports.next().unwrap_or_default()));
        format!("{}/{}", hosts.collect::<Vec<_>>().join(","), self.database)
    }

    /// Whether the connection stays on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.starts_with(['/', '@'])
            || matches!(self.host.as_str(), LOCAL | "localhost" | "::1")
            || self.host.starts_with("127.")
    }

    /// The same server, another database.
    pub(super) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.give("dbname", Value::new(name.as_bytes().to_vec()));
        other.database = name.to_owned();
        other
    }

    /// Adds to the user's `PGOPTIONS`. Of two values for one setting the last counts.
    pub(super) fn with_options(&self, more: &str) -> Self {
        let mut other = self.clone();
        let own = self.text("options").or_else(|| env::var("PGOPTIONS").ok()).unwrap_or_default();
        other.give("options", Value::new(format!("{own} {more}").trim().as_bytes().to_vec()));
        other
    }

    /// What must never be printed.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let given = SECRET.iter().filter_map(|name| self.text(name));
        given.chain(env::var("PGPASSWORD").ok()).map(SecretString::from).collect()
    }

    /// Refuses parameters that the installed libpq is too old for: it would ignore an unknown variable, even one that
    /// asks for more security.
    pub(super) fn suits(&self, tool: &Tool) -> Result<(), SourceError> {
        let too_new = |name: &str| parameters::find(name).filter(|known| known.since > tool.major);
        match self.given.iter().find_map(|(name, _)| too_new(name)) {
            Some(known) => Err(usage(text!(
                "the connection parameter `{name}` came with PostgreSQL {since}; the installed client tools have version {version}",
                name = known.name,
                since = known.since,
                version = tool.version
            ))),
            None => Ok(()),
        }
    }

    /// A program with a minimal environment that leads to this database, and that ends with us.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = process::guarded(program);
        command.env_clear();
        let ambient = PARAMETERS.iter().filter_map(|known| match known.way {
            Way::Variable(variable) if self.inherits(known.name) => Some(variable),
            _ => None,
        });
        for name in PASSED_ON.into_iter().chain(ambient).chain(["PGSYSCONFDIR"]) {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        if env::var_os("PGCONNECT_TIMEOUT").is_none() {
            command.env("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT);
        }
        // We parse libpq's messages, so they must be in one language. A server uses its own.
        command.env("LC_ALL", "C").env("PGAPPNAME", "sealkeep");
        if self.value("service").is_none_or(|name| name.is_empty()) {
            command.env("PGDATABASE", &self.database);
            if let Some(file) = self.service_file() {
                command.env("PGSERVICEFILE", file).env("PGSERVICE", SERVICE);
            }
        }
        for (name, value) in self.given.iter().filter(|(_, value)| !value.is_empty()) {
            if let Some(Way::Variable(variable)) = parameters::find(name).map(|known| known.way) {
                command.env(variable, OsString::from_vec(value.to_vec()));
            }
        }
        command
    }

    /// Whether a variable of ours would override what the URL says.
    fn inherits(&self, name: &str) -> bool {
        match name {
            "hostaddr" => self.value("host").is_none(),
            // Already resolved.
            "service" | "servicefile" => self.value("service").is_some_and(|name| !name.is_empty()),
            _ => self.value(name).is_none(),
        }
    }

    /// Writes parameters that have no variable to a file that only we can read.
    fn service_file(&self) -> Option<PathBuf> {
        let file = self.file.get_or_init(|| {
            self.write_service_file()
                .inspect_err(|error| tracing::warn!(%error, "connection parameters could not be passed on"))
                .ok()
        });
        // If it could not be written, a nonexistent name makes libpq fail instead of ignoring the parameters.
        Some(
            file.as_ref()
                .map_or_else(|| PathBuf::from("/nonexistent/sealkeep"), |file| file.path().to_owned()),
        )
    }

    fn write_service_file(&self) -> std::io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix("sealkeep-service-").tempfile()?;
        writeln!(file, "[{SERVICE}]")?;
        for (name, value) in KEEPALIVES.iter().filter(|(name, _)| self.value(name).is_none()) {
            writeln!(file, "{name}={value}")?;
        }
        for (name, value) in &self.given {
            if parameters::find(name).is_some_and(|known| known.way == Way::File) {
                file.write_all(format!("{name}=").as_bytes())?;
                file.write_all(value)?;
                file.write_all(b"\n")?;
            }
        }
        file.flush()?;
        Ok(file)
    }
}

/// A URL that leads to the same database, for somebody who may type it, and without a password.
impl fmt::Display for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &[u8]| conninfo::in_url(value).to_string();
        // What is not valid text is shown otherwise than it is written.
        let given = |name: &str, shown: &str| {
            self.value(name).map_or_else(|| text(shown.as_bytes()), |value| text(value.as_slice()))
        };
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{}@", given("user", user))?;
        }
        let mut ports = self.port.split(',').cycle();
        for (number, host) in self.host.split(',').enumerate() {
            f.write_str(if number > 0 { "," } else { "" })?;
            let port = ports.next().unwrap_or_default();
            match host {
                LOCAL if port == DEFAULT_PORT => {}
                LOCAL => write!(f, ":{port}")?,
                _ if host.contains(':') && !host.starts_with(['/', '@']) => {
                    write!(f, "[{}]:{port}", text(host.as_bytes()).replace("%3A", ":"))?;
                }
                _ => write!(f, "{}:{port}", text(host.as_bytes()))?,
            }
        }
        write!(f, "/{}", given("dbname", &self.database))
    }
}

impl fmt::Debug for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PgUrl({self})")
    }
}

#[cfg(test)]
mod tests;
