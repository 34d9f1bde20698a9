//! What stops when the app ends.

use std::path::Path;

use client_core::{
    error::Error,
    ops::{due, timer},
};

use super::Engine;
use crate::view::{LeaveView, NextView, RunningView};

/// Whether a source has a timer does not depend on which program the timer starts.
const PROGRAM: &str = "sealkeep";

impl Engine {
    /// What stops when the app ends. What cannot be read, the app does not back up either.
    pub(crate) fn stops(&self) -> LeaveView {
        let scheduled = self.scheduled().unwrap_or_else(|error| {
            tracing::warn!(%error, "the schedules cannot be read");
            Vec::new()
        });
        let run = self.current_run().filter(|run| run.outcome.is_none());
        LeaveView {
            scheduled: scheduled.len(),
            next: scheduled.into_iter().next(),
            run: run.map(|run| RunningView { kind: run.kind, source: run.source }),
        }
    }

    /// The sources that only the app backs up by schedule, and when next.
    fn scheduled(&self) -> Result<Vec<NextView>, Error> {
        if self.client().signed_in()?.is_none() {
            return Ok(Vec::new());
        }
        let mut upcoming = due::upcoming(self.client())?;
        upcoming.retain(|(source, _)| {
            !timer::of(self.client(), source, Path::new(PROGRAM)).is_ok_and(|timer| timer.is_some())
        });
        Ok(upcoming.into_iter().map(|(source, at)| NextView { source: source.name, at }).collect())
    }
}
