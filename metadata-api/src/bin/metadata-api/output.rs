//! What the command prints: sentences for the operator, one JSON line for the parent process.

use std::{
    fmt::Display,
    io::{self, Write},
    net::SocketAddr,
};

use metadata_api::config::Transport;

/// An error message for the operator, one sentence per line.
pub(crate) struct Failure(pub(crate) String);

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// The parent process can read the ports from it.
#[derive(serde::Serialize)]
pub(crate) struct Ready {
    ready: bool,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<String>,
}

/// Prints the JSON line on standard output.
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
    print_line(&serde_json::to_string(&line)?)
}

pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::from)
}
