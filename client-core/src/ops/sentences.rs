//! The sentences of every error as a checked-in file, so that a review shows every changed sentence.
//! `UPDATE_ERRORS=1 cargo test sentences_are_as_they_were` writes it. Add each new `impl From<…> for Error` here.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fmt::Write, fs, io, path::Path};

use api_types::{
    DeviceId, ErrorCode, Problem, SnapshotId, canonical::Error as CborError,
    directory::Refused as RefusedEntry, envelope::Refused as RefusedEnvelope, id::InvalidId,
};
use rusqlite::ffi;

use crate::{
    api::ApiError,
    crypto::{InvalidKeyring, InvalidWords, recovery::RecoveryError, wrap::WrapError},
    encode::EncodeError,
    error::Error,
    format::{Format, FormatError, snapshot::Need},
    id::ChunkId,
    source::{
        SourceError,
        script::{Found, ScriptError},
    },
    state::StateError,
    store::StoreError,
    text,
    text::Text,
    vault::{DirectoryError, HistoryError},
};

/// Errors of one enum, each with its name. The match has no wildcard: it does not compile while a variant has no
/// example. A variant whose sentences differ has several.
macro_rules! every {
    ($kind:ident { $($variant:ident $({ $($field:tt)* })? $(( $($value:tt)* ))?),+ $(,)? }) => {{
        #[allow(unreachable_patterns, reason = "a variant may have several examples")]
        fn name(error: &$kind) -> &'static str {
            match error {
                $($kind::$variant { .. } => concat!(stringify!($kind), "::", stringify!($variant)),)+
            }
        }
        let examples = [$($kind::$variant $({ $($field)* })? $(( $($value)* ))?),+];
        examples.into_iter().map(|error| (name(&error), error))
    }};
}

/// What to do if the file differs.
const MEANT: &str = "if that is meant, UPDATE_ERRORS=1 cargo test sentences_are_as_they_were";

/// The content of the file so far.
#[derive(Default)]
struct Sentences(String);

impl Sentences {
    fn add(&mut self, name: &str, error: &Error) {
        let again = if error.is_retryable() { ", worth repeating" } else { "" };
        let (kind, happened) = (error.kind().as_str(), error.happened());
        let (meaning, next_step) = (error.meaning(), error.next_step());
        // Only the service's titles and reports of our own bugs may be words that the window does not look up.
        let foreign = kind == "internal" || name.starts_with("ErrorCode::");
        assert!(
            foreign || !error.text().is_verbatim(),
            "{name} is told by a String, so it has no translation"
        );
        writeln!(
            self.0,
            "{name} ({kind}{again})\n  {happened}\n  Your backups: {meaning}.\n  Next: {next_step}.\n"
        )
        .unwrap();
    }

    fn all<E: Into<Error>>(&mut self, examples: impl Iterator<Item = (&'static str, E)>) {
        for (name, error) in examples {
            self.add(name, &error.into());
        }
    }
}

fn device() -> DeviceId {
    DeviceId::from_bytes([0xde; 16])
}

fn snapshot() -> SnapshotId {
    SnapshotId::new([0x5a; 32])
}

fn sqlite(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("disk I/O error".into()))
}

