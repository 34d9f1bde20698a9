//! Compares the filter with the real psql, connected to a fake server that accepts everything: both must see the same
//! statements, and no planted command may run.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
};

use super::{Policy, ScriptFilter};
use crate::source::postgres::Tools;

const PLANTED: &str = "\\echo PLANTED\n";
const TOKENS: &[&str] = &[
    "'",
    "'",
    "\"",
    "''",
    "e'",
    "E'",
    "U&'",
    "U&\"",
    "u&",
    "b'",
    "N'",
    "x'",
    "$$",
    "$a$",
    "$a$",
    "$",
    "$1",
    ":",
    ":",
    "::",
    ":=",
    ":a",
    ":e",
    "--",
    "/*",
    "*/",
    "/",
    "*",
    "-",
    "\\",
    "\\'",
    "\n",
    "\r",
    " ",
    " ",
    "\t",
    ";",
    ";\n",
    "(",
    ")",
    "[",
    "]",
    "a",
    "e",
    "ä",
    "_",
    "1",
    "1.5",
    "0x1",
    "1_0",
    ".",
    "A",
    "begin",
    "begin",
    "atomic",
    "end",
    "case",
    "BEGIN ATOMIC ",
    "BEGIN ATOMIC SELECT 1; END",
    "CREATE FUNCTION f() ",
    "CREATE OR REPLACE PROCEDURE p() ",
    "CREATE ",
    "OR ",
    "REPLACE ",
    "SELECT ",
    "SELECT ",
    "\\.\n",
    "COPY t FROM stdin;\n",
    "COPY t FROM stdin;\n1\n\\.\n",
    PLANTED,
    PLANTED,
    "\n'",
    "#",
    "@",
    "{",
    "{?a}",
    "SET standard_conforming_strings = off;\n",
    "SET standard_conforming_strings = on;\n",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end
    }
}

/// What passes the filter, and where its statements end; `None` if it is refused.
fn filtered(script: &str) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut filter = ScriptFilter::new(Policy::default());
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    for byte in script.as_bytes().chunks(1) {
        let ended = filter.ended;
        filter.push(byte, &mut out).ok()?;
        if filter.ended != ended {
            ends.push(out.len());
        }
    }
    let whole = filter.statement.line == 0;
    filter.finish(&mut out).ok()?;
    whole.then_some((out, ends))
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &len.to_be_bytes(), body].concat()
}

fn received(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    let len = u32::from_be_bytes(head[1..].try_into().unwrap());
    let mut body = vec![0; usize::try_from(len).unwrap() - 4];
    stream.read_exact(&mut body).ok()?;
    Some((head[0], body))
}

/// Strips leading white space and comments.
fn bare(mut query: &str) -> &str {
    loop {
        query = query.trim_start();
        if let Some(rest) = query.strip_prefix("--") {
            query = rest.find(['\n', '\r']).map_or("", |at| &rest[at..]);
        } else if let Some(rest) = query.strip_prefix("/*") {
            query = rest.find("*/").map_or("", |at| &rest[at + 2..]);
        } else {
            return query;
        }
    }
}

/// The queries of one session, each answered with success.
pub(in crate::source) fn serve(mut stream: TcpStream) -> Vec<String> {
    let mut len = [0; 4];
    stream.read_exact(&mut len).unwrap();
    stream.read_exact(&mut vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap() - 4]).unwrap();
    let parameter = |name: &str, value: &str| message(b'S', format!("{name}\0{value}\0").as_bytes());
    let ready = message(b'Z', b"I");
    let mut hello = message(b'R', &[0; 4]);
    for (name, value) in
        [("server_version", "15.0"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on")]
    {
        hello.extend(parameter(name, value));
    }
    stream.write_all(&[hello, ready.clone()].concat()).unwrap();
    let mut queries = Vec::new();
    while let Some((kind, body)) = received(&mut stream) {
        if kind != b'Q' {
            continue;
        }
        let query = String::from_utf8_lossy(&body[..body.len() - 1]).into_owned();
        let mut answer = Vec::new();
        if bare(&query).starts_with("COPY t FROM stdin") {
            stream.write_all(&message(b'G', &[0; 3])).unwrap();
            while received(&mut stream).is_some_and(|(kind, _)| kind != b'c' && kind != b'f') {}
        } else if let Some(value) = bare(&query).strip_prefix("SET standard_conforming_strings = ") {
            answer = parameter("standard_conforming_strings", value.trim_end_matches(';'));
        }
        answer.extend(message(b'C', b"OK\0"));
        answer.extend_from_slice(&ready);
        if stream.write_all(&answer).is_err() {
            break;
        }
        queries.push(query);
    }
    queries
}

#[test]
fn psql_sees_the_statements_that_the_filter_sees() {
    let long = std::env::var_os("LONG").is_some();
    let psqls = Tools::installed().all("psql").unwrap();
    let mut dice = Dice(0x5ea1_4ee9);
    let mut tried = 0_usize;
    for round in 0..if long { 3000 } else { 60 } {
        // Accepted pieces, one after the other.
        let mut script = String::new();
        let mut pieces = 0;
        while pieces < 40 {
            tried += 1;
            let piece: String =
                (0..dice.below(9) + 1).map(|_| TOKENS[dice.below(TOKENS.len())]).chain([";\n"]).collect();
            let longer = format!("{script}{piece}");
            if filtered(&longer).is_some() {
                script = longer;
                pieces += 1;
            }
        }
        let (out, ends) = filtered(&script).unwrap();
        for psql in &psqls {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = thread::spawn(move || serve(listener.accept().unwrap().0));
            let target =
                format!("host=127.0.0.1 port={port} user=a dbname=a sslmode=disable gssencmode=disable");
            let mut child = Command::new(&psql.path)
                .args([
                    "-X",
                    "-q",
                    "-f",
                    "-",
                    "-v",
                    "a=VARIABLE",
                    "-v",
                    "A=VARIABLE",
                    "-v",
                    "e=VARIABLE",
                    "-d",
                    &target,
                ])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&out).unwrap();
            let said = child.wait_with_output().unwrap();
            let queries = server.join().unwrap();
            let shown = String::from_utf8_lossy(&out);
            let context = format!("psql {}, round {round}:\n{shown}\n{queries:#?}", psql.version);
            assert!(
                said.stdout.is_empty(),
                "a command ran: {}\n{context}",
                String::from_utf8_lossy(&said.stdout)
            );
            let solid = |text: &str| text.split_whitespace().collect::<String>();
            let mut begin = 0;
            for (at, end) in ends.iter().enumerate() {
                let statement = solid(&String::from_utf8_lossy(&out[begin..*end]));
                let query = queries.get(at).map(|query| solid(query)).unwrap_or_default();
                assert!(!query.is_empty() && statement.ends_with(&query), "{statement}\n{query}\n{context}");
                begin = *end;
            }
            assert_eq!(queries.len(), ends.len(), "{context}");
        }
    }
    assert!(tried > 1000);
}
