//! Standard input that can be left while it is silent.

use std::{
    io::{self, Read},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits for bytes, looking up now and then whether somebody wants to stop.
pub(super) fn read(buffer: &mut [u8], stopped: &AtomicBool) -> io::Result<usize> {
    let stdin = io::stdin();
    let patience = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    loop {
        if stopped.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return stdin.lock().read(buffer),
            Err(e) => return Err(e.into()),
        }
    }
}
