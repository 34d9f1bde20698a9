//! Backups, verifications and restores: one at a time, watched, stoppable; they outlive the window.

use std::{future::Future, io, path::PathBuf, sync::Arc, time::Duration};

use client_core::{
    error::{Error, ErrorKind},
    ops::{
        Client,
        backup::{self, BackupOptions, Gate},
        preferences,
        restore::{self, Consent, Destination, RestoreOptions, RestoreReport},
        select::{Selector, short},
        sources::{self, Origin},
    },
    source::{PgUrl, postgres::RestoreTarget},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Engine, Progress, Running};
use crate::{
    commands::RestoreTo,
    error::UiError,
    view::{Outcome, RunKind, RunView},
};

/// How often the window hears of a run.
const TICK: Duration = Duration::from_millis(250);

impl Engine {
    /// Backs up a saved source. Returns at once; the window hears of the rest.
    pub(crate) fn start_backup(&self, id: Uuid) -> Result<RunView, Error> {
        let source = sources::get(self.client(), id)?;
        let command = backup_command(&source.name, &source.origin);
        let spec = source.origin.spec()?;
        let name = source.name.clone();
        let upload_limit = preferences::load(self.client())?.upload_limit;
        self.start(RunKind::Backup, &source.name, command, move |client, gate| async move {
            let options = BackupOptions {
                source: spec,
                name: Some(name),
                same_source: false,
                upload_limit,
                record_list: true,
                unwrap: true,
                level: None,
                force: false,
                gate,
            };
            let report = backup::backup(&client, options).await?;
            Ok(Outcome::Done {
                snapshot: short(report.snapshot_id),
                sha256: report.sha256.to_string(),
                bytes: report.bytes_read,
                folder: None,
            })
        })
    }

    /// Reads a snapshot whole, decrypts and decodes it, and compares its SHA-256.
    pub(crate) fn start_verify(&self, source: &str, snapshot: &str) -> Result<RunView, Error> {
        let selector = Selector::parse(snapshot, None)?;
        let command = format!("sealkeep restore {} --stdout > /dev/null", quoted(snapshot));
        self.start(RunKind::Verify, source, command, move |client, _| async move {
            let destination = Destination::Pipe(Box::new(io::sink()));
            let options = RestoreOptions { snapshot: selector, destination, partial: false };
            Ok(restored(&restore::restore(&client, options).await?, None))
        })
    }

    /// Restores a snapshot.
    pub(crate) fn start_restore(
        &self,
        source: &str,
        snapshot: &str,
        to: RestoreTo,
    ) -> Result<RunView, Error> {
        let selector = Selector::parse(snapshot, None)?;
        let command = restore_command(snapshot, &to);
        let (destination, folder) = match to {
            RestoreTo::File { path } => {
                let path = PathBuf::from(path);
                let folder = path.parent().map(|folder| folder.display().to_string());
                (Destination::File { path, consent: Consent::default() }, folder)
            }
            RestoreTo::Database { url, replace, onto_source, to_copy_of_source } => {
                let target = Box::new(RestoreTarget::new(&url, names(&url, &replace))?);
                (Destination::Database { target, onto_source, to_copy_of_source }, None)
            }
        };
        self.start(RunKind::Restore, source, command, move |client, _| async move {
            let options = RestoreOptions { snapshot: selector, destination, partial: false };
            Ok(restored(&restore::restore(&client, options).await?, folder))
        })
    }

    /// Stops the run that goes on.
    pub(crate) fn cancel_run(&self) {
        if let Some(running) = &*self.running() {
            running.cancel.cancel();
        }
    }

    /// Holds a backup still, or lets it go on.
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

    /// The run that goes on, or the last one.
    pub(crate) fn current_run(&self) -> Option<RunView> {
        self.running().as_ref().map(|running| running.progress.view())
    }

    /// The last run's result was seen.
    pub(crate) fn dismiss_run(&self) {
        let mut running = self.running();
        if running.as_ref().is_some_and(|run| run.progress.is_over()) {
            *running = None;
        }
    }

