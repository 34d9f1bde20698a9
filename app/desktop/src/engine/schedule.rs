//! Runs due backups while the app is running.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use client_core::{
    error::Error,
    ops::{due, sources},
};
use tokio::time::MissedTickBehavior;

use super::{Engine, Shared};

/// How often to check. Timers stop while a machine sleeps, so the check follows soon after it wakes up.
const CHECK_INTERVAL: Duration = Duration::from_secs(20);

impl Engine {
    /// Checks repeatedly until the program ends.
    pub(crate) async fn run_schedule(self: Shared) {
        let mut look = tokio::time::interval(CHECK_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Err(error) = self.start_due().and_then(|()| self.notify_overdue()) {
                tracing::debug!(%error, "nothing could be started by schedule");
            }
        }
    }

    fn notify_overdue(&self) -> Result<(), Error> {
        if self.client().signed_in()?.is_some() {
            let late = due::overdue(self.client())?;
            self.window.overdue(&late.into_iter().map(|source| source.name).collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Backs up every saved source, one after the other.
    pub(crate) fn back_up_all(self: &Arc<Self>) -> Result<(), Error> {
        let ids = sources::list(self.client())?.into_iter().map(|source| source.id);
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        self.start_due()
    }

    fn start_due(&self) -> Result<(), Error> {
        if self.current_run().is_some_and(|run| run.outcome.is_none()) || self.client().signed_in()?.is_none()
        {
            return Ok(());
        }
        let asked = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let id = match asked {
            Some(id) => Some(id),
            None => due::next(self.client())?.map(|source| source.id),
        };
        match id {
            Some(id) => self.start_backup(id).map(drop),
            None => Ok(()),
        }
    }
}
