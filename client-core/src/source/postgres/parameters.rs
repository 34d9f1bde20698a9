//! All connection parameters of libpq, 13 to 18, and how each reaches a child process without appearing in an
//! argument.

/// How a value is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In this environment variable.
    Variable(&'static str),
    /// In a service file of our own: libpq has no variable for it.
    File,
    /// Not at all: it does not matter to us.
    Nothing,
}

/// One connection parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) way: Way,
    /// First major version whose libpq knows it.
    pub(super) since: u32,
}

const fn variable(name: &'static str, variable: &'static str, since: u32) -> Parameter {
    Parameter { name, way: Way::Variable(variable), since }
}

const fn file(name: &'static str, since: u32) -> Parameter {
    Parameter { name, way: Way::File, since }
}

const fn nothing(name: &'static str) -> Parameter {
    Parameter { name, way: Way::Nothing, since: 0 }
}

/// `service` and `servicefile` are resolved before anything is passed on. Every session gets our own application name,
/// so that an administrator can identify it; the last three mean nothing to any maintained libpq.
pub(super) const PARAMETERS: [Parameter; 53] = [
    variable("host", "PGHOST", 0),
    variable("hostaddr", "PGHOSTADDR", 0),
    variable("port", "PGPORT", 0),
    variable("user", "PGUSER", 0),
    variable("password", "PGPASSWORD", 0),
    variable("dbname", "PGDATABASE", 0),
    variable("passfile", "PGPASSFILE", 0),
    variable("service", "PGSERVICE", 0),
    variable("servicefile", "PGSERVICEFILE", 0),
    variable("options", "PGOPTIONS", 0),
    variable("client_encoding", "PGCLIENTENCODING", 0),
    variable("connect_timeout", "PGCONNECT_TIMEOUT", 0),
    variable("target_session_attrs", "PGTARGETSESSIONATTRS", 0),
    variable("load_balance_hosts", "PGLOADBALANCEHOSTS", 16),
    variable("channel_binding", "PGCHANNELBINDING", 13),
    variable("require_auth", "PGREQUIREAUTH", 16),
    variable("requirepeer", "PGREQUIREPEER", 0),
    variable("sslmode", "PGSSLMODE", 0),
    variable("sslnegotiation", "PGSSLNEGOTIATION", 17),
    variable("sslcompression", "PGSSLCOMPRESSION", 0),
    variable("sslcert", "PGSSLCERT", 0),
    variable("sslkey", "PGSSLKEY", 0),
    variable("sslcertmode", "PGSSLCERTMODE", 16),
    variable("sslrootcert", "PGSSLROOTCERT", 0),
    variable("sslcrl", "PGSSLCRL", 0),
    variable("sslcrldir", "PGSSLCRLDIR", 14),
    variable("sslsni", "PGSSLSNI", 14),
    variable("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", 13),
    variable("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", 13),
    variable("min_protocol_version", "PGMINPROTOCOLVERSION", 18),
    variable("max_protocol_version", "PGMAXPROTOCOLVERSION", 18),
    variable("gssencmode", "PGGSSENCMODE", 12),
    variable("krbsrvname", "PGKRBSRVNAME", 0),
    variable("gsslib", "PGGSSLIB", 0),
    variable("gssdelegation", "PGGSSDELEGATION", 17),
    file("keepalives", 0),
    file("keepalives_idle", 0),
    file("keepalives_interval", 0),
    file("keepalives_count", 0),
    file("tcp_user_timeout", 12),
    file("sslpassword", 13),
    file("sslkeylogfile", 18),
    file("scram_client_key", 18),
    file("scram_server_key", 18),
    file("oauth_issuer", 18),
    file("oauth_client_id", 18),
    file("oauth_client_secret", 18),
    file("oauth_scope", 18),
    nothing("application_name"),
    nothing("fallback_application_name"),
    nothing("requiressl"),
    nothing("authtype"),
    nothing("tty"),
];

/// Parameters with secret values.
pub(super) const SECRET: [&str; 5] =
    ["password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"];

pub(super) fn find(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|known| known.name == name)
}
