//! Files are read in the state in which they were opened, or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{OFlags, SeekFrom, seek},
    io::Errno,
};

use super::{
    super::{SourceError, engine::Copying, fifo},
    sqlite,
    stamp::Stamp,
};
use crate::{event::Warning, text, text::Text};

/// The kind of file that the path names.
pub(super) enum Handle {
    /// A regular file.
    File(Regular),
    /// A disk or partition.
    Disk(File),
    /// A pipe, read like standard input.
    Pipe(fifo::Fifo),
}

/// An opened source, and what the user should know about it.
pub(super) struct Opened {
    pub(super) handle: Handle,
    pub(super) size: Option<u64>,
    /// SQLite's version, if a copy is read.
    pub(super) copied_by: Option<&'static str>,
    pub(super) warnings: Vec<Warning>,
}

/// Opens it. A SQLite database with rows in its log or journal is first copied into the `spool`, or always if `copy`
/// says so.
pub(super) fn open(path: &Path, spool: &Path, copy: Copying) -> Result<Opened, SourceError> {
    let shown = path.display().to_string();
    let unreadable = |e: io::Error| unreadable(&shown, &e);
    let there = fs::metadata(path).map_err(unreadable)?;
    let kind = there.file_type();
    if kind.is_dir() {
        return Err(SourceError::Usage(directory(path, &shown)));
    }
    if kind.is_socket() || kind.is_char_device() {
        return Err(SourceError::Usage(text!(
            "{shown} is a {device}, which has no end; pipe what it gives into `sealkeep backup --stdin --name NAME`",
            shown,
            device = if kind.is_socket() { text!("socket") } else { text!("device") }
        )));
    }
    if kind.is_fifo() {
        let pipe = fifo::Fifo::open(path).map_err(unreadable)?;
        return Ok(Opened { handle: Handle::Pipe(pipe), size: None, copied_by: None, warnings: Vec::new() });
    }
    // Whatever the name refers to by now, opening it must not block.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32)
        .open(path)
        .map_err(unreadable)?;
    let there = file.metadata().map_err(unreadable)?;
    if there.file_type().is_block_device() {
        let size =
            seek(&file, SeekFrom::End(0)).and_then(|size| seek(&file, SeekFrom::Start(0)).map(|_| size));
        let size = size.map_err(|e| unreadable(e.into()))?;
        let handle = Handle::Disk(file);
        return Ok(Opened { handle, size: Some(size), copied_by: None, warnings: Vec::new() });
    }
    let sides = sqlite::SideFiles::of(path, &file).map_err(unreadable)?;
    let wanted = |sides: &sqlite::SideFiles| match copy {
        Copying::Never => false,
        Copying::AsNeeded => sides.hold_rows(),
        Copying::Always => true,
    };
    if let Some(sides) = sides.filter(wanted) {
        // SQLite's locks on a file end when the process closes any descriptor of it.
        drop(file);
        let copied = sqlite::copy(&sides, spool)?;
        let size = copied.metadata().map_err(unreadable)?.len();
        let why = Warning::SqliteCopied { file: shown.clone(), sides: sides.names() };
        let handle = Handle::File(Regular::new(copied, None).map_err(unreadable)?);
        return Ok(Opened {
            handle,
            size: Some(size),
            copied_by: Some(sqlite::version()),
            warnings: vec![why],
        });
    }
    let regular = Regular::new(file, Some(path.to_owned())).map_err(unreadable)?;
    Ok(Opened {
        handle: Handle::File(regular),
        size: Some(there.len()),
        copied_by: None,
        warnings: Vec::new(),
    })
}

fn unreadable(shown: &str, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::NoFile(shown.to_owned()),
        _ => SourceError::Unreadable { what: shown.to_owned(), detail: error.to_string() },
    }
}

fn directory(path: &Path, shown: &str) -> Text {
    let way = "tar -c -C DIRECTORY . | sealkeep backup --stdin --name NAME";
    if path.join("toc.dat").exists() {
        return text!(
            "{shown} is a dump in directory format (pg_dump -Fd), which is many files; dump with `pg_dump -Fc`, or use `{way}`",
            shown,
            way
        );
    }
    text!("{shown} is a directory; back up one file at a time, or use `{way}`", shown, way)
}

/// A regular file. Holes are skipped.
pub(super) struct Regular {
    file: File,
    /// `None`: our own copy, which nobody changes.
    path: Option<PathBuf>,
    before: Stamp,
    position: u64,
    /// End of the known zeros, and end of the known data.
    zeros: u64,
    data: u64,
}

impl Regular {
    fn new(file: File, path: Option<PathBuf>) -> io::Result<Self> {
        let before = Stamp::of(&file.metadata()?);
        Ok(Self { file, path, before, position: 0, zeros: 0, data: 0 })
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.zeros.max(self.data) {
            self.check_unchanged()?;
        }
        let within = |end: u64| usize::try_from(end - self.position).unwrap_or(usize::MAX).min(buffer.len());
        let read = if self.position < self.zeros {
            let len = within(self.zeros);
            buffer.get_mut(..len).unwrap_or_default().fill(0);
            len
        } else {
            let len = within(self.data.max(self.position));
            self.file.read_at(buffer.get_mut(..len).unwrap_or_default(), self.position)?
        };
        self.position += read as u64;
        Ok(read)
    }

    /// Determines what comes next: a hole, or data.
    fn check_unchanged(&mut self) -> io::Result<()> {
        match seek(&self.file, SeekFrom::Data(self.position)) {
            Ok(data) if data > self.position => self.zeros = data,
            Ok(_) => self.data = seek(&self.file, SeekFrom::Hole(self.position)).unwrap_or(u64::MAX),
            // Only a hole is left, or nothing.
            Err(Errno::NXIO) => self.zeros = self.file.metadata()?.len(),
            // The file system does not support holes.
            Err(_) => self.data = u64::MAX,
        }
        Ok(())
    }

    /// How the file differs from when it was opened; `to_end`: everything was read. Waits until writes show in its
    /// timestamp.
    pub(super) fn changed(&self, to_end: bool) -> io::Result<Option<Text>> {
        let Some(path) = &self.path else { return Ok(None) };
        self.before.settle();
        if let Some(change) = self.before.change(&Stamp::of(&self.file.metadata()?)) {
            return Ok(Some(change));
        }
        if to_end && self.position != self.before.size() {
            return Ok(Some(text!(
                "{read} of its {size} bytes were read",
                read = self.position,
                size = self.before.size()
            )));
        }
        // Log and journal next to another file of that name are not this one's.
        if !fs::metadata(path).is_ok_and(|named| Stamp::of(&named) == self.before) {
            return Ok(None);
        }
        let sides = sqlite::SideFiles::of(path, &self.file)?;
        Ok(sides
            .filter(sqlite::SideFiles::hold_rows)
            .map(|sides| text!("rows were written to {sides}", sides = sides.names())))
    }
}
