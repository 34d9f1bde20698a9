//! Pauses and resumes a backup.

use std::{
    io::{self, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// Open until closed; clones are the same gate. While it is closed, data already read is still stored, and a database
/// keeps the state that is being dumped.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Stops further reading.
    pub fn close(&self) {
        *self.closed() = true;
    }

    /// Resumes reading.
    pub fn open(&self) {
        *self.closed() = false;
        self.0.1.notify_all();
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.closed()
    }

    fn pass(&self) {
        let mut closed = self.closed();
        while *closed {
            closed = self.0.1.wait(closed).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn closed(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that a gate can pause.
pub(super) struct Gated<R> {
    pub(super) reader: R,
    pub(super) gate: Gate,
}

impl<R: Read> Read for Gated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.gate.pass();
        self.reader.read(buffer)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn a_closed_gate_blocks_and_an_open_one_loses_nothing() {
        let gate = Gate::default();
        gate.close();
        let mut reader = Gated { reader: io::Cursor::new(b"all of it"), gate: gate.clone() };
        let (done, read) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            done.send(all).unwrap();
        });
        assert!(read.recv_timeout(Duration::from_millis(50)).is_err());
        assert!(gate.is_closed());
        gate.open();
        assert_eq!(read.recv_timeout(Duration::from_secs(10)).unwrap(), b"all of it");
        thread.join().unwrap();
    }
}
