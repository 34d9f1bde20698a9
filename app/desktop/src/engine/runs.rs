//! Backups, verifications and restores: one at a time, observed, cancellable; they outlive the window.

use std::{future::Future, sync::Arc, time::Duration};

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        Client,
        backup::{self, Gate},
        change_source, preferences,
        restore::{self, Destination, RestoreOptions, RestoreReport},
        select::{Selector, short},
        sources::{self, Address},
    },
    shell::quoted,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Engine, Progress, Running,
    onboarding::out_of_turn,
    request::{Request, What, like_saved},
};
use crate::{
    error::{Refusal, UiError},
    text::TextView,
    view::{Choice, MarkView, Outcome, RestoreTo, RestoredView, RunKind, RunView},
};

/// How often the window is updated during a run.
const TICK: Duration = Duration::from_millis(250);

impl Engine {
    /// Backs up a saved source. Returns at once; the window gets updates.
    pub(crate) fn start_backup(&self, id: Uuid) -> Result<RunView, Error> {
        self.start(Request::new(What::Backup { id }))
    }

    /// Reads, decrypts and decodes a whole snapshot, and checks its SHA-256.
    pub(crate) fn start_verify(&self, source: String, snapshot: String) -> Result<RunView, Error> {
        self.start(Request::new(What::Verify { source, snapshot }))
    }

    /// Restores a snapshot.
    pub(crate) fn start_restore(
        &self,
        source: String,
        snapshot: String,
        to: RestoreTo,
    ) -> Result<RunView, Error> {
        self.start(Request::new(What::Restore { source, snapshot, to }))
    }

    /// The target of a restore, with nothing allowed yet.
    pub(crate) fn destination(&self, to: &RestoreTo) -> Result<Destination, Error> {
        let snapshot = String::new();
        let request = Request::new(What::Restore { source: String::new(), snapshot, to: to.clone() });
        request.destination(self.client(), to)
    }

    /// An address; a password that it lacks is that of the saved source `like`, if server and user are the same.
    pub(crate) fn address(&self, text: &str, like: Option<Uuid>) -> Result<Address, Error> {
        like_saved(self.client(), text, like)
    }

    /// Repeats the refused run with the user's answer; `name` is the answer to [`Choice::Rename`].
    pub(crate) fn run_again(&self, choice: Choice, name: Option<String>) -> Result<RunView, Error> {
        let last = self.running().as_ref().map(|running| running.request.clone());
        let request = last.ok_or_else(out_of_turn)?;
        if choice != Choice::Rename {
            return self.start(request.allowing(choice));
        }
        let (What::Backup { id }, Some(name)) = (&request.what, name) else { return Err(out_of_turn()) };
        change_source::rename(self.client(), *id, name)?;
        self.start(request)
    }

    fn start(&self, request: Request) -> Result<RunView, Error> {
        match request.what.clone() {
            What::Backup { id } => {
                let source = sources::get(self.client(), id)?;
                let upload_limit = preferences::load(self.client())?.upload_limit;
                let gate = Gate::default();
                let options = request.backup_options(&source, upload_limit, gate.clone())?;
                let command = request.backup_command(&source.name, &*options.source);
                let run = (RunKind::Backup, source.name.as_str(), command);
                self.spawn(run, request, gate, |client| async move {
                    let report = backup::backup(&client, options).await?;
                    Ok(Outcome::Done {
                        snapshot: short(report.snapshot_id),
                        sha256: report.sha256.to_string(),
                        bytes: report.bytes_read,
                        restored: None,
                        marks: report.marks().into_iter().map(MarkView::from).collect(),
                        notes: Vec::new(),
                        failed: Vec::new(),
                    })
                })
            }
            What::Verify { source, snapshot } => {
                let selector = Selector::parse(&snapshot, None)?;
                let command = format!("sealkeep restore {} --stdout > /dev/null", quoted(&snapshot));
                let name = source.clone();
                self.spawn((RunKind::Verify, &name, command), request, Gate::default(), |client| async move {
                    let destination = Destination::Nowhere;
                    let options = RestoreOptions {
                        snapshot: selector,
                        source: Some(source),
                        destination,
                        partial: false,
                    };
                    Ok(restored(restore::restore(&client, options).await?, None))
                })
            }
            What::Restore { source, snapshot, to } => {
                let selector = Selector::parse(&snapshot, None)?;
                let destination = request.destination(self.client(), &to)?;
                let command = request.restore_command(&snapshot, &to);
                let name = source.clone();
                self.spawn(
                    (RunKind::Restore, &name, command),
                    request,
                    Gate::default(),
                    |client| async move {
                        let options = RestoreOptions {
                            snapshot: selector,
                            source: Some(source),
                            destination,
                            partial: false,
                        };
                        let report = restore::restore(&client, options).await?;
                        Ok(restored(report, RestoredView::new(&to)))
                    },
                )
            }
        }
    }

