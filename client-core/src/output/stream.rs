//! A device or pipe, written directly.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, IsTerminal, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
    thread,
    time::Duration,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};

use super::Consent;
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// How often to retry a pipe without a reader.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// An open device or pipe.
pub struct Stream {
    file: File,
    shown: String,
}

impl Stream {
    pub(super) fn open(
        path: &Path,
        shown: String,
        there: &Metadata,
        consent: Consent,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Self, Error> {
        let failed = |e: &io::Error| Error::io(&shown, e);
        // A pipe without a reader must not block us, and a disk in use must not be written.
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        if there.file_type().is_block_device() {
            flags |= OFlags::EXCL;
        }
        let file = loop {
            match OpenOptions::new().write(true).custom_flags(flags.bits() as i32).open(path) {
                Ok(file) => break file,
                Err(e)
                    if e.raw_os_error() == Some(Errno::NXIO.raw_os_error())
                        && there.file_type().is_fifo() =>
                {
                    if cancelled() {
                        return Err(Error::new(
                            ErrorKind::Cancelled,
                            text!("no program has opened {shown} for reading", shown),
                            "nothing was written",
                            "start the reader first",
                        ));
                    }
                    thread::sleep(RETRY_INTERVAL);
                }
                Err(e) => return Err(failed(&e)),
            }
        };
        let opened = file.metadata().map_err(|e| failed(&e))?;
        if (opened.file_type(), opened.rdev()) != (there.file_type(), there.rdev()) {
            return Err(failed(&io::Error::other("it was replaced at this moment")));
        }
        if file.is_terminal() && !consent.terminal {
            return Err(Error::new(
                ErrorKind::Usage,
                text!("{shown} is a terminal, and a dump can contain bytes that change its settings", shown),
                "nothing was written",
                "name a file, or add --force",
            ));
        }
        let unblocked = fcntl_getfl(&file).and_then(|flags| fcntl_setfl(&file, flags - OFlags::NONBLOCK));
        unblocked.map_err(|e| failed(&e.into()))?;
        Ok(Self { file, shown })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|e| Error::io(&self.shown, &e))
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        match self.file.sync_all() {
            // Most devices and all pipes cannot be synced.
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            other => other.map_err(|e| Error::io(&self.shown, &e)),
        }
    }
}
