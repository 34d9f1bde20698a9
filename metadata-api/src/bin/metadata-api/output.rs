//! What the command prints: sentences for the operator, one line for whoever started it.

use std::{
    fmt::Display,
    io::{self, Write},
    net::SocketAddr,
};

use metadata_api::config::Transport;

/// A sentence, ready for the operator.
pub(crate) struct Failure(pub(crate) String);

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Whoever started us may read the ports from it.
#[derive(serde::Serialize)]
pub(crate) struct Ready {
    ready: bool,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<String>,
}

/// One line of JSON on standard output.
pub(crate) fn ready(
    transport: &Transport,
    addr: SocketAddr,
    store: Option<SocketAddr>,
    operations: Option<SocketAddr>,
) -> Result<(), Failure> {
    let scheme = if matches!(transport, Transport::Tls { .. }) { "https" } else { "http" };
    let plain = |addr| format!("http://{addr}");
    let line = Ready {
        ready: true,
        service: format!("{scheme}://{addr}"),
        store: store.map(plain),
        operations: operations.map(plain),
    };
    say(&serde_json::to_string(&line)?)
}

pub(crate) fn say(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::from)
}