    /// Cancels the current run.
    pub(crate) fn cancel_run(&self) {
        if let Some(running) = &*self.running() {
            running.cancel.cancel();
        }
    }

    /// Pauses or resumes a backup.
    pub(crate) fn pause_run(&self, pause: bool) {
        let running = self.running();
        let Some(run) = running.as_ref().filter(|run| run.progress.kind() == RunKind::Backup) else { return };
        if pause {
            run.gate.close();
        } else {
            run.gate.open();
        }
        run.progress.pause(pause);
        self.window.run(&run.progress.view());
    }

    /// The current run, or the last one.
    pub(crate) fn current_run(&self) -> Option<RunView> {
        self.running().as_ref().map(|running| running.progress.view())
    }

    /// The user has seen the last run's result.
    pub(crate) fn dismiss_run(&self) {
        let mut running = self.running();
        if running.as_ref().is_some_and(|run| run.progress.is_over()) {
            *running = None;
        }
    }

    fn spawn<F, W>(
        &self,
        (kind, source, command): (RunKind, &str, String),
        request: Request,
        gate: Gate,
        work: W,
    ) -> Result<RunView, Error>
    where
        F: Future<Output = Result<Outcome, Error>> + Send,
        W: FnOnce(Client) -> F + Send + 'static,
    {
        let mut running = self.running();
        if running.as_ref().is_some_and(|run| !run.progress.is_over()) {
            return Err(Refusal::Busy.into());
        }
        let progress = Arc::new(Progress::new(kind, source, command, Arc::clone(&self.queue)));
        let cancel = CancellationToken::new();
        let client = self.client().with_observer(Arc::clone(&progress) as _, cancel.clone());
        let (watched, window) = (Arc::clone(&progress), Arc::clone(&self.window));
        let refused = request.clone();
        tokio::spawn(async move {
            let work = work(client);
            tokio::pin!(work);
            let mut tick = tokio::time::interval(TICK);
            let ended = loop {
                // The first tick is at once: the window learns about the run before it ends.
                tokio::select! {
                    biased;
                    _ = tick.tick() => window.run(&watched.view()),
                    ended = &mut work => break ended,
                }
            };
            watched.end(match ended {
                Ok(outcome) => outcome,
                Err(error) if error.kind() == ErrorKind::Cancelled => Outcome::Cancelled,
                Err(error) => {
                    Outcome::Failed { choices: refused.choices(&error), error: UiError::from(error) }
                }
            });
            window.run(&watched.view());
        });
        let view = progress.view();
        *running = Some(Running { progress, cancel, gate, request });
        Ok(view)
    }
}

fn restored(report: RestoreReport, restored: Option<RestoredView>) -> Outcome {
    Outcome::Done {
        snapshot: short(report.snapshot_id),
        sha256: report.sha256.to_string(),
        bytes: report.bytes,
        restored,
        marks: Vec::new(),
        notes: report.notes.iter().map(TextView::from).collect(),
        failed: report.failed,
    }
}
