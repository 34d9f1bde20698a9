//! One backup: lease → dump → packs → index → snapshot → commit. It can stop anywhere before the commit without harm:
//! no snapshot exists, and confirmed objects are not sent again.

// the source is read …
mod content_reader;
mod pause;
mod reading;

// … its chunks pass from stage to stage …
mod batch;
mod deduplicate;
mod known;
mod pipeline;
mod record_lists;
mod stage;

// … and leave as packs
mod compression_level;
mod store_check;
mod upload;

// the snapshot
mod commit;
mod size_check;
mod timestamp;

mod report;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use api_types::{RunId, SourceId, backup::LEASE_SECS};
use tokio::task::JoinHandle;
use tracing::Instrument;
use uuid::Uuid;

pub use self::{
    pause::Gate,
    report::{BackupOptions, BackupReport},
};
use self::{
    reading::{Reading, Whole},
    record_lists::RecordLists,
};
pub use super::select::short;
use super::{Client, OpenVault, list, record::Recorder, source_check::Claim};
use crate::{
    error::{Error, ErrorKind},
    event::{Event, Stage, Warning},
    format::snapshot::Remark,
    records,
    source::{self, AnySource},
    state::{NewRun, RunKind},
};

/// How long to wait for the service to record a failed run.
const ABORT_TIMEOUT: Duration = Duration::from_secs(3);
/// Index entries of this many packs (1 GiB) share a segment.
const PACKS_PER_SEGMENT: usize = 64;

/// Time for a writer to finish with a file.
const BEFORE_READING_AGAIN: Duration = Duration::from_secs(1);

/// Backs up one source.
///
/// # Errors
/// No snapshot exists then; the run is recorded as failed, with its log on this device, and at the service.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn backup(client: &Client, options: BackupOptions) -> Result<BackupReport, Error> {
    let started = Instant::now();
    let recorder = Recorder::new(client);
    let client = &recorder.client();
    let mut vault = client.open()?;
    let _lock = client.lock_for_backup()?;
    let BackupOptions { source: origin, level, record_list: lists, unwrap, force, gate, .. } = options;
    let claim = Claim { chosen: options.name.is_some(), confirmed: options.same_source };
    let name = options.name.unwrap_or_else(|| origin.default_name());
    let kind = origin.kind();
    let source = vault.keys().source_id(kind, &name);
    let former = options.former_names.iter().map(|former| vault.keys().source_id(kind, former));
    let known_as = std::iter::once(source).chain(former).collect();
    let backup = RunId(Uuid::new_v4());
    let run = NewRun {
        id: backup,
        kind: RunKind::Backup,
        source: Some(&name),
        source_kind: Some(kind),
        target: None,
    };
    let recorded = recorder.begin(vault.state(), &run)?;

    let api = Arc::clone(vault.api());
    let id = vault.id();
    let upload_limit = options.upload_limit;
    let read = Arc::new(Mutex::new(0));
    let mut registered = false;
    let ended = async {
        vault.sync().await?;
        warn_of_clock(client, &vault).await?;
        vault.throttle(upload_limit);
        vault.api().start_backup(vault.id(), backup, source).await?;
        registered = true;
        vault.begin_run();
        let run = Run {
            client,
            vault: &mut vault,
            backup,
            source,
            known_as,
            name,
            kind,
            claim,
            level,
            lists,
            unwrap,
            force,
            gate,
        };
        run.stream_and_commit(origin, started, &read).await
    }
    .await;
    let error = match ended {
        Ok(report) => {
            // Its commit recorded it as done.
            recorded.was_done([], committed(&report));
            return Ok(report);
        }
        Err(error) => error,
    };
    let read = *read.lock().unwrap_or_else(PoisonError::into_inner);
    recorded.failed(&error, read);
    if registered {
        // Best effort: its lease expires anyway.
        api.patience().end_run();
        let request = api.abort(id, backup, error.kind().as_str(), read);
        match tokio::time::timeout(ABORT_TIMEOUT, request).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                tracing::warn!(error = %failure, "the failed run could not be recorded at the service");
            }
            Err(_) => tracing::warn!("the service did not take the record of the failed run in time"),
        }
    }
    Err(error)
}

fn committed(report: &BackupReport) -> String {
    format!(
        "snapshot {} was created: {} bytes read, {} new, {} uploaded",
        short(report.snapshot_id),
        report.bytes_read,
        report.bytes_new,
        report.bytes_uploaded
    )
}

