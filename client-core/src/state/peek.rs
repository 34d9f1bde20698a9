//! A look at a state that nobody has opened, whatever vault it belongs to: it is read as it is, and nothing is created.

use std::{path::Path, time::Duration};

use api_types::ObjectId;
use rusqlite::{Connection, OpenFlags};

use super::{
    StateError,
    runs::{Run, newest},
};

/// How long another process may keep us waiting.
const TIMEOUT: Duration = Duration::from_millis(20);

/// What is in it.
#[derive(Default)]
pub struct Peeked {
    /// The newest runs, newest first.
    pub runs: Vec<Run>,
    /// Small stored objects, still sealed: the last that were cached first.
    pub sealed: Vec<(ObjectId, Vec<u8>)>,
}

/// Reads at most so many of each.
///
/// # Errors
/// There is no state, or it cannot be read.
pub fn peek(home: &Path, most: u32) -> Result<Peeked, StateError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(home.join("state.db"), flags)?;
    db.busy_timeout(TIMEOUT)?;
    let mut query = db.prepare("SELECT id, bytes FROM sealed ORDER BY rowid DESC LIMIT ?1")?;
    let rows = query.query_map([most], |row| Ok((ObjectId::new(row.get(0)?), row.get(1)?)))?;
    Ok(Peeked { runs: newest(&db, None, most)?, sealed: rows.collect::<Result<_, _>>()? })
}
