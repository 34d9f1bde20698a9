//! An HTTP server with scripted responses: complete, truncated, late or none.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Status, headers, body.
    Full(u16, Vec<(String, String)>, Vec<u8>),
    /// Announces the given number of bytes, sends the body and closes.
    Cut(Vec<u8>, usize),
    /// Sends the body without a length.
    Endless(Vec<u8>),
    /// Sends the body, then nothing for the given time.
    Stall(Vec<u8>, usize, Duration),
    /// Closes at once.
    Close,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self::Full(status, Vec::new(), Vec::new())
    }

    pub(crate) fn json(status: u16, body: &impl serde::Serialize) -> Self {
        Self::Full(
            status,
            vec![("content-type".into(), "application/json".into())],
            serde_json::to_vec(body).unwrap(),
        )
    }
}

/// Runs until the process ends.
pub(crate) struct TinyServer {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl TinyServer {
    pub(crate) fn start(answer: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_deaf(|_| None, answer)
    }

    /// How long a request's body stays unread, if at all; then the connection closes.
    pub(crate) fn start_deaf(
        deaf: impl Fn(usize) -> Option<Duration> + Send + Sync + 'static,
        answer: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (log, answer, deaf) = (Arc::clone(&seen), Arc::new(answer), Arc::new(deaf));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer, deaf) = (Arc::clone(&log), Arc::clone(&answer), Arc::clone(&deaf));
                thread::spawn(move || drop(serve(stream, &log, &*answer, &*deaf)));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &dyn Fn(usize, &Request) -> Answer,
    deaf: &dyn Fn(usize) -> Option<Duration>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut request = Request {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: Vec::new(),
    };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    if let Some(patience) = deaf(number) {
        thread::sleep(patience);
        return Ok(());
    }
    let len = request.headers.get("content-length").map_or(0, |n| n.parse().unwrap());
    request.body = vec![0; len];
    stream.read_exact(&mut request.body)?;
    log.lock().unwrap()[number] = request.clone();
    let told = answer(number, &request);
    match told {
        Answer::Full(status, headers, body) => {
            let headers: String =
                headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            )?;
            stream.write_all(&body)
        }
        Answer::Cut(body, announced) => {
            write!(stream, "HTTP/1.1 200 X\r\ncontent-length: {announced}\r\n\r\n")?;
            stream.write_all(&body)
        }
        Answer::Endless(body) => {
            write!(stream, "HTTP/1.1 200 X\r\nconnection: close\r\n\r\n")?;
            stream.write_all(&body)
        }
        Answer::Stall(body, announced, patience) => {
            write!(stream, "HTTP/1.1 200 X\r\ncontent-length: {announced}\r\n\r\n")?;
            stream.write_all(&body)?;
            thread::sleep(patience);
            Ok(())
        }
        Answer::Close => Ok(()),
    }
}