/// Warns of a snapshot from another device whose clock is ahead.
async fn warn_of_clock(client: &Client, vault: &OpenVault) -> Result<(), Error> {
    if let Some((listed, by)) = timestamp::moment(vault.history(), vault.device_id(), client.now())?.ahead {
        let names = list::device_names(vault).await;
        let device = listed.envelope.device;
        client.observer().event(&Event::Warning(Warning::SignedAhead {
            snapshot: short(listed.id),
            device: names.get(&device).cloned().unwrap_or_else(|| device.to_string()),
            minutes: by / 60,
        }));
    }
    Ok(())
}

struct Run<'a> {
    client: &'a Client,
    vault: &'a mut OpenVault,
    backup: RunId,
    source: SourceId,
    /// Also under the names that it had before.
    known_as: Vec<SourceId>,
    name: String,
    kind: &'static str,
    claim: Claim,
    level: Option<i32>,
    lists: bool,
    unwrap: bool,
    force: bool,
    gate: Gate,
}

impl Run<'_> {
    async fn stream_and_commit(
        self,
        source: AnySource,
        started: Instant,
        read: &Mutex<u64>,
    ) -> Result<BackupReport, Error> {
        let lease = self.keep_lease();
        let result = self.stream(source, started, read).await;
        lease.abort();
        result
    }

    /// Renews the lease well before it expires, so that most of it is left if the service becomes unreachable.
    fn keep_lease(&self) -> JoinHandle<()> {
        let (api, vault, backup, source) =
            (Arc::clone(self.vault.api()), self.vault.id(), self.backup, self.source);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(LEASE_SECS as u64 / 12));
            every.tick().await;
            loop {
                every.tick().await;
                if let Err(error) = api.start_backup(vault, backup, source).await {
                    tracing::warn!(%error, "the lease could not be renewed");
                }
            }
        })
    }

    /// `None` if record lists are turned off or the disk refuses them.
    fn record_lists(&self) -> Option<RecordLists> {
        let path = records::path(self.client.home(), self.source);
        let observer = self.client.observer();
        if !self.lists {
            // Lists are turned off: the last one is deleted, too.
            drop(std::fs::remove_file(&path));
            return None;
        }
        match RecordLists::open(&path, self.vault.keys(), self.source, &**observer) {
            Ok(lists) => Some(lists),
            Err(error) => {
                observer.event(&Event::Warning(Warning::RecordListUnusable(error.text())));
                None
            }
        }
    }

    async fn stream(
        self,
        source: AnySource,
        started: Instant,
        read: &Mutex<u64>,
    ) -> Result<BackupReport, Error> {
        // No other backup runs in this home, so its temporary files are those of a killed run.
        source::tidy(self.client.home());
        let whole = match self.read_whole(Arc::clone(&source), Reading::First, read).await {
            Err(error) if error.kind() == ErrorKind::SourceChanged => {
                let why = error.text().clone();
                self.client.observer().event(&Event::Warning(Warning::ReadAgain(why)));
                tokio::time::sleep(BEFORE_READING_AGAIN).await;
                self.read_whole(source, Reading::Again, read).await?
            }
            first => first?,
        };
        let Whole { uploader, mut streamed, original, stored, reused } = whole;
        let lists = streamed.read.lists.take();
        let complete = &original.complete;
        let (bytes, sha256) = original.differs.unwrap_or((streamed.read.bytes, streamed.read.sha256));
        let mut remarks =
            size_check::remarks(self.vault, self.source, (bytes, &complete.format), self.force).await?;
        remarks.extend(complete.changed.then_some(Remark::ChangedWhileRead));

        let observer = Arc::clone(self.client.observer());
        observer.event(&Event::Stage(Stage::Commit));
        let finished = commit::Finished {
            uploader,
            streamed: &streamed,
            original: &original,
            stored: &stored,
            reused,
            remarks: &remarks,
        };
        let outcome = commit::commit(self, finished).instrument(tracing::debug_span!("commit")).await?;
        let record_list_bytes = lists.map_or(Ok(0), RecordLists::install).unwrap_or_else(|error| {
            observer.event(&Event::Warning(Warning::RecordListUnusable(error.text())));
            0
        });
        Ok(BackupReport {
            snapshot_id: outcome.snapshot,
            source: outcome.source_name,
            bytes_read: bytes,
            bytes_new: streamed.stored.bytes_new,
            bytes_uploaded: outcome.bytes_uploaded,
            chunks: streamed.stored.chunks,
            chunks_new: streamed.stored.chunks_new,
            duration: started.elapsed(),
            sha256,
            record_list_bytes,
            tool: original.complete.tool_line(),
            format: original.complete.format.clone(),
            verified_end: original.complete.verified_end,
            remarks,
            unwrapped: original.unwrapped,
        })
    }
}
