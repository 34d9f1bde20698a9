//! Hand-written HTTP/1.1: sends exactly the bytes that a test wants, including invalid ones.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// How the body is sent.
pub enum Body<'a> {
    None,
    /// With its Content-Length, unless the headers have one.
    Whole(&'a [u8]),
    /// Transfer-Encoding: chunked, no Content-Length.
    Chunked(&'a [u8]),
    /// Sends the announced length, then only these bytes, and closes the connection.
    Cut {
        announced: usize,
        sent: &'a [u8],
    },
    /// Announces the length, sends no body and waits for a response.
    Withheld {
        announced: u64,
    },
}

/// `None` if the connection closed without a response.
pub fn send(
    host: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &Body<'_>,
) -> Option<Response> {
    let mut stream = TcpStream::connect(host).expect("the store listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    let mut has_length = false;
    for (name, value) in headers {
        has_length |= *name == "content-length";
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut payload = Vec::new();
    match body {
        Body::None => {}
        Body::Whole(bytes) => {
            if !has_length {
                head.push_str(&format!("content-length: {}\r\n", bytes.len()));
            }
            payload.extend_from_slice(bytes);
        }
        Body::Chunked(bytes) => {
            head.push_str("transfer-encoding: chunked\r\n");
            payload.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
            payload.extend_from_slice(bytes);
            payload.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        Body::Cut { announced, sent } => {
            if !has_length {
                head.push_str(&format!("content-length: {announced}\r\n"));
            }
            payload.extend_from_slice(sent);
        }
        Body::Withheld { announced } => {
            if !has_length {
                head.push_str(&format!("content-length: {announced}\r\n"));
            }
        }
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    // A store may respond and close before it has read everything.
    let _ = stream.write_all(&payload);
    if let Body::Cut { .. } = body {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    parse(&raw)
}

fn parse(raw: &[u8]) -> Option<Response> {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<_, _> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let mut body = raw[end + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|v| v == "chunked") {
        body = dechunk(&body);
    }
    Some(Response { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(at) = rest.windows(2).position(|w| w == b"\r\n") {
        let Ok(len) = usize::from_str_radix(&String::from_utf8_lossy(&rest[..at]), 16) else { break };
        if len == 0 || rest.len() < at + 2 + len {
            break;
        }
        out.extend_from_slice(&rest[at + 2..at + 2 + len]);
        rest = &rest[(at + 4 + len).min(rest.len())..];
    }
    out
}
