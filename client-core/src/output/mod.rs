//! Output to a path chosen by the user. A regular file appears completely or not at all; the target of a link is
//! replaced, never the link; devices and pipes are written directly; nothing else is touched.

mod new_file;
mod stream;

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

pub use self::{new_file::NewFile, stream::Stream};
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// Maximum number of links followed, as in Linux.
const MAX_LINKS: usize = 40;

/// What the user allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// Replace a file, or write over a block device.
    pub overwrite: bool,
    /// Write to a terminal.
    pub terminal: bool,
}

/// An open output. If dropped before the commit, a file leaves nothing behind.
pub enum Output {
    /// A regular file, first written under another name.
    File(NewFile),
    /// A device or pipe, written directly.
    Stream(Stream),
}

impl Output {
    /// Opens the target of `path`. A pipe waits for its reader until `cancelled`.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] without [`Consent::overwrite`], and for a directory or socket; [`ErrorKind::NotFound`]
    /// without a parent directory; [`ErrorKind::Usage`] for a terminal; [`ErrorKind::Cancelled`].
    pub fn open(path: &Path, consent: Consent, cancelled: &dyn Fn() -> bool) -> Result<Self, Error> {
        let shown = path.display().to_string();
        if path.as_os_str().is_empty() {
            return Err(Error::usage(text!("the output file has no name")));
        }
        let Some(there) = stat(path, &shown)? else {
            if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return Err(directory(&shown));
            }
            let real = follow(path).map_err(|e| Error::io(&shown, &e))?;
            return Ok(Self::File(NewFile::create(real, shown, None, consent.overwrite)?));
        };
        let kind = there.file_type();
        if kind.is_dir() {
            return Err(directory(&shown));
        }
        if kind.is_socket() {
            return Err(Error::new(
                ErrorKind::Exists,
                text!("{shown} is a socket, which cannot be written as a file", shown),
                "nothing was changed",
                "name a file, or use --stdout and pipe it to a program that speaks to the socket",
            ));
        }
        if !kind.is_file() {
            if kind.is_block_device() && !consent.overwrite {
                return Err(Error::new(
                    ErrorKind::Exists,
                    text!("{shown} is a disk or partition, and everything on it would be lost", shown),
                    "nothing was changed",
                    "name a file, or add --overwrite if this device is what you mean",
                ));
            }
            return Ok(Self::Stream(Stream::open(path, shown, &there, consent, cancelled)?));
        }
        if !consent.overwrite {
            return Err(exists(&shown));
        }
        // A new file under this name would leave the old content under its other names.
        if there.nlink() > 1 {
            return Err(Error::new(
                ErrorKind::Exists,
                text!(
                    "{shown} is one of {number} names of a file (hard links), and the others would keep the old content",
                    shown,
                    number = there.nlink()
                ),
                "nothing was changed",
                "name another file, or remove this name first",
            ));
        }
        let real = follow(path).map_err(|e| Error::io(&shown, &e))?;
        // A path under /proc can lead to a file that no longer has a name.
        let same = |found: Metadata| (found.dev(), found.ino()) == (there.dev(), there.ino());
        if !fs::symlink_metadata(&real).is_ok_and(same) {
            return Err(Error::new(
                ErrorKind::Exists,
                text!("{shown} leads to an open file without a name", shown),
                "nothing was changed",
                "use --stdout, or name a file",
            ));
        }
        Ok(Self::File(NewFile::create(real, shown, Some(&there), true)?))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// The disk or device is full, or the reader is gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    /// Call after the last byte: gives the file its name.
    ///
    /// # Errors
    /// It cannot be stored or renamed; what was there before is unchanged then.
    pub fn commit(self) -> Result<(), Error> {
        match self {
            Self::File(file) => file.commit(),
            Self::Stream(stream) => stream.commit(),
        }
    }
}

/// Writes a small file completely; may replace what the user chose. A new file gets this mode.
///
/// # Errors
/// Same as [`Output::open`], [`Output::write`] and [`Output::commit`].
pub fn save(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let consent = Consent { overwrite: true, terminal: false };
    let mut output = Output::open(path, consent, &|| false)?;
    if let Output::File(file) = &mut output {
        file.mode_when_new(mode);
    }
    output.write(bytes)?;
    output.commit()
}

/// Whether a new file can get this name. Creates nothing.
///
/// # Errors
/// [`ErrorKind::Exists`]; [`ErrorKind::NotFound`] without a parent directory; [`ErrorKind::Usage`] for a relative path.
pub fn refuse_existing(path: &Path) -> Result<(), Error> {
    let shown = path.display().to_string();
    if !path.is_absolute() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Error::usage(text!("{shown} is not the full path of a file", shown)));
    }
    match stat(path, &shown)? {
        Some(there) if there.is_dir() => Err(directory(&shown)),
        Some(_) => Err(exists(&shown)),
        None => new_file::refuse_absent_folder(path),
    }
}

/// What the path refers to; `None`: nothing.
fn stat(path: &Path, shown: &str) -> Result<Option<Metadata>, Error> {
    match fs::metadata(path) {
        Ok(there) => Ok(Some(there)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(shown, &e)),
    }
}

/// The path after resolving the links at the end of this one.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut real = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&real) {
            Ok(there) if there.is_symlink() => {
                let to = fs::read_link(&real)?;
                real = real.parent().unwrap_or(Path::new("")).join(to);
            }
            _ => return Ok(real),
        }
    }
    Err(io::Error::other("too many links lead to each other"))
}

fn directory(shown: &str) -> Error {
    Error::new(
        ErrorKind::Exists,
        text!("{shown} is a directory", shown),
        "nothing was changed",
        "name a file in it",
    )
}

pub(crate) fn exists(shown: &str) -> Error {
    Error::new(
        ErrorKind::Exists,
        text!("{shown} already exists", shown),
        "nothing was changed",
        "choose another name, or add --overwrite",
    )
}
