//! Backs up what is due, as long as the app runs.

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

/// How often it is looked at what is due. Timers stand still while a machine sleeps: it is looked at right after.
const LOOK: Duration = Duration::from_secs(20);

impl Engine {
    /// Looks again and again; ends with the program.
    pub(crate) async fn keep_schedule(self: Shared) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Err(error) = self.start_due().and_then(|()| self.tell_overdue()) {
                tracing::debug!(%error, "nothing could be started by schedule");
            }
        }
    }

    fn tell_overdue(&self) -> Result<(), Error> {
        if self.client().signed_in()?.is_some() {
            let late = due::overdue(self.client())?;
            self.window.overdue(&late.into_iter().map(|source| source.name).collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Every saved source, one after the other.
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
