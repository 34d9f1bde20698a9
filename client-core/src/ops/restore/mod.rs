//! snapshot → manifest → packs → records → chunks → bytes, verified at every step. Unreadable ranges are reported;
//! nothing appears under its final name before the dump's SHA-256 is verified.

mod checksum;
mod damage;
mod flow;
mod order;
mod plan;
mod recorded;
mod sink;
pub mod suggest;
mod target;
mod writer;

use std::{
    os::unix::fs::FileTypeExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use api_types::{RunId, Sha256, SnapshotId};
use tracing::Instrument;
use uuid::Uuid;

use self::{damage::Damage, flow::Flow, order::Order};
pub use self::{damage::DamagedRange, target::inspect_target};
use super::{
    Client, OpenVault,
    record::{Recorded, Recorder},
    select::Selector,
};
pub use crate::output::Consent;
use crate::{
    error::{Error, ErrorKind},
    event::{Event, Stage},
    format::{manifest::ManifestEntry, snapshot::SnapshotBody},
    id::ChunkId,
    source::{AnySource, CleanedUp, RestoreChoices, Source, SourceError, Stopper, script::LeftOut},
    state::{Evidence, NewRun, RunKind, RunTarget},
    text,
    text::Text,
    vault::ChunkReader,
};

/// Where to restore a dump to.
pub enum Destination {
    /// A file, renamed into place once it is complete; a device or pipe is written directly.
    File {
        /// Its final name.
        path: PathBuf,
        /// What may be overwritten.
        consent: Consent,
    },
    /// A pipe. The last piece is held back until everything before it is verified.
    Pipe(Box<dyn std::io::Write + Send>),
    /// None: everything is read and verified, and nothing is written.
    Nowhere,
    /// A database: it gets the whole dump or stays unchanged.
    Database {
        /// Which one.
        database: AnySource,
        /// Options for the restore into it.
        choices: Box<RestoreChoices>,
        /// Even if it is the one that was backed up.
        onto_source: bool,
        /// Even if it may be a copy of that one.
        to_copy_of_source: bool,
    },
}

impl Destination {
    /// Whether the destination stores the data: a pipe passes it on, and the null device discards it.
    fn keeps(&self) -> bool {
        match self {
            Self::File { path, .. } => match std::fs::metadata(path) {
                Ok(found) => found.is_file() || found.file_type().is_block_device(),
                Err(error) => error.kind() == std::io::ErrorKind::NotFound,
            },
            Self::Pipe(_) | Self::Nowhere => false,
            Self::Database { .. } => true,
        }
    }

    /// Whether nobody sees a byte before the whole dump's SHA-256 is verified: a regular file, under a temporary name
    /// until then. Programs and pipes act on bytes as they come, and so may anything that is no regular file.
    fn is_hidden_until_complete(&self) -> bool {
        match self {
            Self::File { path, .. } => match std::fs::metadata(path) {
                Ok(found) => found.is_file(),
                Err(error) => error.kind() == std::io::ErrorKind::NotFound,
            },
            Self::Pipe(_) | Self::Nowhere | Self::Database { .. } => false,
        }
    }

    /// As it is recorded: without secrets.
    fn recorded(&self) -> Option<RunTarget> {
        match self {
            Self::File { path, .. } => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                Some(RunTarget::File(path.display().to_string()))
            }
            Self::Database { database, .. } => Some(RunTarget::Database(database.address())),
            Self::Pipe(_) => Some(RunTarget::Output),
            Self::Nowhere => None,
        }
    }
}

/// What to restore.
pub struct RestoreOptions {
    /// The snapshot to restore.
    pub snapshot: Selector,
    /// The name of its source, if it is known; only for the journal.
    pub source: Option<String>,
    /// Where to.
    pub destination: Destination,
    /// Write zeros in place of unreadable data instead of stopping.
    pub partial: bool,
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    /// The snapshot that was restored.
    pub snapshot_id: SnapshotId,
    /// Its source's name.
    pub source: String,
    /// Bytes written.
    pub bytes: u64,
    /// SHA-256 of the dump as it was backed up.
    pub sha256: Sha256,
    /// Packs downloaded for it.
    pub packs_read: u64,
    /// Unreadable ranges; empty unless `partial`.
    pub damaged: Vec<DamagedRange>,
    /// What else the user should know, one sentence each.
    pub notes: Vec<Text>,
    /// Errors of the server in a restore that kept going.
    pub failed: Vec<String>,
    /// Statements that were not executed, the first thousand.
    pub left_out: Vec<LeftOut>,
    /// Code in the dump ran as a superuser.
    pub superuser: bool,
    /// How long it took.
    pub duration: Duration,
}

