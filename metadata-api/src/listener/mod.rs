//! The accept loop of every port. Peers have proven nothing yet, so the number of connections, their idle time and
//! their memory are limited here, before any request is parsed.

mod activity;
mod connection;
mod slots;

use std::{
    future::Future,
    io,
    net::{IpAddr, TcpListener as StdListener},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use governor::Quota;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::slots::Slots;
use crate::{network::Network, proxies::Proxies, rate_limiter::Limiter};

/// Response extension: a device signed the request, or the presigned URL it used. Its connection keeps its slot when
/// there is no room.
#[derive(Debug, Clone, Copy)]
pub struct Proven;

/// Limits on connections.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Maximum concurrent connections.
    pub connections: usize,
    /// Maximum per network; the wider IPv6 prefixes get four and sixteen times as many.
    pub per_network: usize,
    /// Time limit for a request's headers, once they have begun.
    pub headers: Duration,
    /// Time limit for a TLS handshake.
    pub handshake: Duration,
    /// TLS handshakes per second and network, with a burst of ten times as many: each costs a signature.
    pub handshakes: NonZeroU32,
    /// Closes connections without a request, or whose request moves no byte, after this time.
    pub idle: Duration,
    /// Older connections accept no further requests; the current one is finished.
    pub lifetime: Duration,
    /// Peers that carry other callers' requests; exempt from the limit per network.
    pub proxies: Proxies,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 10_000,
            per_network: 64,
            headers: Duration::from_secs(15),
            handshake: Duration::from_secs(10),
            handshakes: NonZeroU32::MIN.saturating_add(19),
            idle: Duration::from_secs(75),
            lifetime: Duration::from_secs(600),
            proxies: Proxies::default(),
        }
    }
}

impl Bounds {
    /// Limits connections to what the process's file descriptors allow: each may need a second one, for a file or the
    /// database, and two ports share them.
    #[must_use]
    pub fn within(mut self, descriptors: Option<u64>) -> Self {
        if let Some(most) = descriptors.and_then(|n| usize::try_from(n).ok()) {
            self.connections = self.connections.min((most.saturating_sub(128) / 4).max(32));
        }
        self
    }
}

/// Counts TLS handshakes per network.
struct Handshakes {
    limiter: Limiter,
    proxies: Proxies,
    begun: u32,
}

impl Handshakes {
    /// Networks with a full allowance are dropped once every this many handshakes.
    const CLEAN_EVERY: u32 = 4096;

    fn new(bounds: &Bounds) -> Self {
        let quota = |times| {
            let a_second = bounds.handshakes.saturating_mul(NonZeroU32::MIN.saturating_add(times - 1));
            Quota::per_second(a_second)
                .allow_burst(a_second.saturating_mul(NonZeroU32::MIN.saturating_add(9)))
        };
        Self { limiter: Limiter::new(quota), proxies: bounds.proxies.clone(), begun: 0 }
    }

    fn may_begin(&mut self, peer: IpAddr) -> bool {
        self.begun = self.begun.wrapping_add(1);
        if self.begun.is_multiple_of(Self::CLEAN_EVERY) {
            self.limiter.forget();
        }
        self.proxies.trust(peer) || self.limiter.check(Network::of(peer)).is_none()
    }
}

/// Serves until `shutdown` is ready, then accepts no more connections and waits at most the returned time for requests
/// in progress.
///
/// # Errors
/// The socket is unusable.
pub async fn serve(
    listener: StdListener,
    tls: Option<Arc<ServerConfig>>,
    app: Router,
    bounds: Bounds,
    shutdown: impl Future<Output = Duration>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let slots = Slots::new(&bounds);
    let mut handshakes = tls.is_some().then(|| Handshakes::new(&bounds));
    let shared = Arc::new(connection::Shared {
        tls: tls.map(tokio_rustls::TlsAcceptor::from),
        app,
        bounds,
        closing: CancellationToken::new(),
        gone: CancellationToken::new(),
    });
    let tasks = TaskTracker::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let grace = loop {
        let accepted = tokio::select! {
            grace = &mut shutdown => break grace,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let may = handshakes.as_mut().is_none_or(|handshakes| handshakes.may_begin(peer.ip()));
                match may.then(|| slots.take(peer.ip())).flatten() {
                    Some(slot) => {
                        tasks.spawn(connection::run(stream, peer, slot, shared.clone()));
                    }
                    // Dropping it closes it; a response would cost more than the request.
                    None => metrics::counter!("connections_refused_total").increment(1),
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors or memory: connections that end free some.
                tracing::warn!(%error, "connections cannot be accepted; retrying");
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    };
    drop(listener);
    tracing::info!(connections = tasks.len(), "stopping");
    shared.closing.cancel();
    tasks.close();
    if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
        shared.gone.cancel();
        tasks.wait().await;
    }
    Ok(())
}

/// The peer left between its SYN and our accept.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::ConnectionRefused | E::ConnectionAborted | E::ConnectionReset)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn handshakes_are_counted_per_network() {
        let proxies = Proxies::new(vec!["198.51.100.0/24".parse().unwrap()]);
        let mut handshakes = Handshakes::new(&Bounds { proxies, ..Bounds::default() });
        let mut begun =
            |peer: &str, of: usize| (0..of).filter(|_| handshakes.may_begin(peer.parse().unwrap())).count();
        // A ten-second burst, and little more while this runs.
        assert!((200..300).contains(&begun("192.0.2.1", 2000)));
        assert_eq!(begun("192.0.2.2", 200), 200, "another network's share is its own");
        assert_eq!(begun("198.51.100.7", 2000), 2000, "a proxy is not one caller");
    }
}
