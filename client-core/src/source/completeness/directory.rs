//! Checks a `pg_dump` in directory or tar format inside a tar archive: its toc.dat names the files with its rows, and
//! `blobs.toc` those with its large objects. All of them must be present.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{
    Broken,
    pgdmp::{self, Walker},
};
use crate::{text, text::Text};

/// Maximum number of files tracked in one archive.
const MAX_FILES: usize = 1_000_000;
/// Maximum line length in a list of large objects, bytes.
const MAX_LINE: usize = 256;
/// Suffixes that compression appends to a name.
const COMPRESSED: &[&str] = &["", ".gz", ".lz4", ".zst"];
/// Text rows end with this, whether for COPY or INSERT.
const ROWS_END: &[u8] = b"\n\n";

/// The current file.
enum File {
    /// Not part of a dump.
    Other,
    /// The first bytes of a possible table of contents.
    Head(Vec<u8>),
    Toc(Box<Walker>),
    /// A line of a list of large objects.
    Objects(Vec<u8>),
    /// The last bytes of a table's rows.
    Rows(Vec<u8>),
}

/// The files of an archive that belong to a dump.
pub(super) struct Directory {
    file: File,
    path: String,
    /// Hashes of the paths: there may be many.
    present: HashSet<u64>,
    /// Folders with a table of contents, and the paths named there.
    folders: Vec<String>,
    named: Vec<String>,
    objects: Vec<String>,
    /// Truncated row files.
    cut: Vec<String>,
    /// There were too many files, or an unsupported version.
    beyond: bool,
    rows: bool,
}

impl Directory {
    pub(super) fn new() -> Self {
        Self {
            file: File::Other,
            path: String::new(),
            present: HashSet::new(),
            folders: Vec::new(),
            named: Vec::new(),
            objects: Vec::new(),
            cut: Vec::new(),
            beyond: false,
            rows: false,
        }
    }

    /// A file or a link to one begins. `contents`: whether its bytes follow.
    pub(super) fn begin(&mut self, path: &str, contents: bool) {
        self.file = File::Other;
        path.clone_into(&mut self.path);
        let (_, name) = split(path);
        let is_rows = is_rows(name);
        self.rows |= is_rows;
        if !is_rows && !name.starts_with("blob") && name != "toc.dat" {
            return;
        }
        if self.present.len() >= MAX_FILES {
            self.beyond = true;
            return;
        }
        self.present.insert(hash(path));
        if contents && name == "toc.dat" {
            self.file = File::Head(Vec::new());
        } else if contents && is_objects(name) {
            self.file = File::Objects(Vec::new());
        } else if contents && is_rows && name.ends_with(".dat") {
            self.file = File::Rows(Vec::new());
        }
    }

    pub(super) fn content(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.file {
            File::Other => {}
            File::Head(head) => {
                head.extend_from_slice(bytes);
                match pgdmp::archive_version(head) {
                    None if head.len() < 8 => {}
                    Some(version) if pgdmp::is_known(version) => {
                        let mut walker = Box::new(Walker::of_directory());
                        let fed = walker.feed(head);
                        self.file = File::Toc(walker);
                        fed?;
                    }
                    other => {
                        self.beyond |= other.is_some();
                        self.file = File::Other;
                    }
                }
            }
            File::Toc(walker) => walker.feed(bytes)?,
            File::Objects(line) => {
                for byte in bytes {
                    if *byte != b'\n' {
                        if line.len() < MAX_LINE {
                            line.push(*byte);
                        }
                        continue;
                    }
                    let text = String::from_utf8_lossy(line);
                    if let Some((_, name)) = text.split_once(' ') {
                        self.objects.push(format!("{}{name}", split(&self.path).0));
                    }
                    line.clear();
                }
                self.beyond |= self.objects.len() > MAX_FILES;
                self.objects.truncate(MAX_FILES);
            }
            File::Rows(last) => {
                last.extend_from_slice(
                    bytes.get(bytes.len().saturating_sub(ROWS_END.len())..).unwrap_or_default(),
                );
                last.drain(..last.len().saturating_sub(ROWS_END.len()));
            }
        }
        Ok(())
    }

    /// The file has ended.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        match std::mem::replace(&mut self.file, File::Other) {
            File::Toc(walker) => {
                let folder = split(&self.path).0;
                self.named.extend(walker.files()?.iter().map(|name| format!("{folder}{name}")));
                self.folders.push(folder.to_owned());
            }
            File::Head(head) if b"PGDMP".starts_with(&head) => {
                return Err(Broken(text!("pg_dump archive: its toc.dat is cut off")));
            }
            File::Rows(last) if last != ROWS_END => self.cut.push(self.path.clone()),
            File::Objects(line) if !line.is_empty() => self.cut.push(self.path.clone()),
            _ => {}
        }
        Ok(())
    }

    /// Whether everything could be checked.
    pub(super) fn finish(&self) -> Result<bool, Broken> {
        let broken = |what: Text| Err(Broken(text!("pg_dump archive: {what}", what)));
        let of_dump = |path: &&String| self.folders.iter().any(|folder| split(path).0 == folder);
        if let Some(cut) = self.cut.iter().find(of_dump) {
            return broken(text!("its file {file} is cut off", file = cut));
        }
        if self.beyond {
            return Ok(false);
        }
        let named = self.named.iter().chain(self.objects.iter().filter(of_dump));
        let missing: Vec<&String> = named.filter(|path| !self.has(path)).collect();
        let without: usize = self.folders.iter().filter(|folder| self.lists_objects_for(folder)).count();
        if let Some(first) = missing.get(without) {
            let count = missing.len() - without;
            return broken(text!(
                "{count} of the files that its toc.dat names are missing (such as {first})",
                count,
                first
            ));
        }
        // Rows without a table of contents may be a dump that lost it.
        Ok(!self.rows || !self.folders.is_empty())
    }

    /// Up to version 16 `pg_dump -Ft` announces a file for large objects but writes `blobs.toc` instead.
    fn lists_objects_for(&self, folder: &str) -> bool {
        let list = format!("{folder}blobs.toc");
        self.present.contains(&hash(&list)) && !self.named.contains(&list)
    }

    fn has(&self, path: &str) -> bool {
        let there = |path: &str| self.present.contains(&hash(path));
        if COMPRESSED.iter().any(|suffix| there(&format!("{path}{suffix}"))) {
            return true;
        }
        // pg_dump -Ft writes no file of that name for large objects; since version 17 their lists have its number.
        let (folder, name) = split(path);
        let id = name.strip_suffix(".dat").unwrap_or(name);
        there(&format!("{folder}blobs_{id}.toc"))
    }
}

fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The folder, with its slash, and the file name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// `3456.dat`, `3456.dat.gz`
fn is_rows(name: &str) -> bool {
    name.split_once(".dat").is_some_and(|(id, suffix)| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && COMPRESSED.contains(&suffix)
    })
}

/// `blobs.toc`, since PostgreSQL 17 `blobs_3456.toc`
fn is_objects(name: &str) -> bool {
    name.starts_with("blobs") && name.ends_with(".toc")
}
