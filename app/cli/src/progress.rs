//! A progress line on standard error: current step, speed, remaining time.

use std::{
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use client_core::event::{Event, Observer, Peer, Stage};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::{
    plain,
    render::{self, Reporter},
};

/// Draws events, or only warnings if nobody watches.
pub(crate) struct Progress {
    shown: bool,
    quiet: bool,
    bar: ProgressBar,
    sums: Mutex<Sums>,
}

/// Template while a peer is unreachable.
const AWAY_TEMPLATE: &str = "{spinner} {msg}";
/// Without a line, how often an unreachable peer is reported, seconds.
const REPORT_INTERVAL: u64 = 60;

#[derive(Default)]
struct Sums {
    expected: Option<u64>,
    new: u64,
    duplicate: u64,
    uploaded: u64,
    /// Style to return to once the peer answers.
    style: Option<ProgressStyle>,
    message: String,
    /// When the outage was last reported, seconds since it began.
    reported: Option<u64>,
}

impl Progress {
    /// `shown`: standard error is a terminal and `--quiet` is not set.
    pub(crate) fn new(shown: bool, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, render::draw_target(shown));
        Self { shown, quiet, bar, sums: Mutex::default() }
    }

    fn begin(&self, stage: Stage) {
        let (template, length, message) = match stage {
            Stage::Sync => ("{spinner} {msg}", None, "syncing"),
            Stage::Dump => ("{spinner} {bytes} read  {bytes_per_sec}  {msg}", self.sums().expected, ""),
            Stage::Commit => ("{spinner} {msg}", None, "finishing"),
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
        if let Ok(style) = ProgressStyle::with_template(template).map(with_sizes) {
            self.sums().style = Some(style.clone());
            self.bar.set_style(style);
        }
        message.clone_into(&mut self.sums().message);
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
        let mut sums = self.sums();
        change(&mut sums);
        sums.message = format!(
            "{} new, {} unchanged, {} uploaded",
            render::bytes(sums.new),
            render::bytes(sums.duplicate),
            render::bytes(sums.uploaded)
        );
        if sums.reported.is_none() {
            self.bar.set_message(sums.message.clone());
        }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn away(&self, peer: Peer, seconds: u64, limit: u64) {
        let mut sums = self.sums();
        let waits = if limit == 0 { String::new() } else { format!("; waiting up to {}", span(limit)) };
        let text = format!("{peer} has been unavailable for {}{waits}", span(seconds));
        if self.shown {
            if sums.reported.is_none()
                && let Ok(style) = ProgressStyle::with_template(AWAY_TEMPLATE)
            {
                self.bar.set_style(style);
                self.bar.enable_steady_tick(Duration::from_millis(200));
            }
            sums.reported = Some(seconds);
            self.bar.set_message(text);
        } else if sums.reported.is_none_or(|last| seconds >= last + REPORT_INTERVAL) {
            sums.reported = Some(seconds);
            if !self.quiet {
                drop(render::note(&plain!("sealkeep: {}", text)));
            }
        }
    }

    fn proving(&self, left: u64) {
        let mut sums = self.sums();
        let first = sums.reported.replace(0).is_none();
        let text = "too many sign-in attempts for this account; completing an extra check";
        if self.shown {
            if first && let Ok(style) = ProgressStyle::with_template(AWAY_TEMPLATE) {
                self.bar.set_style(style);
                self.bar.enable_steady_tick(Duration::from_millis(200));
            }
            self.bar.set_message(format!("{text}, about {left} s"));
        } else if first && !self.quiet {
            drop(render::note(&plain!("sealkeep: {}, about {} s", text, left)));
        }
    }

    fn proven(&self) {
        self.sums().reported = None;
        self.bar.finish_and_clear();
    }

    fn reachable(&self) {
        let mut sums = self.sums();
        if sums.reported.take().is_none() {
            return;
        }
        if self.shown {
            match &sums.style {
                Some(style) => {
                    self.bar.set_style(style.clone());
                    self.bar.set_message(sums.message.clone());
                }
                None => self.bar.finish_and_clear(),
            }
        } else if !self.quiet {
            drop(render::note(&plain!("sealkeep: it answers again; continuing")));
        }
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
            Event::Away { peer, seconds, limit } => self.away(*peer, *seconds, *limit),
            Event::Reachable => self.reachable(),
            Event::Proving { seconds, about } => self.proving(about.saturating_sub(*seconds).max(1)),
            Event::Proven => self.proven(),
            // Warnings go to logs, too.
            Event::Warning(warning) => self.bar.suspend(|| {
                drop(render::remark(&plain!("sealkeep: warning: {}", warning)));
            }),
        }
    }
}

impl Reporter for Progress {
    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Sizes as everywhere else: indicatif's own have other units or another number of digits.
fn with_sizes(style: ProgressStyle) -> ProgressStyle {
    let write = |w: &mut dyn Write, text: &str| {
        // Writing to the line's buffer cannot fail.
        let _ = w.write_str(text);
    };
    style
        .with_key("bytes", move |state: &ProgressState, w: &mut dyn Write| {
            write(w, &render::bytes(state.pos()));
        })
        .with_key("total_bytes", move |state: &ProgressState, w: &mut dyn Write| {
            write(w, &render::bytes(state.len().unwrap_or_default()));
        })
        .with_key("bytes_per_sec", move |state: &ProgressState, w: &mut dyn Write| {
            write(w, &format!("{}/s", render::bytes(rounded(state.per_sec()))));
        })
}

/// A rate as whole bytes.
fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}

/// `40 s`, `15 min`.
fn span(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
