//! One connection, from accept to close.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{
    Bounds, Proven,
    activity::{Activity, ResponseBody, Verdict, Watched},
    slots::Slot,
};

/// Maximum bytes hyper buffers of an unparsed request; also the longest header block.
const BUFFER: usize = 16 * 1024;
/// Maximum concurrent requests on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// Body bytes that an HTTP/2 peer may send before they are read, per request and per connection.
const WINDOWS: (u32, u32) = (64 * 1024, 256 * 1024);
const PING_AFTER: Duration = Duration::from_secs(20);
const PING_PATIENCE: Duration = Duration::from_secs(10);

/// Shared by all connections of a port.
pub(super) struct Shared {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) app: Router,
    pub(super) bounds: Bounds,
    /// Accept no further requests.
    pub(super) closing: CancellationToken,
    /// Stop waiting.
    pub(super) gone: CancellationToken,
}

pub(super) async fn run(stream: TcpStream, peer: SocketAddr, slot: Slot, shared: Arc<Shared>) {
    // Without this a small response may wait 40 ms for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let (activity, slot) = (Activity::new(), Arc::new(slot));
    let stream = Watched { stream, activity: activity.clone() };
    match &shared.tls {
        None => http(stream, peer, &slot, &activity, &shared).await,
        Some(tls) => {
            let handshake = timeout(shared.bounds.handshake, tls.accept(stream));
            let shaken = tokio::select! {
                shaken = handshake => shaken,
                () = shared.closing.cancelled() => return,
                () = slot.lost() => return,
            };
            if let Ok(Ok(stream)) = shaken {
                http(stream, peer, &slot, &activity, &shared).await;
            }
        }
    }
}

async fn http<S>(stream: S, peer: SocketAddr, slot: &Arc<Slot>, activity: &Arc<Activity>, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let bounds = &shared.bounds;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(bounds.headers).max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(BUFFER).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(WINDOWS.1 as usize)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_PATIENCE);
    let service = service_fn(|mut request: Request<Incoming>| {
        let under_way = activity.begin();
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut app = shared.app.clone();
        let slot = Arc::clone(slot);
        async move {
            let response: Response<Body> = match app.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.extensions().get::<Proven>().is_some() {
                slot.prove();
            }
            Ok::<_, Infallible>(response.map(|body| ResponseBody::new(body, under_way)))
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let step =
        (bounds.idle.min(bounds.lifetime) / 8).clamp(Duration::from_millis(20), Duration::from_secs(5));
    let mut ticks = interval(step);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut finishing = false;
    loop {
        let finish = tokio::select! {
            // Errors here are broken requests and broken connections, which are the peer's concern.
            _ = connection.as_mut() => return,
            () = shared.gone.cancelled() => return,
            () = slot.lost() => return,
            () = shared.closing.cancelled(), if !finishing => true,
            _ = ticks.tick() => match activity.verdict(bounds) {
                Verdict::Stay => false,
                Verdict::Finish => true,
                Verdict::Drop => return,
            },
        };
        if finish && !finishing {
            finishing = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}
