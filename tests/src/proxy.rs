//! The network: a TCP proxy that records every byte and can fail. One is in front of the service, one in front of the
//! object store; the service uses the latter too.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::failure::Result;

/// The network's behavior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Everything passes.
    Normal,
    /// After this many more bytes towards the server, every connection is cut, including new ones.
    CutAfter(u64),
    /// Nothing passes any more, silently.
    Stalled,
    /// After this many more bytes in both directions together, becomes [`Network::Stalled`].
    StallAfter(u64),
    /// Every request gets a 503 without Retry-After.
    Busy,
    /// Bytes per second towards the server, per connection.
    Limited(u64),
    /// Every piece is delayed.
    Delay(Duration),
}

/// A proxy on the loopback address, until dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    target: AtomicU16,
    network: Mutex<Option<Network>>,
    sent: AtomicU64,
    passed: AtomicU64,
    record: Mutex<Vec<u8>>,
    open: Mutex<HashMap<u64, TcpStream>>,
    next: AtomicU64,
}

impl Proxy {
    /// Starts a proxy, not connected to a server until [`Proxy::lead_to`].
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        *lock(&state.network) = Some(Network::Normal);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if lock(&shared.network).is_none() {
                    return;
                }
                let state = Arc::clone(&shared);
                // It is up to the peers to notice how a connection ends.
                thread::spawn(move || drop(state.serve(near)));
            }
        });
        Ok(Self { address, state })
    }

    /// Sets the server behind it, a loopback port.
    pub fn lead_to(&self, port: u16) {
        self.state.target.store(port, Ordering::SeqCst);
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the behavior, also of open connections, and restarts counting.
    pub fn set(&self, network: Network) {
        let mut now = lock(&self.state.network);
        self.state.sent.store(0, Ordering::SeqCst);
        self.state.passed.store(0, Ordering::SeqCst);
        *now = Some(network);
    }

    /// Whether nothing passes any more.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        *lock(&self.state.network) == Some(Network::Stalled)
    }

    /// Bytes sent towards the server since the last change.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }

    /// Every byte that passed, in both directions.
    #[must_use]
    pub fn record(&self) -> Vec<u8> {
        lock(&self.state.record).clone()
    }

    /// Method and path of the HTTP requests that passed, without queries.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let record = self.record();
        let mut found = Vec::new();
        for end in positions(&record, b" HTTP/1.1\r\n") {
            let before = record.get(end.saturating_sub(4096)..end).unwrap_or_default();
            // A request may follow a binary body without a line break in between.
            let start = ["GET /", "PUT /", "POST /", "HEAD /", "DELETE /"]
                .iter()
                .filter_map(|method| positions(before, method.as_bytes()).last())
                .max();
            if let Some(line) = start.and_then(|at| before.get(at..)) {
                let line = String::from_utf8_lossy(line);
                found.push(line.split('?').next().unwrap_or_default().to_owned());
            }
        }
        found
    }

    /// Discards the recording.
    pub fn forget(&self) {
        lock(&self.state.record).clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        *lock(&self.state.network) = None;
        self.state.cut_all();
        // Wakes the listener so that it exits.
        drop(TcpStream::connect(self.address));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Positions of `needle` in `hay`.
pub fn positions<'a>(hay: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = needle.first().copied();
    hay.iter()
        .enumerate()
        .filter(move |(at, byte)| {
            Some(**byte) == first && hay.get(*at..).is_some_and(|rest| rest.starts_with(needle))
        })
        .map(|(at, _)| at)
}

/// Responds, and reads the rest of the request, or the sender would not see the response.
fn busy(mut near: &TcpStream) -> io::Result<()> {
    let _ = near.read(&mut [0; 1024])?;
    near.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    near.shutdown(Shutdown::Write)?;
    io::copy(&mut near, &mut io::sink()).map(drop)
}

impl State {
    fn serve(self: Arc<Self>, near: TcpStream) -> io::Result<()> {
        if matches!(*lock(&self.network), Some(Network::CutAfter(limit)) if self.sent.load(Ordering::SeqCst) >= limit)
        {
            return near.shutdown(Shutdown::Both);
        }
        if *lock(&self.network) == Some(Network::Busy) {
            return busy(&near);
        }
        let far = TcpStream::connect(("127.0.0.1", self.target.load(Ordering::SeqCst)))?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        lock(&self.open).insert(number, near.try_clone()?);
        let (back, to) = (far.try_clone()?, near.try_clone()?);
        let state = Arc::clone(&self);
        thread::spawn(move || {
            drop(state.pass(&back, &to, false));
            let _ = to.shutdown(Shutdown::Both);
        });
        drop(self.pass(&near, &far, true));
        lock(&self.open).remove(&number);
        far.shutdown(Shutdown::Both)
    }

    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream, towards_server: bool) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let n = from.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            let bytes = buffer.get(..n).unwrap_or_default();
            self.endure(n as u64, towards_server)?;
            lock(&self.record).extend_from_slice(bytes);
            to.write_all(bytes)?;
        }
    }

    /// Waits or fails according to the current behavior.
    fn endure(&self, len: u64, towards_server: bool) -> io::Result<()> {
        loop {
            let network = *lock(&self.network);
            match network {
                None => return Err(io::ErrorKind::ConnectionReset.into()),
                Some(Network::Stalled) => {
                    thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Some(Network::StallAfter(limit)) => {
                    let mut now = lock(&self.network);
                    if self.passed.fetch_add(len, Ordering::SeqCst) + len > limit && *now == network {
                        *now = Some(Network::Stalled);
                        continue;
                    }
                }
                _ if !towards_server => return Ok(()),
                Some(Network::CutAfter(limit)) => {
                    if self.sent.load(Ordering::SeqCst) + len > limit {
                        self.sent.store(limit, Ordering::SeqCst);
                        self.cut_all();
                        return Err(io::ErrorKind::ConnectionReset.into());
                    }
                }
                // Open connections are closed, and clients reconnect.
                Some(Network::Busy) => {
                    self.cut_all();
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                Some(Network::Limited(rate)) => {
                    thread::sleep(Duration::from_micros(1_000_000 * len / rate.max(1)));
                }
                Some(Network::Delay(by)) => thread::sleep(by),
                Some(Network::Normal) => {}
            }
            self.sent.fetch_add(len, Ordering::SeqCst);
            return Ok(());
        }
    }

    fn cut_all(&self) {
        for (_, near) in lock(&self.open).drain() {
            let _ = near.shutdown(Shutdown::Both);
        }
    }
}
