//! Database schema, forward only: steps are appended and never changed.

use std::{
    fs::{OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use api_types::VaultId;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::StateError;

/// How long to wait for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The vault that the state belongs to.
const VAULT: &str = "
CREATE TABLE vault (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id  BLOB    NOT NULL
) STRICT;
";

/// Index cache and journal.
pub(super) const STATE: &[&str] = &["
CREATE TABLE object (          -- stored objects that this device knows
    id      BLOB    NOT NULL PRIMARY KEY,
    kind    TEXT    NOT NULL,
    number  INTEGER,           -- the service's; null for packs learned from another device's index
    size    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pack (
    key       INTEGER NOT NULL PRIMARY KEY,
    id        BLOB    NOT NULL UNIQUE,
    number    INTEGER,
    size      INTEGER NOT NULL,
    segment   BLOB,            -- index object that describes it; null: not in the bucket's index yet; empty: known by name only
    device    BLOB             -- who signed that index object; null: this device packed it itself
) STRICT;
CREATE INDEX pack_without_segment ON pack (key) WHERE segment IS NULL;
CREATE TABLE chunk (
    id          BLOB    NOT NULL PRIMARY KEY,
    pack        INTEGER NOT NULL,
    record_no   INTEGER NOT NULL,
    encoding    INTEGER NOT NULL,
    plain_len   INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    sealed_len  INTEGER NOT NULL,
    copied_from BLOB            -- keys of the packs its recipe leads to (roaring bitmap)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_by_pack ON chunk (pack);
CREATE TABLE run (
    id         BLOB    NOT NULL PRIMARY KEY,
    source     BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'committed', 'failed')),
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    bytes_read INTEGER,
    failure    TEXT,
    snapshot   BLOB
) STRICT;
CREATE TABLE sealed (          -- small stored objects as they lie in the bucket, so that lists need not fetch them
    id    BLOB NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
", "
CREATE TABLE bad_object (      -- index objects that could not be read; none is needed for a restore
    id      BLOB    NOT NULL PRIMARY KEY,
    why     TEXT    NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE evidence (        -- how well a snapshot was proven on this device
    snapshot BLOB    NOT NULL PRIMARY KEY,
    level    INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
", VAULT, "
CREATE TABLE run_log (         -- what happened in the newest runs
    run  BLOB    NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT    NOT NULL,
    text TEXT    NOT NULL
) STRICT;
CREATE INDEX run_log_by_run ON run_log (run);
", "
CREATE TABLE any_run (         -- backups, restores and verifications of this device
    id          BLOB    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('backup', 'restore', 'verify')),
    name        TEXT,          -- the source's; null: it ended before that was known, or it was about all sources
    source_kind TEXT,
    target_kind TEXT,
    target      TEXT,          -- a path, or an address without secrets
    state       TEXT    NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    bytes_read  INTEGER,
    failure     TEXT,
    snapshot    BLOB           -- the one that it created, restored or verified
) STRICT;
INSERT INTO any_run (id, kind, name, source_kind, state, started_at, ended_at, bytes_read, failure, snapshot)
    SELECT id, 'backup', name, kind, replace(state, 'committed', 'done'), started_at, ended_at, bytes_read, failure,
        snapshot
    FROM run ORDER BY rowid;
DROP TABLE run;
ALTER TABLE any_run RENAME TO run;
"];

/// What was seen before.
pub(super) const PINS: &[&str] = &[
    "
CREATE TABLE directory (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    len  INTEGER NOT NULL,
    hash BLOB    NOT NULL
) STRICT;
CREATE TABLE head (
    device   BLOB    NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
",
    VAULT,
    "
CREATE TABLE snapshot (        -- which stored object carries a head: learned when it was opened here
    head BLOB NOT NULL PRIMARY KEY,
    id   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
",
];

/// Opens a database of this vault and migrates it to the newest layout.
pub(super) fn open(
    path: &Path,
    name: &'static str,
    steps: &[&str],
    vault: VaultId,
) -> Result<Connection, StateError> {
    for_owner_only(path)?;
    let mut db = Connection::open(path)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    write_ahead(&db)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.set_prepared_statement_cache_capacity(32);
    if layout(&db, name, steps)? < steps.len() {
        // Checked again under the write lock: another process may be creating the same file.
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, step) in steps.iter().enumerate().skip(layout(&change, name, steps)?) {
            change.execute_batch(step)?;
            change.pragma_update(None, "user_version", number + 1)?;
        }
        change.execute("INSERT OR IGNORE INTO vault (one, id) VALUES (1, ?1)", [vault.as_bytes()])?;
        change.commit()?;
    }
    // Also reads the schema, so that a damaged file is detected here.
    let kept: [u8; 16] = db.query_row("SELECT id FROM vault", [], |row| row.get(0))?;
    if kept == *vault.as_bytes() { Ok(db) } else { Err(StateError::OtherVault { name }) }
}

/// `SQLite` creates files with the process's umask, and journals with the mode of the database itself. They contain
/// names of sources, so only the owner gets access, from the first byte on.
fn for_owner_only(path: &Path) -> Result<(), StateError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let narrowed = file.and_then(|file| {
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 == 0 { Ok(()) } else { file.set_permissions(Permissions::from_mode(0o600)) }
    });
    narrowed.map_err(|error| StateError::File { path: path.to_owned(), error })
}

/// Number of steps that were applied.
fn layout(db: &Connection, name: &'static str, steps: &[&str]) -> Result<usize, StateError> {
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(found) {
        Ok(done) if done <= steps.len() => Ok(done),
        Ok(_) => Err(StateError::Newer { name, found }),
        Err(_) => Err(StateError::Impossible),
    }
}

/// `SQLite` itself does not wait when two processes switch a new file at once.
fn write_ahead(db: &Connection) -> Result<(), StateError> {
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        match db.pragma_update(None, "journal_mode", "WAL") {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(20));
            }
            done => return Ok(done?),
        }
    }
}

/// Whether the file itself is at fault.
pub(super) fn is_damage(error: &StateError) -> bool {
    match error {
        StateError::Sqlite(e) => {
            matches!(e.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
        }
        StateError::Impossible => true,
        StateError::Newer { .. }
        | StateError::OtherVault { .. }
        | StateError::Quarantine { .. }
        | StateError::File { .. }
        | StateError::Forked(_) => false,
    }
}
