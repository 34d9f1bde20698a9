//! Progress as values: the only way it leaves this crate.

use std::{fmt, path::PathBuf};

use api_types::ObjectId;

/// Who can be away.
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
            Self::Store => "the object store",
        })
    }
}

/// What an operation is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Catching up with the vault: directory, snapshots, index.
    Sync,
    /// Reading the source and storing what is new.
    Dump,
    /// Storing index and snapshot, and committing.
    Commit,
    /// Writing a dump back.
    Restore {
        /// Bytes of the dump.
        total: u64,
    },
    /// Verifying what is stored.
    Check {
        /// How many snapshots there are.
        snapshots: u64,
    },
}

/// Something that happened. Amounts are increments, so that an observer adds them up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another stage began.
    Stage(Stage),
    /// How large the dump is expected to be: the size of the database or the file.
    Expected {
        /// Bytes, about.
        bytes: u64,
    },
    /// The source delivered bytes.
    Read {
        /// How many.
        bytes: u64,
    },
    /// A chunk that was not stored before.
    NewChunk {
        /// Bytes of the dump.
        plain: u64,
        /// Bytes it takes when stored.
        stored: u64,
    },
    /// A chunk that is stored already.
    DuplicateChunk {
        /// Bytes of the dump.
        plain: u64,
    },
    /// An object was stored and confirmed.
    Uploaded {
        /// Its bytes.
        bytes: u64,
    },
    /// Restored bytes were verified and written.
    Restored {
        /// How many.
        bytes: u64,
    },
    /// Stored bytes were verified.
    Checked {
        /// How many.
        bytes: u64,
    },
    /// Somebody does not answer; the operation waits. Repeated while that lasts.
    Away {
        /// Who.
        peer: Peer,
        /// For how long, seconds.
        seconds: u64,
        /// How long it is waited for, seconds.
        limit: u64,
    },
    /// Whoever was away answers again.
    Reachable,
    /// The service asks for work before it lets anybody sign in, for many try. Repeated while that lasts.
    Proving {
        /// For how long it has been worked, seconds.
        seconds: u64,
        /// How long it takes, about.
        about: u64,
    },
    /// That work is done.
    Proven,
    /// Something a person should know, although the operation goes on.
    Warning(Warning),
}

/// What did not stop an operation but should be known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Tables that the database user may not read. A dump of them fails.
    #[error("the database user may not read {} tables, such as {}", .0.len(), .0.first().map_or("", String::as_str))]
    UnreadableTables(Vec<String>),
    /// A connection to another machine without TLS.
    #[error("the connection to the database at {0} is not encrypted")]
    PlainConnection(String),
    /// The local cache was unusable and started anew.
    #[error("the local cache was damaged; it was kept as {} and is built anew", .0.display())]
    CacheQuarantined(PathBuf),
    /// `pins.db` is gone, or from an older copy.
    #[error(
        "this device's memory of what the service showed it (pins.db) is gone or older than its keys; what stands beside the keys counts, and a service that shows less is refused"
    )]
    MemoryLost,
    /// What the last dump's rows were is not known.
    #[error("{0}; this backup is larger than it needs to be, and as right as any")]
    RecordListUnusable(String),
    /// A compressed dump: nearly all of it changes from one day to the next.
    #[error(
        "this dump is compressed with {0}, so each backup of it will be nearly as large as the first; leave the compression out (pg_dump -Fc -Z0, or no `| {0}`): Sealkeep compresses by itself"
    )]
    CompressedDump(&'static str),
    /// An index object was skipped.
    #[error(
        "index object {id} cannot be read and is skipped ({why}); it is a cache: no backup depends on it, and `sealkeep check` lists it"
    )]
    BadIndexObject {
        /// Which one.
        id: ObjectId,
        /// What is wrong with it.
        why: String,
    },
    /// A snapshot of another device whose clock was wrong, or who wants ours to be.
    #[error(
        "snapshot {snapshot} was signed by the device \"{device}\" {minutes} minutes ahead of this machine's clock: its clock or this one is wrong; if it is neither, revoke that device"
    )]
    SignedAhead {
        /// The short form of its id.
        snapshot: String,
        /// The name of its device.
        device: String,
        /// By how much.
        minutes: i64,
    },
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

/// Takes events. It must not block for long: it is called from the pipeline's own threads.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Takes events and does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}
