//! The object store seen by whoever runs it: files that can be read, cut, swapped, removed.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, Result},
    files,
};

const PACK_MAGIC: &[u8] = b"SKPACK";

/// The embedded store's directory. An object lies there as one file whose bytes are the object's, under a name of
/// the store's own; the SHA-256 of the bytes is the object's id.
pub struct Bucket {
    dir: PathBuf,
}

impl Bucket {
    /// Looks at a store's directory.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every file, with the id that its bytes have.
    ///
    /// # Errors
    /// As the file system.
    pub fn objects(&self) -> Result<BTreeMap<String, PathBuf>> {
        files::walk(&self.dir)?.into_iter().map(|path| Ok((files::sha256(&path)?, path))).collect()
    }

    /// The files of packs: the large objects, told by the magic at their start.
    ///
    /// # Errors
    /// As the file system.
    pub fn packs(&self) -> Result<BTreeMap<String, PathBuf>> {
        let mut objects = self.objects()?;
        objects.retain(|_, path| starts_with(path, PACK_MAGIC));
        Ok(objects)
    }

    /// Replaces an object's bytes behind everybody's back.
    ///
    /// # Errors
    /// As the file system.
    pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(fs::write(path, bytes)?)
    }

    /// Inverts one bit.
    ///
    /// # Errors
    /// As the file system, or the object is shorter.
    pub fn flip(path: &Path, at: usize) -> Result<()> {
        let mut bytes = fs::read(path)?;
        let byte = bytes.get_mut(at).ok_or_else(|| Failure::new("the object is shorter than that"))?;
        *byte ^= 1;
        Self::replace(path, &bytes)
    }
}

fn starts_with(path: &Path, magic: &[u8]) -> bool {
    use std::io::Read;
    let mut start = vec![0; magic.len()];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == magic
}
