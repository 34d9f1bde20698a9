//! Temporary directories, checksums.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::failure::{Failure, Result};

/// A directory that is removed when dropped. Others may traverse it: root's PostgreSQL runs as another user.
///
/// # Errors
/// The file system's.
pub fn temporary() -> Result<TempDir> {
    let dir = tempfile::Builder::new().prefix("sealkeep-").tempdir()?;
    fs::set_permissions(dir.path(), Permissions::from_mode(0o711))?;
    Ok(dir)
}

/// Every regular file below `dir`, sorted.
///
/// # Errors
/// The file system's.
pub fn walk(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Copies a directory with owners, modes and times.
///
/// # Errors
/// The error from `cp`.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let ended = std::process::Command::new("cp").arg("-a").arg(from).arg(to).output()?;
    if ended.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("cp: {}", String::from_utf8_lossy(&ended.stderr))))
}

/// The first entry below `dir`, of any type, whose name is `wanted`.
///
/// # Errors
/// There is none.
pub fn find(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&wanted) {
                return Ok(entry.path());
            }
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Err(Failure::new(format!("not found below {}", dir.display())))
}

/// SHA-256 of a file, in hex.
///
/// # Errors
/// The file system's.
pub fn sha256(path: &Path) -> Result<String> {
    Ok(sha256_from(File::open(path)?)?.1)
}

/// Length and SHA-256, in hex, of a reader's bytes.
///
/// # Errors
/// The reader's.
pub fn sha256_from(mut from: impl Read) -> std::io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let (mut buffer, mut len) = (vec![0; 1 << 20], 0);
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return Ok((len, hex(&hash.finalize())));
        }
        hash.update(buffer.get(..n).unwrap_or_default());
        len += n as u64;
    }
}

/// SHA-256 of bytes, in hex.
#[must_use]
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether two files have the same content.
///
/// # Errors
/// The file system's.
pub fn identical(a: &Path, b: &Path) -> Result<bool> {
    if fs::metadata(a)?.len() != fs::metadata(b)?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (io::BufReader::new(File::open(a)?), File::open(b)?);
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let n = b.read(&mut right)?;
        if n == 0 {
            return Ok(true);
        }
        let left = left.get_mut(..n).unwrap_or_default();
        a.read_exact(left)?;
        if Some(&*left) != right.get(..n) {
            return Ok(false);
        }
    }
}

/// Incompressible bytes that depend only on `seed`.
#[must_use]
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    use rand::{RngCore, SeedableRng, rngs::StdRng};
    let mut bytes = vec![0; len];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}