/// With a fixed message: the system's messages differ between systems.
fn denied() -> io::Error {
    io::Error::other("permission denied")
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

/// `numbers`: with the optional numbers about waiting and quotas.
fn problem(code: ErrorCode, numbers: bool) -> Box<Problem> {
    Box::new(Problem {
        kind: "about:blank".into(),
        title: "The service's own sentence.".into(),
        status: code.status(),
        code,
        request_id: "request-1".into(),
        retry_after: numbers.then_some(30),
        server_time: None,
        puzzle: None,
        used: numbers.then_some(9_000_000_000),
        quota: numbers.then_some(10_000_000_000),
        objects: Vec::new(),
    })
}

fn of_the_service(all: &mut Sentences) {
    all.all(every!(ApiError {
        Address(text!("`{scheme}` is not a supported scheme; use https", scheme = "ftp")),
        Unreachable {
            server: "https://api.example".into(),
            detail: Text::verbatim("connection refused".into()),
            retry_after: None,
        },
        Cancelled,
        Problem(problem(ErrorCode::Unavailable, false)),
        Problem(problem(ErrorCode::QuotaExceeded, false)),
        Problem(problem(ErrorCode::LimitReached, false)),
        Unexpected { server: "https://api.example".into(), detail: text!("status {status}", status = 302) },
        ClockTooFar { hours: 26 },
        NotSignedIn,
        WrongCredentials,
        Keeper(Error::io("device.keys", &full())),
        Internal("an invalid header".into()),
    }));
    for code in ErrorCode::ALL.iter().copied().chain([ErrorCode::Unknown]) {
        all.add(&format!("ErrorCode::{code:?}"), &ApiError::Problem(problem(code, true)).into());
    }
}

fn of_the_store(all: &mut Sentences) {
    let origin = || "https://store.example".to_owned();
    all.all(every!(StoreError {
        NeedNewUrl,
        AlreadyThere,
        NotFound,
        Foreign(text!("the service pointed to storage that does not belong to this vault")),
        Unreachable { origin: origin(), detail: Text::verbatim("connection refused".into()) },
        Cancelled,
        Refused { origin: origin(), detail: text!("status {status}", status = 403) },
        Damaged(text!("object 5a5a has 3 bytes instead of 4")),
        Disk("no space left".into()),
        Internal("a storage without a host".into()),
    }));
}

fn of_what_is_stored(all: &mut Sentences) {
    all.all(every!(FormatError {
        NewerVersion(Format::Pack),
        NotOurs(Format::Index),
        OtherVault(Format::Manifest),
        WrongKey { format: Format::Snapshot, epoch: 2 },
        Signature(Format::Snapshot),
        Damaged { format: Format::Pack, what: "it is cut off" },
        TooLarge(Format::Index),
        Sealing(Format::Pack),
    }));
    all.all(every!(EncodeError {
        Unknown(9),
        TooLong(20_000_000),
        Damaged("invalid zstd data"),
        MissingReference(ChunkId::new([0xcc; 32])),
        Compressor("out of memory".into()),
    }));
    all.all(every!(CborError { Malformed("it ends too early".into()), NotCanonical }));
    let id = InvalidId("device id");
    all.add("InvalidId", &id.into());
    all.all(every!(DirectoryError {
        Entry(RefusedEntry::Signature(3)),
        Key(3),
        Shortened { pinned: 4, found: 3 },
        Forked(3),
    }));
    let entries = every!(RefusedEntry {
        Malformed("it ends too early".into()),
        Version(2),
        Signature(3),
        Chain(3),
    });
    all.all(entries.map(|(name, refused)| (name, DirectoryError::Entry(refused))));
    all.all(every!(HistoryError {
        UnknownDevice { snapshot: snapshot(), device: device() },
        Envelope { snapshot: snapshot(), reason: RefusedEnvelope::Signature },
        OtherVault(snapshot()),
        Gap { device: device(), expected: 7 },
        Broken { device: device(), sequence: 7 },
        RolledBack { device: device(), sequence: 7 },
        Forked { device: device(), sequence: 7 },
        Renamed { shown: SnapshotId::new([0xa5; 32]), opened: snapshot() },
    }));
    let envelopes = every!(RefusedEnvelope { Malformed("it ends too early".into()), Version(2), Signature });
    let listed = |reason| HistoryError::Envelope { snapshot: snapshot(), reason };
    all.all(envelopes.map(|(name, refused)| (name, listed(refused))));
}

fn of_keys(all: &mut Sentences) {
    all.all(every!(InvalidKeyring { Newer(2), Malformed }));
    all.all(every!(InvalidWords {
        Count(23),
        Unknown { number: 3, typed: "tigre".into(), suggestion: Some("tiger") },
        Unknown { number: 3, typed: "xyzzy".into(), suggestion: None },
        Checksum,
        NoKit,
    }));
    all.all(every!(RecoveryError { WrongWords, Damaged, Newer("sealkeep-recovery-2".into()), Sealing }));
    all.all(every!(WrapError { NotAWrap, Elsewhere, WrongKey, Damaged }));
}

fn of_this_device(all: &mut Sentences) {
    all.all(every!(StateError {
        Sqlite(sqlite(ffi::SQLITE_IOERR)),
        Sqlite(sqlite(ffi::SQLITE_FULL)),
        Newer { name: "state.db", found: 9 },
        OtherVault { name: "pins.db" },
        Quarantine { path: "/home/me/state.db".into(), error: denied() },
        File { path: "/home/me/state.db".into(), error: denied() },
        File { path: "/home/me/state.db".into(), error: full() },
        Forked("the device directory"),
        Impossible,
    }));
}

fn source_errors() -> Vec<(&'static str, SourceError)> {
    let place = || "db.example:5432/shop".to_owned();
    let detail = || "ERROR:  the server's own sentence".to_owned();
    let tool = || "pg_dump 17.2".to_owned();
    let how = || text!("exit code {code}", code = 1);
    let file = || "/srv/shop.sqlite".to_owned();
    let scripted = |found| SourceError::Script(ScriptError { line: 12, found });
    let errors = every!(SourceError {
        Usage(text!("standard input requires a name (--name)")),
        Unreachable { place: place(), detail: detail() },
        Refused { place: place(), detail: detail() },
        NoDatabase { place: place(), detail: detail() },
        QueryFailed { place: place(), detail: detail(), state: None },
        Pooler(place()),
        ToolMissing { tool: "psql", looked: "/usr/bin".into(), install: "the PostgreSQL client tools" },
        ToolTooOld {
            tool: "pg_dump",
            product: "PostgreSQL",
            server: 17,
            found: "15".into(),
            install: "the PostgreSQL client tools, version 17".into(),
        },
        DumpFailed { tool: tool(), how: how(), detail: detail() },
        Incomplete(text!("its last line is missing")),
        Unreadable { what: file(), detail: "permission denied".into() },
        Changed { what: file(), how: text!("it grew") },
        Copy { what: file(), detail: Text::verbatim("database is locked".into()), command: "sqlite3 a .dump".into() },
        NoFile(file()),
        NotEmpty(place()),
        SameAsSource(place()),
        MayBeCopy(place()),
        NotReplaceable { place: place(), why: text!("it has another owner") },
        Taken("shop".into()),
        Reserved { place: place(), what: text!("the server's maintenance database, which other programs connect to"), allowed: true },
        Reserved { place: place(), what: text!("a template of new databases, which is never a restore target"), allowed: false },
        InUse { database: "shop".into(), who: "process 4711 of app (psql)".into() },
        TooManyLocks { place: place(), need: 9000, free: 6400, setting: 64, enough: 128 },
        TransactionLost,
        Uncertain { place: place(), detail: Text::verbatim(detail()) },
        NotRestorable(text!("it is not a PostgreSQL dump")),
        Script(ScriptError { line: 12, found: Found::Missing(vec![(Need::Role, "owner".into())]) }),
        RestoreFailed { tool: tool(), how: how(), detail: detail() },
        RestoreFailed { tool: tool(), how: how(), detail: "invalid byte sequence for encoding".into() },
        Cancelled,
        Internal("psql has no pipes".into()),
    });
    let found = every!(Found {
        ClientCommand("\\! touch owned".into()),
        Transaction("COMMIT".into()),
        Server("COPY a TO PROGRAM".into()),
        OtherDatabase("DROP DATABASE b".into()),
        Ambiguous("a backslash in a string"),
        Unfinished("a comment"),
        Missing(vec![(Need::Extension, "postgis".into())]),
    });
    errors.chain(found.map(|(name, found)| (name, scripted(found)))).collect()
}

/// The same error has different sentences for a backup and for a restore.
fn of_sources(all: &mut Sentences) {
    for (name, error) in source_errors() {
        all.add(&format!("{name}, of a backup"), &error.clone().into());
        all.add(&format!("{name}, of a restore"), &error.of_restore());
    }
}

#[test]
fn sentences_are_as_they_were() {
    let mut now = Sentences::default();
    of_the_service(&mut now);
    of_the_store(&mut now);
    of_what_is_stored(&mut now);
    of_keys(&mut now);
    of_this_device(&mut now);
    of_sources(&mut now);
    let now = now.0.trim_end().to_owned() + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("errors.txt");
    if std::env::var_os("UPDATE_ERRORS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    for (line, (old, new)) in before.lines().zip(now.lines()).enumerate() {
        assert_eq!(new, old, "line {} of errors.txt: {MEANT}", line + 1);
    }
    assert_eq!(now.lines().count(), before.lines().count(), "lines of errors.txt: {MEANT}");
}
