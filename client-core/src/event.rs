//! Progress events: the only way progress leaves this crate.

use std::{fmt, path::PathBuf};

use crate::text::Text;
use api_types::ObjectId;

/// A peer that may be unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The metadata service.
    Service,
    /// The object store.
    Store,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "the service",
            Self::Store => "the storage",
        })
    }
}

/// What an operation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Syncing with the vault: directory, snapshots, index.
    Sync,
    /// Reading the source and storing new data.
    Dump,
    /// Storing index and snapshot, and committing.
    Commit,
    /// Restoring a dump.
    Restore {
        /// Bytes of the dump.
        total: u64,
    },
    /// Verifying stored data.
    Check {
        /// Number of snapshots.
        snapshots: u64,
    },
}

/// Something that happened. Amounts are increments; the observer adds them up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A stage began.
    Stage(Stage),
    /// Expected size of the dump: the size of the database or file.
    Expected {
        /// Approximate bytes.
        bytes: u64,
    },
    /// The source delivered bytes.
    Read {
        /// Number of bytes.
        bytes: u64,
    },
    /// A new chunk was stored.
    NewChunk {
        /// Bytes of the dump.
        plain: u64,
        /// Bytes it takes when stored.
        stored: u64,
    },
    /// A chunk was already stored.
    DuplicateChunk {
        /// Bytes of the dump.
        plain: u64,
    },
    /// An object was uploaded and confirmed.
    Uploaded {
        /// Its size in bytes.
        bytes: u64,
    },
    /// Restored bytes were verified and written.
    Restored {
        /// Number of bytes.
        bytes: u64,
    },
    /// Stored bytes were verified.
    Checked {
        /// Number of bytes.
        bytes: u64,
    },
    /// A peer does not answer and the operation is waiting. Repeated until it does.
    Away {
        /// Which peer.
        peer: Peer,
        /// How long it has been unreachable, seconds.
        seconds: u64,
        /// How long the operation will wait, seconds.
        limit: u64,
    },
    /// The peer answers again.
    Reachable,
    /// The service demands a proof of work before sign-in because many are trying. Repeated until it is done.
    Proving {
        /// Time spent on it so far, seconds.
        seconds: u64,
        /// Estimated total, seconds.
        about: u64,
    },
    /// The proof of work is done.
    Proven,
    /// Something the user should know although the operation continues.
    Warning(Warning),
}

/// A problem that did not stop the operation but that the user should know about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Tables that the database user may not read. Dumping them fails.
    #[error("the database user may not read {} tables, such as {}", .0.len(), .0.first().map_or("", String::as_str))]
    UnreadableTables(Vec<String>),
    /// A connection to another machine without TLS.
    #[error("the connection to the database at {0} is not encrypted")]
    PlainConnection(String),
    /// The local cache was unusable and has been recreated.
    #[error("the local cache was damaged; it was kept as {} and is being rebuilt", .0.display())]
    CacheQuarantined(PathBuf),
    /// `pins.db` is missing or was restored from an older copy.
    #[error(
        "this device's local record of your snapshots (pins.db) is missing or outdated; the copy stored with its keys is used instead"
    )]
    MemoryLost,
    /// The rows of the last dump are unknown.
    #[error("{0}; this backup is larger than necessary, but complete")]
    RecordListUnusable(Text),
    /// A compressed dump: nearly all of its bytes change from day to day.
    #[error(
        "this dump is compressed with {0}, so each backup of it will be nearly as large as the first; turn the compression off (pg_dump -Fc -Z0, or no `| {0}`): Sealkeep compresses the data itself"
    )]
    CompressedDump(&'static str),
    /// An index object was skipped.
    #[error(
        "index object {id} cannot be read and is skipped ({why}); it is a cache, no backup depends on it, and `sealkeep check` lists it"
    )]
    BadIndexObject {
        /// Which object.
        id: ObjectId,
        /// What is wrong with it.
        why: Text,
    },
    /// A snapshot from another device whose clock was wrong, or that tries to push our clock forward.
    #[error(
        "snapshot {snapshot} was signed by the device \"{device}\" {minutes} minutes ahead of this machine's clock: one of the two clocks is wrong; if neither is, revoke that device"
    )]
    SignedAhead {
        /// Short form of its id.
        snapshot: String,
        /// Name of its device.
        device: String,
        /// By how much.
        minutes: i64,
    },
    /// A SQLite database in use, of which a consistent copy was made.
    #[error("{file} is a SQLite database in use: a consistent copy is backed up, with the rows in {sides}")]
    SqliteCopied {
        /// The database.
        file: String,
        /// The files beside it that hold rows.
        sides: String,
    },
    /// The file changed while it was read, and is read once more.
    #[error("{0}; reading it again")]
    ReadAgain(Text),
    /// Some facts about the database could not be determined.
    #[error(
        "some facts about the database could not be determined before the dump, which does not need them: {0}"
    )]
    FactsUnknown(String),
    /// Databases that an interrupted restore left behind.
    #[error("an interrupted restore left {0} on this server; `sealkeep restore --clean-up URL` drops it")]
    LeftOver(String),
    /// Any other warning, as a sentence.
    #[error("{0}")]
    Other(Text),
}

/// Receives events. It must return quickly: it is called from the pipeline's own threads.
pub trait Observer: Send + Sync {
    /// Receives one event.
    fn event(&self, event: &Event);
}

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}
