//! Objects as files, one each: written to a temporary file, checked, made durable, and only then renamed.
//!
//! A file is a header (magic, SHA-256, lengths, key) followed by the object's bytes. The file's name is the SHA-256 of
//! the key, so that a key cannot be used as a path; the key inside makes the directory listable.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use s3s::crypto::{Checksum as _, Md5};
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"SKOBJ\0\0\x01";
/// Magic, SHA-256, length of the bytes (u64, little-endian), length of the key (u16, little-endian).
const FIXED_HEADER: usize = 8 + 32 + 8 + 2;
const TEMP: &str = ".tmp";

/// What can be told about a stored object without reading its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    /// SHA-256 of the bytes.
    pub(super) sha256: [u8; 32],
    /// Length, bytes.
    pub(super) size: u64,
    /// Time of publication.
    pub(super) modified: SystemTime,
}

/// Result of publishing an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// The object now has its name.
    Yes,
    /// The name exists, and the caller asked not to replace it.
    Exists,
}

/// One bucket: `objects/<hh>/<sha256 of the key>`, and a directory for uploads in progress.
#[derive(Debug)]
pub(super) struct Bucket {
    root: PathBuf,
}

impl Bucket {
    /// Opens or creates a bucket, and removes what an interrupted process left behind.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        let temp = root.join(TEMP);
        fs::create_dir_all(&temp)?;
        for entry in fs::read_dir(&temp)? {
            fs::remove_file(entry?.path())?;
        }
        for first in 0..=u8::MAX {
            let dir = root.join("objects").join(format!("{first:02x}"));
            if !dir.is_dir() {
                fs::create_dir_all(dir)?;
            }
        }
        sync_dir(&root.join("objects"))?;
        sync_dir(&root)?;
        if let Some(parent) = root.parent() {
            sync_dir(parent)?;
        }
        Ok(Self { root })
    }

    fn path(&self, key: &str) -> PathBuf {
        let name = hex::encode(Sha256::digest(key.as_bytes()));
        self.root.join("objects").join(&name[..2]).join(name)
    }

    /// Starts an upload, invisible until published.
    pub(super) fn begin(&self, key: &str, with_md5: bool) -> io::Result<Upload> {
        let path = self.root.join(TEMP).join(format!("{:032x}", rand::random::<u128>()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let temp = Temp(path);
        file.seek(SeekFrom::Start(header_len(key)))?;
        Ok(Upload {
            file,
            temp,
            target: self.path(key),
            key: key.to_owned(),
            sha256: Sha256::new(),
            md5: with_md5.then(Md5::new),
            size: 0,
        })
    }

    /// Opens an object, positioned at its first byte.
    pub(super) fn open_object(&self, key: &str) -> io::Result<(File, Stat)> {
        let mut file = File::open(self.path(key))?;
        let (found, stat) = read_header(&mut file)?;
        if found == key { Ok((file, stat)) } else { Err(damaged("another key's object")) }
    }

    /// Removes an object; no effect if it does not exist.
    pub(super) fn remove(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
            Ok(()) => path.parent().map_or(Ok(()), sync_dir),
        }
    }

    /// The keys of all objects, unsorted. Reads each file's header.
    pub(super) fn scan(&self) -> io::Result<Vec<(String, Stat)>> {
        let mut found = Vec::new();
        for dir in fs::read_dir(self.root.join("objects"))? {
            for entry in fs::read_dir(dir?.path())? {
                let path = entry?.path();
                match File::open(&path).and_then(|mut file| read_header(&mut file)) {
                    Ok(object) => found.push(object),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => tracing::error!(path = %path.display(), error = %e, "unreadable object"),
                }
            }
        }
        Ok(found)
    }
}

/// An upload in progress. Dropping it removes it.
pub(super) struct Upload {
    file: File,
    temp: Temp,
    target: PathBuf,
    key: String,
    sha256: Sha256,
    md5: Option<Md5>,
    size: u64,
}

/// Digests of the bytes written.
pub(super) struct Written {
    /// Always computed.
    pub(super) sha256: [u8; 32],
    /// Computed if the caller asked for it.
    pub(super) md5: Option<Vec<u8>>,
    /// Length, bytes.
    pub(super) size: u64,
}

impl Upload {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Digests and length so far, to compare with what was promised before [`Upload::publish`].
    pub(super) fn written(&mut self) -> Written {
        Written {
            sha256: self.sha256.clone().finalize().into(),
            md5: self.md5.take().map(|md5| md5.finalize().as_ref().to_vec()),
            size: self.size,
        }
    }

    /// Makes the bytes durable and gives them their name atomically.
    pub(super) fn publish(mut self, replace: bool) -> io::Result<Published> {
        let key_len = u16::try_from(self.key.len()).map_err(|_| damaged("a key of more than 64 KiB"))?;
        let digest: [u8; 32] = self.sha256.clone().finalize().into();
        let mut header = Vec::with_capacity(FIXED_HEADER + self.key.len());
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&digest);
        header.extend_from_slice(&self.size.to_le_bytes());
        header.extend_from_slice(&key_len.to_le_bytes());
        header.extend_from_slice(self.key.as_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header)?;
        self.file.sync_all()?;

