//! A regular file that gets its name once it is complete.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    process::geteuid,
};
use tempfile::NamedTempFile;

use super::exists;
use crate::{
    error::{Error, ErrorKind},
    text,
};

/// Prefix of an unfinished file's name, before six more characters.
const UNFINISHED: &str = ".sealkeep-restore-";
const LETTERS: usize = 6;
/// Younger files may not be locked yet.
const YOUNG: Duration = Duration::from_secs(60);
/// Maximum number of folder entries examined.
const MAX_ENTRIES: usize = 100_000;
/// Zeros that begin and end at multiples of this become holes: the file system's block size, bytes.
const BLOCK: usize = 4096;

/// Written next to its final place, accessible only to its owner. Zeros become holes.
pub struct NewFile {
    file: NamedTempFile,
    real: PathBuf,
    shown: String,
    overwrite: bool,
    mode: u32,
    /// Owner and group of the replaced file.
    owner: Option<(u32, u32)>,
    /// Bytes so far.
    position: u64,
    /// Whether it currently ends with a hole, which needs an explicit length at the end.
    ends_in_hole: bool,
}

impl NewFile {
    pub(super) fn create(
        real: PathBuf,
        shown: String,
        replaced: Option<&Metadata>,
        overwrite: bool,
    ) -> Result<Self, Error> {
        let folder = folder(&real);
        sweep(folder);
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .rand_bytes(LETTERS)
            .tempfile_in(folder)
            .map_err(|e| no_folder(folder, &e))?;
        // Shows that it is still being written. On a file system without locks, leftovers are kept.
        let _ = flock(file.as_file(), FlockOperation::NonBlockingLockExclusive);
        let mode = replaced.map_or(0o600, |there| there.mode() & 0o777);
        let owner = replaced.map(|there| (there.uid(), there.gid()));
        Ok(Self { file, real, shown, overwrite, mode, owner, position: 0, ends_in_hole: false })
    }

    /// For files that are not secret. A replaced file keeps its mode.
    pub(super) const fn mode_when_new(&mut self, mode: u32) {
        if self.owner.is_none() {
            self.mode = mode;
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let result = self.write_sparse(bytes);
        result.map_err(|e| Error::io(&self.shown, &e))
    }

    /// Up to the first block boundary, then whole blocks, then the rest.
    fn write_sparse(&mut self, bytes: &[u8]) -> io::Result<()> {
        let to_boundary = (BLOCK - (self.position % BLOCK as u64) as usize) % BLOCK;
        let (head, rest) = bytes.split_at(to_boundary.min(bytes.len()));
        self.part(head)?;
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        for run in blocks.chunk_by(|a, b| is_zero(a) == is_zero(b)) {
            if run.first().is_some_and(is_zero) {
                self.hole((run.len() * BLOCK) as u64)?;
            } else {
                self.data(run.as_flattened())?;
            }
        }
        self.part(tail)
    }

    /// Writes less than a block. Skipped zeros are filled in by the file system.
    fn part(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.iter().all(|byte| *byte == 0) { self.hole(bytes.len() as u64) } else { self.data(bytes) }
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.write_all(bytes)?;
        self.position += bytes.len() as u64;
        self.ends_in_hole = false;
        Ok(())
    }

    fn hole(&mut self, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        self.position += len;
        self.file.seek(SeekFrom::Start(self.position))?;
        self.ends_in_hole = true;
        Ok(())
    }

    pub(super) fn commit(mut self) -> Result<(), Error> {
        let shown = std::mem::take(&mut self.shown);
        self.prepare().map_err(|e| Error::io(&shown, &e))?;
        let Self { file, real, overwrite, .. } = self;
        let renamed = if overwrite { file.persist(&real) } else { file.persist_noclobber(&real) };
        match renamed {
            Ok(_) => {}
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&shown)),
            Err(e) => return Err(Error::io(&shown, &e.error)),
        }
        // The new name is durable only once its folder is synced.
        let folder = folder(&real);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| Error::io(&folder.display().to_string(), &e))
    }

    fn prepare(&mut self) -> io::Result<()> {
        let file = self.file.as_file();
        if self.ends_in_hole {
            file.set_len(self.position)?;
        }
        if let Some((uid, gid)) = self.owner {
            // Only root can give a file away; other users own what they restore.
            let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
            rustix::fs::fchown(file, Some(uid), Some(gid)).ok();
        }
        file.set_permissions(Permissions::from_mode(self.mode))?;
        file.sync_all()
    }
}

/// Removes what earlier runs could not: they were killed, or the machine went down.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().take(MAX_ENTRIES) {
        let name = entry.file_name();
        let letters = name.as_encoded_bytes().strip_prefix(UNFINISHED.as_bytes());
        if letters.is_some_and(|letters| letters.len() == LETTERS && letters.is_ascii()) {
            let _ = remove_left_over(&entry.path());
        }
    }
}

fn remove_left_over(path: &Path) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let there = file.metadata()?;
    let old = there.modified()?.elapsed().is_ok_and(|age| age > YOUNG);
    if there.is_file() && there.uid() == geteuid().as_raw() && old {
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        fs::remove_file(path)?;
    }
    Ok(())
}

fn is_zero(block: &[u8; BLOCK]) -> bool {
    block.first() == Some(&0) && block.as_chunks::<16>().0.iter().all(|part| u128::from_ne_bytes(*part) == 0)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn refuse_absent_folder(path: &Path) -> Result<(), Error> {
    let folder = folder(path);
    match fs::metadata(folder) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(no_folder(folder, &io::Error::from(io::ErrorKind::NotADirectory))),
        Err(error) => Err(no_folder(folder, &error)),
    }
}

fn no_folder(folder: &Path, error: &io::Error) -> Error {
    let no_directory = text!("the directory {path} is not a directory", path = folder.display());
    let what = match error.kind() {
        io::ErrorKind::NotFound => text!("the directory {path} does not exist", path = folder.display()),
        io::ErrorKind::NotADirectory => no_directory,
        _ if !fs::metadata(folder).is_ok_and(|there| there.is_dir()) => no_directory,
        _ => return Error::io(&text!("the directory {path}", path = folder.display()), error),
    };
    Error::new(ErrorKind::NotFound, what, "nothing was changed", "create it, or choose another path")
}
