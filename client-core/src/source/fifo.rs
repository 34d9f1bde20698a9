//! Pipes whose reads can be stopped while no data arrives: standard input and named pipes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
};

use super::Stopper;

/// How often to check for a stop request.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// A named pipe. Its first writer may appear later.
pub(super) struct Fifo(File);

impl Fifo {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path).map(Self)
    }

    pub(super) fn read(&mut self, buffer: &mut [u8], stopper: &Stopper) -> io::Result<usize> {
        loop {
            wait(&self.0, stopper)?;
            match self.0.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}

/// Reads from standard input.
pub(super) fn read_stdin(buffer: &mut [u8], stopper: &Stopper) -> io::Result<usize> {
    let stdin = io::stdin();
    wait(&stdin, stopper)?;
    stdin.lock().read(buffer)
}

/// Waits until there is data or the last writer is gone.
fn wait(pipe: &impl AsFd, stopper: &Stopper) -> io::Result<()> {
    loop {
        if stopper.is_stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut fds = [PollFd::new(pipe, PollFlags::IN)];
        match poll(&mut fds, Some(&POLL_INTERVAL)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}
