//! Standard input: read to its end, and abandoned when silent. Each case re-runs this test in its own process.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::begin::begin;
use std::{
    env,
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use client_core::{
    error::{Error, ErrorKind},
    source::{self},
};

const DUMP: &str = "-- MySQL dump 10.13\nINSERT;\n-- Dump completed on 2026-11-20\n";
/// Tells a process that it is the reader: `read` or `stop`.
const ROLE: &str = "SEALKEEP_TEST_STDIN";

fn read(stop: bool) {
    let mut stream = begin(source::stdin("x".into())).unwrap();
    let stopper = stream.stopper();
    if stop {
        thread::spawn(move || {
            // That a read is blocked cannot be observed. Stopped before it, it ends in the same way.
            thread::sleep(Duration::from_millis(300));
            stopper.stop();
        });
    }
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => assert_eq!((bytes.len(), stream.finish().unwrap().verified_end), (DUMP.len(), true)),
        Err(error) => assert_eq!(Error::source_read(&error).kind(), ErrorKind::Cancelled),
    }
    assert_eq!(bytes.is_empty(), stop);
}

#[test]
fn standard_input_is_read_to_its_end_and_left_when_it_is_silent() {
    if let Ok(role) = env::var(ROLE) {
        return read(role == "stop");
    }
    for stop in [false, true] {
        let mut command = Command::new(env::current_exe().unwrap());
        // Only this test, without the others of this program.
        command
            .args(["--exact", "source_stdin::standard_input_is_read_to_its_end_and_left_when_it_is_silent"]);
        command.env(ROLE, if stop { "stop" } else { "read" }).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Kept open and silent, or closed at the end of the dump.
        let held = if stop {
            Some(stdin)
        } else {
            stdin.write_all(DUMP.as_bytes()).unwrap();
            drop(stdin);
            None
        };
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success() && String::from_utf8_lossy(&ended.stdout).contains("1 passed"));
        drop(held);
    }
    let unnamed = begin(source::stdin(" ".into())).err().unwrap();
    assert_eq!(Error::from(unnamed).kind(), ErrorKind::Usage);
}