    fn start<F, W>(&self, kind: RunKind, source: &str, command: String, work: W) -> Result<RunView, Error>
    where
        F: Future<Output = Result<Outcome, Error>> + Send,
        W: FnOnce(Client, Gate) -> F + Send + 'static,
    {
        let mut running = self.running();
        if running.as_ref().is_some_and(|run| !run.progress.is_over()) {
            return Err(Error::new(
                ErrorKind::Exists,
                "something is going on already",
                "nothing was changed",
                "wait until it has ended, or stop it",
            ));
        }
        let gate = Gate::default();
        let progress = Arc::new(Progress::new(kind, source, command));
        let cancel = CancellationToken::new();
        let client = self.client().watched(Arc::clone(&progress) as _, cancel.clone());
        let (watched, window) = (Arc::clone(&progress), Arc::clone(&self.window));
        let held = gate.clone();
        tokio::spawn(async move {
            let work = work(client, held);
            tokio::pin!(work);
            let mut tick = tokio::time::interval(TICK);
            let ended = loop {
                tokio::select! {
                    ended = &mut work => break ended,
                    _ = tick.tick() => window.run(&watched.view()),
                }
            };
            watched.end(match ended {
                Ok(outcome) => outcome,
                Err(error) if error.kind() == ErrorKind::Cancelled => Outcome::Cancelled,
                Err(error) => Outcome::Failed { error: UiError::from(error) },
            });
            window.run(&watched.view());
        });
        let view = progress.view();
        *running = Some(Running { progress, cancel, gate });
        Ok(view)
    }
}

fn restored(report: &RestoreReport, folder: Option<String>) -> Outcome {
    Outcome::Done {
        snapshot: short(report.snapshot_id),
        sha256: report.sha256.to_string(),
        bytes: report.bytes,
        folder,
    }
}

/// Without a password: libpq asks ~/.pgpass or PGPASSWORD for it.
fn backup_command(name: &str, origin: &Origin) -> String {
    let place = quoted(&origin.place());
    let name = quoted(name);
    match origin {
        Origin::Postgres(_) => format!("sealkeep backup {place} --name {name}"),
        Origin::File(_) => format!("sealkeep backup --file {place} --name {name}"),
    }
}

pub(crate) fn restore_command(snapshot: &str, to: &RestoreTo) -> String {
    let snapshot = quoted(snapshot);
    match to {
        RestoreTo::File { path } => format!("sealkeep restore {snapshot} --to {}", quoted(path)),
        RestoreTo::Database { url, replace, onto_source, to_copy_of_source } => {
            let place =
                Origin::parse(url).map_or_else(|_| "postgres://…".to_owned(), |origin| origin.place());
            let consents = [
                (names(url, replace), " --overwrite"),
                (*onto_source, " --onto-source"),
                (*to_copy_of_source, " --to-copy-of-source"),
            ];
            let given: String =
                consents.iter().filter(|(given, _)| *given).map(|(_, option)| *option).collect();
            format!("sealkeep restore {snapshot} --into {}{given}", quoted(&place))
        }
    }
}

/// Whether that is the name of the URL's database.
fn names(url: &str, typed: &str) -> bool {
    PgUrl::parse(url).is_ok_and(|url| url.database() == typed.trim())
}

/// As a shell needs it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted_and_hold_no_password() {
        let given = |replace: &str, onto_source, to_copy_of_source| {
            let (url, replace) = ("postgres://ada:geheim@h:5433/copy".into(), replace.into());
            restore_command("0a1b2c", &RestoreTo::Database { url, replace, onto_source, to_copy_of_source })
        };
        let command = |replace: &str| given(replace, false, false);
        let plain = "sealkeep restore 0a1b2c --into postgres://ada@h:5433/copy";
        for other in ["", "cop", "Copy", "shop"] {
            assert_eq!(command(other), plain, "{other}");
        }
        // Each danger has a consent of its own.
        assert_eq!(command(" copy"), format!("{plain} --overwrite"));
        assert_eq!(given("copy", true, false), format!("{plain} --overwrite --onto-source"));
        assert_eq!(given("", false, true), format!("{plain} --to-copy-of-source"));
        let to = RestoreTo::File { path: "/home/ada/Ada's dump.sql".into() };
        assert_eq!(
            restore_command("0a1b2c", &to),
            r"sealkeep restore 0a1b2c --to '/home/ada/Ada'\''s dump.sql'"
        );
    }
}