/// Restores a snapshot, or verifies it if the destination is nowhere. The run is recorded with its log on this device.
///
/// # Errors
/// [`ErrorKind::Damaged`] names packs, byte ranges and snapshots if stored data is invalid.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn restore(client: &Client, options: RestoreOptions) -> Result<RestoreReport, Error> {
    refuse_partial(&options)?;
    let recorder = Recorder::new(client);
    let client = &recorder.client();
    let vault = client.open()?;
    let target = options.destination.recorded();
    let run = NewRun {
        id: RunId(Uuid::new_v4()),
        kind: if target.is_some() { RunKind::Restore } else { RunKind::Verify },
        source: options.source.as_deref().or_else(|| options.snapshot.source()),
        source_kind: None,
        target: target.as_ref(),
    };
    let recorded = recorder.begin_anyway(vault.state(), &run);
    let ended = restored(client, vault, options, &recorded).await;
    match &ended {
        Ok(report) => recorded::end(recorded, report),
        Err(error) => {
            let bytes = recorded.bytes();
            recorded.failed(error, bytes);
        }
    }
    ended
}

async fn restored(
    client: &Client,
    mut vault: OpenVault,
    options: RestoreOptions,
    recorded: &Recorded,
) -> Result<RestoreReport, Error> {
    let started = Instant::now();
    let partial = options.partial;
    vault.sync().await?;
    let (listed, body) = vault.select(&options.snapshot).await?;
    recorded.is_about(listed.id, &body.source_name, &body.source_kind);
    let proof = if options.destination.keeps() { Evidence::Restored } else { Evidence::Opened };
    let compared = options.partial || !options.destination.is_hidden_until_complete();
    if options.partial {
        vault.packs().salvage();
    }
    vault.begin_run();
    let given_up = || client.cancel().is_cancelled();
    let sink = tokio::task::block_in_place(|| sink::open(options.destination, &body, &given_up))?;
    client.observer().event(&Event::Stage(Stage::Restore { total: body.plain_size }));

    let reader = vault.chunk_reader(&body);
    let rewrapper = match &body.unwrapped {
        None => None,
        Some(wrapping) => Some(plan::rewrapper(&reader, &body, wrapping).await?),
    };
    let order = Order::read(&vault, &reader, &body).await?;
    let mut writer = writer::Writer::spawn(sink, rewrapper, Arc::clone(client.observer()));
    let job = Job { client, vault: &vault, reader: &reader, body: &body, id: listed.id, partial, compared };
    let filled = tokio::select! {
        biased;
        () = client.cancel().cancelled() => Err(cancelled()),
        filled = job.fill(order, &mut writer).instrument(tracing::debug_span!("fetch")) => filled,
    };
    let damage = match filled {
        Ok(damage) => damage,
        Err(error) => {
            writer.abandon().await;
            return Err(error);
        }
    };
    let expected = if damage.is_empty() { Some(body.dump_sha256) } else { None };
    let (written, restored) = writer
        .finish(expected, client.cancel())
        .await
        .map_err(|error| if error.kind() == ErrorKind::Cancelled { cancelled() } else { error })?;
    if damage.is_empty() && restored.failed.is_empty() {
        vault.state().record_evidence(&listed.id, proof, client.now())?;
    }
    Ok(RestoreReport {
        snapshot_id: listed.id,
        source: body.source_name.clone(),
        bytes: written,
        sha256: body.dump_sha256,
        packs_read: vault.packs().fetched(),
        damaged: damage.ranges(&vault, listed.id).await,
        notes: restored.notes,
        failed: restored.failed,
        left_out: restored.left_out,
        superuser: restored.superuser,
        duration: started.elapsed(),
    })
}

