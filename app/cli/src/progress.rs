//! One line on the terminal's error stream: what is going on, how fast, how long still.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use client_core::event::{Event, Observer, Stage};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws events, or only warnings when nobody watches.
pub(crate) struct Progress {
    shown: bool,
    bar: ProgressBar,
    sums: Mutex<Sums>,
}

#[derive(Default)]
struct Sums {
    expected: Option<u64>,
    new: u64,
    duplicate: u64,
    uploaded: u64,
}

impl Progress {
    /// `shown`: standard error is a terminal and nobody asked for quiet.
    pub(crate) fn new(shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { shown, bar, sums: Mutex::default() }
    }

    fn begin(&self, stage: Stage) {
        let (template, length, message) = match stage {
            Stage::Sync => ("{spinner} {msg}", None, "catching up with the vault"),
            Stage::Dump => {
                let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
                ("{spinner} {bytes} read  {bytes_per_sec}  {msg}", sums.expected, "")
            }
            Stage::Commit => ("{spinner} {msg}", None, "storing index and snapshot"),
            Stage::Restore { total } => {
                ("{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left", Some(total), "")
            }
            Stage::Check { .. } => ("{spinner} {bytes} verified  {bytes_per_sec}", None, ""),
        };
        let template = match (stage, length) {
            (Stage::Dump, Some(_)) => {
                "{bar:20} {bytes} of about {total_bytes}  {bytes_per_sec}  {eta} left  {msg}"
            }
            _ => template,
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        match length {
            Some(length) => self.bar.set_length(length),
            None => self.bar.unset_length(),
        }
        self.bar.set_message(message);
        if self.shown {
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    fn add(&self, change: impl FnOnce(&mut Sums)) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut sums);
        self.bar.set_message(format!(
            "{} new, {} known, {} uploaded",
            HumanBytes(sums.new),
            HumanBytes(sums.duplicate),
            HumanBytes(sums.uploaded)
        ));
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        match event {
            Event::Stage(stage) => self.begin(*stage),
            Event::Expected { bytes } => {
                self.add(|sums| sums.expected = Some(*bytes));
                self.bar.set_length(*bytes);
            }
            Event::Read { bytes } | Event::Restored { bytes } | Event::Checked { bytes } => {
                self.bar.inc(*bytes);
            }
            Event::NewChunk { plain, .. } => self.add(|sums| sums.new += plain),
            Event::DuplicateChunk { plain } => self.add(|sums| sums.duplicate += plain),
            Event::Uploaded { bytes } => self.add(|sums| sums.uploaded += bytes),
            // A warning is worth a line even in a log.
            Event::Warning(warning) => self.bar.suspend(|| {
                drop(writeln!(std::io::stderr(), "sealkeep: warning: {warning}"));
            }),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
