//! SQLite databases whose newest rows are in `-wal`, or whose interrupted change is in `-journal`. These are backed up
//! as a consistent copy; the database itself is never written to.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
    config::DbConfig,
};
use tempfile::TempDir;

use super::stamp::Stamp;
use crate::{shell::quoted, source::SourceError, text, text::Text};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Magic number of a write-ahead log, except its last byte.
const LOG_MAGIC: [u8; 3] = [0x37, 0x7f, 0x06];
/// Ends a rollback journal that names another file, which SQLite would open and remove ("super-journal": SQLite file
/// format, section 3).
const NAMES_ANOTHER_FILE: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const PREFIX: &str = ".sealkeep-sqlite-";
/// Attempts while a writer holds the database, a quarter of a second each.
const TRIES: u32 = 240;
const PAUSE: Duration = Duration::from_millis(250);

/// The copy of a rollback journal.
const JOURNAL: &str = "copy-journal";

/// A database and those of its side files that are not empty.
pub(super) struct SideFiles {
    /// With symbolic links resolved, as SQLite does before it derives the names of the side files.
    database: PathBuf,
    found: Vec<PathBuf>,
}

impl SideFiles {
    /// `None`: not a SQLite database.
    pub(super) fn of(path: &Path, file: &File) -> io::Result<Option<Self>> {
        let mut head = [0; MAGIC.len()];
        let plain = file.read_exact_at(&mut head, 0).is_ok() && head == *MAGIC;
        let database = fs::canonicalize(path)?;
        let mut found = Vec::new();
        let mut is_log = false;
        for ending in ["-wal", "-journal"] {
            let mut name = database.clone().into_os_string();
            name.push(ending);
            let beside = PathBuf::from(name);
            if fs::metadata(&beside).is_ok_and(|about| about.is_file() && about.len() > 0) {
                let mut head = [0; LOG_MAGIC.len()];
                let read = File::open(&beside).and_then(|log| log.read_exact_at(&mut head, 0));
                is_log |= ending == "-wal" && read.is_ok() && head == LOG_MAGIC;
                found.push(beside);
            }
        }
        // A log next to a file that is no plain database: it may be encrypted, or everything may still be in the log.
        Ok((plain || is_log).then_some(Self { database, found }))
    }

    pub(super) const fn hold_rows(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn names(&self) -> String {
        let found = self.found.as_slice();
        let files = if found.is_empty() { std::slice::from_ref(&self.database) } else { found };
        let names = files.iter().filter_map(|path| path.file_name());
        names.map(|name| Path::new(name).display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn stamps(&self) -> io::Result<Vec<Stamp>> {
        let all = std::iter::once(&self.database).chain(&self.found);
        all.map(|path| fs::metadata(path).map(|about| Stamp::of(&about))).collect()
    }
}

/// `3.51.0`
pub(super) fn version() -> &'static str {
    rusqlite::version()
}

/// A consistent, unnamed copy that only its owner can read.
pub(super) fn copy(sides: &SideFiles, spool: &Path) -> Result<File, SourceError> {
    let shown = sides.database.display().to_string();
    let failed = |detail: Text| SourceError::Copy {
        what: shown.clone(),
        detail,
        command: format!("sqlite3 {} \"VACUUM INTO 'copy.db'\"", quoted(&shown)),
    };
    let no_room = |e: io::Error| failed(Text::verbatim(format!("{}: {e}", spool.display())));
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(spool).map_err(no_room)?;
    // Files at rest are copied without SQLite touching anything; its locks are needed only if there is a writer.
    if quiet_copy(sides, &folder).map_err(no_room)? {
        if names_another_file(&folder.path().join(JOURNAL)).map_err(no_room)? {
            return Err(failed(text!(
                "its -journal is of a change of several databases at once, and names a file that would be removed"
            )));
        }
        recover(&copied(&folder)).map_err(|e| failed(Text::verbatim(e.to_string())))?;
    } else {
        fs::remove_file(copied(&folder)).or_else(absent).map_err(no_room)?;
        online_copy(&sides.database, &copied(&folder)).map_err(|e| failed(Text::verbatim(e.to_string())))?;
    }
    let file = OpenOptions::new().read(true).open(copied(&folder)).map_err(no_room)?;
    folder.close().map_err(no_room)?;
    Ok(file)
}

/// Removes copies left behind by a killed run.
pub(super) fn tidy(spool: &Path) {
    let Ok(entries) = fs::read_dir(spool) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn copied(folder: &TempDir) -> PathBuf {
    folder.path().join("copy")
}

/// `false`: something changed meanwhile, so the copy may be inconsistent.
fn quiet_copy(sides: &SideFiles, folder: &TempDir) -> io::Result<bool> {
    let before = sides.stamps()?;
    before.iter().for_each(Stamp::settle);
    let mut copies = vec![(sides.database.as_path(), copied(folder))];
    for beside in &sides.found {
        let ending =
            if beside.as_os_str().as_encoded_bytes().ends_with(b"-wal") { "copy-wal" } else { JOURNAL };
        copies.push((beside, folder.path().join(ending)));
    }
    for (from, to) in &copies {
        match fs::copy(from, to) {
            Ok(_) => fs::set_permissions(to, Permissions::from_mode(0o600))?,
            // It existed a moment ago.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        }
    }
    if sides.stamps().is_ok_and(|after| after == before) {
        return Ok(true);
    }
    copies.iter().try_for_each(|(_, copy)| fs::remove_file(copy))?;
    Ok(false)
}

/// The journal is somebody else's file: without this check, anyone who may write to a database could have any file
/// removed that the backup's user may remove.
fn names_another_file(journal: &Path) -> io::Result<bool> {
    let file = match File::open(journal) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    let Some(at) = file.metadata()?.len().checked_sub(NAMES_ANOTHER_FILE.len() as u64) else {
        return Ok(false);
    };
    let mut end = [0; NAMES_ANOTHER_FILE.len()];
    file.read_exact_at(&mut end, at)?;
    Ok(end == NAMES_ANOTHER_FILE)
}

/// Applies the copied log to the copied database, or rolls back an interrupted change.
fn recover(copy: &Path) -> rusqlite::Result<()> {
    let database = Connection::open_with_flags(
        copy,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // The first read of the schema triggers the recovery.
    database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    let (blocked, _, _) = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    if blocked != 0 {
        return Err(rusqlite::Error::ExecuteReturnedResults);
    }
    database.close().map_err(|(_, error)| error)
}

/// SQLite's online backup: one read transaction, regardless of writers.
fn online_copy(database: &Path, copy: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let from = Connection::open_with_flags(database, flags)?;
    from.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let mut to = Connection::open(copy)?;
    let backup = Backup::new(&from, &mut to)?;
    let mut tries = 0;
    loop {
        match backup.step(-1)? {
            StepResult::Done => break,
            _ if tries == TRIES => return Err(rusqlite::Error::ExecuteReturnedResults),
            _ => tries += 1,
        }
        thread::sleep(PAUSE);
    }
    drop(backup);
    to.close().map_err(|(_, error)| error)
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