/// A dump with zeros in place of damaged data is invalid: no program gets it.
fn refuse_partial(options: &RestoreOptions) -> Result<(), Error> {
    if options.partial && matches!(options.destination, Destination::Database { .. }) {
        return Err(Error::new(
            ErrorKind::Usage,
            text!("--partial writes zeros for what is damaged, and no database takes such a dump"),
            "nothing was changed",
            "restore what is left to a file with --to, or another snapshot into the database",
        ));
    }
    Ok(())
}

/// Drops what aborted restores left on a database server. Restores in progress are not touched.
///
/// # Errors
/// The server cannot be reached, or the operation was cancelled.
pub async fn clean_up(client: &Client, server: AnySource) -> Result<CleanedUp, Error> {
    let stopper = Stopper::default();
    let stop = stopper.clone();
    let cleaning = tokio::task::spawn_blocking(move || {
        let database = server.database().ok_or_else(|| no_database(&*server))?;
        database.clean_up(&stopper)
    });
    tokio::pin!(cleaning);
    let cleaned = tokio::select! {
        cleaned = &mut cleaning => cleaned,
        () = client.cancel().cancelled() => {
            stop.stop();
            cleaning.await
        }
    };
    cleaned.map_err(|e| Error::internal("the clean-up died", &e))?.map_err(SourceError::of_restore)
}

fn no_database(source: &dyn Source) -> SourceError {
    SourceError::Usage(text!("{place} is no database", place = source.place()))
}

fn cancelled() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        text!("stopped"),
        "nothing was changed; snapshots are untouched",
        "run it again",
    )
}

/// One restore in progress.
struct Job<'a> {
    client: &'a Client,
    vault: &'a OpenVault,
    reader: &'a ChunkReader,
    body: &'a SnapshotBody,
    id: SnapshotId,
    partial: bool,
    /// Whether every chunk is checked against its id before it is passed on.
    compared: bool,
}

impl Job<'_> {
    /// Passes every byte of the dump to the writer. Only the caller ends the writer, whatever the result.
    async fn fill(&self, order: Order, writer: &mut writer::Writer) -> Result<Damage, Error> {
        let body = self.body;
        let content = body.stored_size() - body.unwrapped.map_or(0, |wrapping| wrapping.plan_len);
        let mut damage = Damage::default();
        let mut position = 0_u64;
        let mut flow = Flow::new(self.vault, self.reader, order, self.compared);
        while let Some((entry, chunk)) = flow.next().await? {
            self.client.cancelled()?;
            let mut bytes = match chunk {
                Ok(bytes) => bytes,
                Err(fault) => {
                    damage.add(position, entry.plain_len, &fault);
                    self.vault.state().withdraw_evidence(&self.id)?;
                    if !self.partial {
                        damage.add_rest(self.vault, body, position, &fault).await?;
                        return Err(damage.into_error(self.vault, self.id).await);
                    }
                    vec![0; entry.plain_len as usize]
                }
            };
            let left = content.saturating_sub(position);
            position += bytes.len() as u64;
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            writer.write(bytes).await?;
        }
        if damage.is_empty() && position != body.stored_size() {
            return Err(Error::damaged(text!(
                "snapshot {id} lists {position} bytes instead of {expected}",
                id = self.id,
                position,
                expected = body.stored_size()
            )));
        }
        Ok(damage)
    }
}

/// Entries of one piece of a manifest.
pub(super) async fn read_piece(reader: &ChunkReader, piece: ChunkId) -> Result<Vec<ManifestEntry>, Error> {
    match reader.chunk(piece).await? {
        Ok(bytes) => Ok(crate::format::manifest::read_piece(&bytes)?),
        Err(fault) => Err(Error::new(
            ErrorKind::Damaged,
            text!("the snapshot's table of contents cannot be read: {fault}", fault),
            "this snapshot cannot be restored; others may be intact",
            "run `sealkeep check` to see which snapshots are intact",
        )),
    }
}
