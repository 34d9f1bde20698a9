//! The object store as its operator sees it: objects can be read, truncated, swapped, removed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    failure::{Failure, Result},
    files,
};

/// The embedded store writes each object as one file: magic, SHA-256, length (u64, little-endian), length of the key
/// (u16, little-endian), key, bytes.
const MAGIC: &[u8] = b"SKOBJ\0\0\x01";
const LENGTHS: usize = MAGIC.len() + 32;
const FIXED_HEADER: usize = LENGTHS + 8 + 2;

/// The embedded store's directory.
pub struct Bucket {
    dir: PathBuf,
}

/// One object in it.
#[derive(Debug, Clone)]
pub struct Object {
    /// As in S3: `v1/<vault>/<kind>/<id>`.
    pub key: String,
    path: PathBuf,
}

impl Bucket {
    /// Opens a store's directory.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All objects of all buckets by id, the last part of their key.
    ///
    /// # Errors
    /// The file system's.
    pub fn objects(&self) -> Result<BTreeMap<String, Object>> {
        let mut objects = BTreeMap::new();
        for path in files::walk(&self.dir)? {
            let file = fs::read(&path)?;
            if let Some((key, _)) = split(&file) {
                let id = key.rsplit('/').next().unwrap_or_default().to_owned();
                objects.insert(id, Object { key, path });
            }
        }
        Ok(objects)
    }

    /// The objects of one kind: `packs`, `index`, `snapshots` or `keys`.
    ///
    /// # Errors
    /// The file system's.
    pub fn of_kind(&self, kind: &str) -> Result<BTreeMap<String, Object>> {
        let mut objects = self.objects()?;
        objects.retain(|_, object| object.key.split('/').nth(2) == Some(kind));
        Ok(objects)
    }
}

impl Object {
    /// Its bytes.
    ///
    /// # Errors
    /// It is gone, or not an object.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let file = fs::read(&self.path)?;
        split(&file).map(|(_, bytes)| bytes.to_owned()).ok_or_else(|| Failure::new("not an object's file"))
    }

    /// Stores other bytes under the same key with a matching checksum, like a hostile store.
    ///
    /// # Errors
    /// The file system's.
    pub fn replace(&self, bytes: &[u8]) -> Result<()> {
        let mut file = MAGIC.to_vec();
        file.extend(Sha256::digest(bytes));
        file.extend((bytes.len() as u64).to_le_bytes());
        let length = u16::try_from(self.key.len()).map_err(|_| Failure::new("the key is too long"))?;
        file.extend(length.to_le_bytes());
        file.extend(self.key.as_bytes());
        file.extend(bytes);
        Ok(fs::write(&self.path, file)?)
    }

    /// Inverts one bit.
    ///
    /// # Errors
    /// The file system's, or the object is too short.
    pub fn flip(&self, at: usize) -> Result<()> {
        let mut bytes = self.bytes()?;
        *bytes.get_mut(at).ok_or_else(|| Failure::new("the object is shorter than that"))? ^= 1;
        self.replace(&bytes)
    }

    /// Removes it.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(&self) -> Result<()> {
        Ok(fs::remove_file(&self.path)?)
    }
}

fn split(file: &[u8]) -> Option<(String, &[u8])> {
    file.strip_prefix(MAGIC)?;
    let length: [u8; 2] = file.get(LENGTHS + 8..FIXED_HEADER)?.try_into().ok()?;
    let end = FIXED_HEADER + usize::from(u16::from_le_bytes(length));
    let key = String::from_utf8(file.get(FIXED_HEADER..end)?.to_owned()).ok()?;
    Some((key, file.get(end..)?))
}