        let published = if replace {
            fs::rename(&self.temp.0, &self.target)?;
            Published::Yes
        } else {
            // link(2) fails if the name exists, so exactly one of several racing uploads wins.
            match fs::hard_link(&self.temp.0, &self.target) {
                Ok(()) => Published::Yes,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Published::Exists,
                Err(e) => return Err(e),
            }
        };
        // Also if the name existed: a caller that learns "exists" may rely on durability as if it had written the
        // object.
        if let Some(dir) = self.target.parent() {
            sync_dir(dir)?;
        }
        Ok(published)
    }
}

/// Removes the file when dropped; after a rename there is nothing left to remove.
struct Temp(PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_file(&self.0)
            && e.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), error = %e, "temporary file not removed");
        }
    }
}

fn header_len(key: &str) -> u64 {
    (FIXED_HEADER + key.len()) as u64
}

fn read_header(file: &mut File) -> io::Result<(String, Stat)> {
    let mut fixed = [0; FIXED_HEADER];
    file.read_exact(&mut fixed)?;
    let (magic, rest) = fixed.split_at(8);
    if magic != MAGIC {
        return Err(damaged("no object of this store"));
    }
    let (digest, rest) = rest.split_at(32);
    let (size, key_len) = rest.split_at(8);
    let sha256 = digest.try_into().map_err(|_| damaged("short header"))?;
    let size = u64::from_le_bytes(size.try_into().map_err(|_| damaged("short header"))?);
    let key_len = u16::from_le_bytes(key_len.try_into().map_err(|_| damaged("short header"))?);
    let mut key = vec![0; usize::from(key_len)];
    file.read_exact(&mut key)?;
    let key = String::from_utf8(key).map_err(|_| damaged("key is not UTF-8"))?;
    let metadata = file.metadata()?;
    if metadata.len() != header_len(&key) + size {
        return Err(damaged("cut short or grown"));
    }
    Ok((key, Stat { sha256, size, modified: metadata.modified()? }))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("stored file is damaged: {what}"))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn put(bucket: &Bucket, key: &str, bytes: &[u8], replace: bool) -> Published {
        let mut upload = bucket.begin(key, false).unwrap();
        upload.write(bytes).unwrap();
        upload.publish(replace).unwrap()
    }

    fn get(bucket: &Bucket, key: &str) -> io::Result<Vec<u8>> {
        let (mut file, stat) = bucket.open_object(key)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        assert_eq!(stat.size, bytes.len() as u64);
        assert_eq!(stat.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        Ok(bytes)
    }

    #[test]
    fn keys_never_become_paths() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(dir.path().join("b")).unwrap();
        for key in ["../../etc/x", "..", "a/../../b", "/", "dir", "dir/sub", &"k".repeat(1000)] {
            assert_eq!(put(&bucket, key, key.as_bytes(), false), Published::Yes, "{key}");
        }
        assert_eq!(get(&bucket, "dir/sub").unwrap(), b"dir/sub");
        let inside: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(inside, ["b"]);
        assert_eq!(bucket.scan().unwrap().len(), 7);
    }

    #[test]
    fn an_upload_that_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(dir.path().join("b")).unwrap();
        let mut upload = bucket.begin("k", false).unwrap();
        upload.write(b"half").unwrap();
        drop(upload);
        assert_eq!(fs::read_dir(dir.path().join("b/.tmp")).unwrap().count(), 0);
        assert_eq!(get(&bucket, "k").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_taken_name_is_kept_unless_replacing_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(dir.path().join("b")).unwrap();
        assert_eq!(put(&bucket, "k", b"one", false), Published::Yes);
        assert_eq!(put(&bucket, "k", b"two", false), Published::Exists);
        assert_eq!(get(&bucket, "k").unwrap(), b"one");
        assert_eq!(put(&bucket, "k", b"three", true), Published::Yes);
        assert_eq!(get(&bucket, "k").unwrap(), b"three");
        assert_eq!(fs::read_dir(dir.path().join("b/.tmp")).unwrap().count(), 0);
        bucket.remove("k").unwrap();
        bucket.remove("k").unwrap();
        assert!(get(&bucket, "k").is_err());
    }

    #[test]
    fn opening_removes_what_an_interrupted_upload_left() {
        let dir = tempfile::tempdir().unwrap();
        Bucket::open(dir.path().join("b")).unwrap();
        fs::write(dir.path().join("b/.tmp/stale"), b"x").unwrap();
        Bucket::open(dir.path().join("b")).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("b/.tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_truncated_file_is_no_object() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(dir.path().join("b")).unwrap();
        put(&bucket, "k", &[7; 1000], false);
        let file = OpenOptions::new().write(true).open(bucket.path("k")).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        assert_eq!(get(&bucket, "k").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
