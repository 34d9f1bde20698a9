//! Idle connections are closed; active ones, however slow, are not.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::post};
use metadata_api::listener::{self, Bounds, Proven};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::{sleep, timeout},
};

/// Limits short enough for a test.
fn short() -> Bounds {
    Bounds {
        headers: Duration::from_millis(600),
        idle: Duration::from_millis(600),
        lifetime: Duration::from_secs(60),
        ..Bounds::default()
    }
}

/// One route reads its body at any speed, one responds slowly.
fn routes() -> Router {
    let proven = post(|| async { (axum::Extension(Proven), "proven") });
    let echo = post(|body: axum::body::Bytes| async move { body.len().to_string() });
    Router::new().route("/proven", proven).route("/echo", echo).route(
        "/slow",
        post(|| async {
            let steps = futures_util::stream::unfold(0, |n| async move {
                sleep(Duration::from_millis(200)).await;
                (n < 10).then(|| (Ok::<_, std::io::Error>("x"), n + 1))
            });
            Body::from_stream(steps)
        }),
    )
}

fn open(bounds: Bounds) -> (SocketAddr, oneshot::Sender<Duration>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = async move { stopped.await.unwrap_or(Duration::ZERO) };
    tokio::spawn(listener::serve(listener, None, routes(), bounds, ended));
    (addr, stop)
}

/// Time until the peer closes, discarding whatever it sends.
async fn closed_after(mut stream: TcpStream) -> Duration {
    let started = Instant::now();
    let mut sink = Vec::new();
    // A reset counts as closed.
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut sink)).await.expect("never closed");
    started.elapsed()
}

async fn sent(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn every_kind_of_silence_is_closed() {
    let (addr, _stop) = open(short());
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let silences: [(&str, &[u8]); 6] = [
        ("nothing sent", b""),
        ("half a request line", b"POST /ec"),
        ("half a header", b"POST /echo HTTP/1.1\r\nhost: a\r\nx-half: "),
        ("an idle keep-alive", b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx"),
        ("a body that never comes", b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nx"),
        ("an idle HTTP/2 connection", preface),
    ];
    for (what, bytes) in silences {
        let after = closed_after(sent(addr, bytes).await).await;
        assert!(after < Duration::from_secs(5), "{what}: {after:?}");
        assert!(after > Duration::from_millis(300), "{what} is closed too early: {after:?}");
    }
}

#[tokio::test]
async fn headers_that_drip_are_closed() {
    let (addr, _stop) = open(short());
    let (mut read, mut write) = sent(addr, b"POST /echo HTTP/1.1\r\n").await.into_split();
    let drip = tokio::spawn(async move {
        while write.write_all(b"x: y\r\n").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    let mut sink = Vec::new();
    let _ = timeout(Duration::from_secs(10), read.read_to_end(&mut sink)).await.expect("never closed");
    drip.abort();
}

/// An object over a slow line, up and down, takes longer than idle time and lifetime together.
#[tokio::test]
async fn a_slow_request_is_finished_and_is_the_last_of_an_old_connection() {
    let (addr, _stop) = open(Bounds { lifetime: Duration::from_millis(500), ..short() });
    let mut stream = sent(addr, b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n").await;
    for _ in 0..20 {
        sleep(Duration::from_millis(100)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    assert!(String::from_utf8_lossy(&response).ends_with("20"), "{}", String::from_utf8_lossy(&response));

    let mut stream = sent(addr, b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    let text = String::from_utf8_lossy(&response);
    assert_eq!(text.matches("x\r\n").count(), 10, "{text}");
}

/// When strangers hold every slot, a new connection replaces the oldest stranger's; connections with a device signature
/// stay.
#[tokio::test]
async fn strangers_do_not_displace_devices() {
    let (addr, _stop) = open(Bounds { connections: 4, ..Bounds::default() });
    let request = b"POST /proven HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    let mut device = sent(addr, request).await;
    let mut response = [0; 1024];
    assert!(device.read(&mut response).await.unwrap() > 0);
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(TcpStream::connect(addr).await.unwrap());
    }
    // By the newcomers: nothing else closes it before it has had the time for its headers.
    assert!(closed_after(strangers.remove(0)).await < Bounds::default().headers);
    let mut newcomer = sent(addr, request).await;
    for stream in [&mut device, &mut newcomer] {
        stream.write_all(request).await.unwrap();
        let read = timeout(Duration::from_secs(5), stream.read(&mut response)).await.unwrap().unwrap();
        assert!(response[..read].starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn one_network_gets_its_share_of_connections_and_no_more() {
    let (addr, _stop) = open(Bounds { per_network: 3, ..Bounds::default() });
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(addr).await.unwrap());
    }
    let after = closed_after(TcpStream::connect(addr).await.unwrap()).await;
    assert!(after < Bounds::default().headers, "{after:?}");
    drop(held);
    let request = b"POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx";
    let room_again = async {
        let mut response = Vec::new();
        while !response.starts_with(b"HTTP/1.1 200") {
            response.clear();
            let mut stream = TcpStream::connect(addr).await.unwrap();
            // A refused connection may be reset.
            let _ = stream.write_all(request).await;
            let _ = stream.read_to_end(&mut response).await;
        }
    };
    timeout(Duration::from_secs(20), room_again).await.expect("room again");
}

#[tokio::test]
async fn a_shutdown_waits_for_requests_in_progress_only() {
    let (addr, stop) = open(Bounds::default());
    let idle = TcpStream::connect(addr).await.unwrap();
    let mut busy = sent(addr, b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
    let mut response = Vec::new();
    busy.read_buf(&mut response).await.unwrap();
    stop.send(Duration::from_secs(20)).unwrap();
    assert!(closed_after(idle).await < Bounds::default().headers);
    busy.read_to_end(&mut response).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&response).matches("x\r\n").count(), 10);
    assert!(TcpStream::connect(addr).await.is_err());
}
