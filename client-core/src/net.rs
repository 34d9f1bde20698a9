//! HTTP to both peers, the service and the object store: what a client never does, and how a failed connection is
//! described.

use std::time::Duration;

use crate::{text, text::Text};
use reqwest::{Client, ClientBuilder, redirect, retry};
use url::{Host, Url};

/// A client for one peer whose address was admitted before. It follows no redirects and never retries: `patience`
/// decides that.
pub(crate) fn client(peer: &Url) -> ClientBuilder {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(Duration::from_secs(10));
    if is_loopback(peer.host().as_ref()) {
        builder = builder.no_proxy();
    }
    if peer.scheme() == "https" {
        builder.https_only(true)
    } else {
        // Never used, so not loaded: a machine may have no certificates at all.
        builder.tls_certs_only([])
    }
}

/// Whether it is this machine itself. Names are not resolved: only addresses and `localhost` count.
pub(crate) fn is_loopback<S: AsRef<str>>(host: Option<&Host<S>>) -> bool {
    match host {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.as_ref() == "localhost",
        None => false,
    }
}

/// Whether two addresses name the same scheme, host and port.
pub(crate) fn same_origin(one: &str, other: &str) -> bool {
    let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
    origin(one).is_some_and(|one| Some(one) == origin(other))
}

/// Describes the innermost cause: the outer ones repeat the URL, which grants access to the object store.
pub(crate) fn describe_network_error(error: &reqwest::Error) -> Text {
    if error.is_timeout() {
        return text!("it took too long");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::eq(cause, error as &dyn std::error::Error) {
        text!("the connection failed")
    } else {
        Text::verbatim(cause.to_string())
    }
}
