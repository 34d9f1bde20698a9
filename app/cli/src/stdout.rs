//! Standard output with its errors. Rust's own handle hides a closed descriptor: before `main`, the runtime opens
//! `/dev/null` in its place, for reading and writing, and output to it counts as written.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    os::{fd::AsFd, unix::fs::MetadataExt},
    process,
};

use client_core::{
    error::{Error, ErrorKind},
    text,
};

use crate::exit_code;

/// Standard output, unbuffered; reports every error.
pub(crate) struct Stdout(File);

impl Stdout {
    /// # Errors
    /// It is closed, or the system has no free descriptor.
    pub(crate) fn open() -> Result<Self, Error> {
        let open = io::stdout().as_fd().try_clone_to_owned();
        let stdout = open.map(|fd| Self(fd.into())).map_err(|e| Error::io("standard output", &e))?;
        if stdout.was_closed() {
            return Err(Error::new(
                ErrorKind::Io,
                text!("standard output is closed"),
                "your snapshots are untouched; the command has run, but its output is lost",
                "redirect it, for example with `> file` or `> /dev/null`",
            ));
        }
        Ok(stdout)
    }

    /// A shell's `> /dev/null` opens the device for writing only, the runtime for both.
    fn was_closed(&self) -> bool {
        let is_null = fs::metadata("/dev/null").and_then(|null| {
            self.0.metadata().map(|own| (null.rdev(), null.ino()) == (own.rdev(), own.ino()))
        });
        let both_ways =
            rustix::fs::fcntl_getfl(&self.0).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR));
        is_null.unwrap_or(false) && both_ways
    }

    /// For a dump: refuses a terminal unless `force` is given.
    ///
    /// # Errors
    /// It is closed or a terminal.
    pub(crate) fn for_dump(force: bool) -> Result<Self, Error> {
        let stdout = Self::open()?;
        if stdout.0.is_terminal() && !force {
            return Err(Error::new(
                ErrorKind::Usage,
                text!("standard output is a terminal, and a dump can contain bytes that change its settings"),
                "nothing was written",
                "pipe it into a program, redirect it to a file, or add --force",
            ));
        }
        Ok(stdout)
    }
}

impl Write for Stdout {
    /// A reader such as `head` has seen enough: a reason to stop, but not an error.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => process::exit(exit_code::BROKEN_PIPE.into()),
            written => written,
        }
    }

    /// A full disk may show up only when a file is synced.
    fn flush(&mut self) -> io::Result<()> {
        match self.0.metadata() {
            Ok(about) if about.is_file() => self.0.sync_all(),
            _ => Ok(()),
        }
    }
}
