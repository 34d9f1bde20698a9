//! Adds up the events of a run.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use client_core::event::{Event, Observer, Stage};

use super::Queue;
use crate::view::{Message, Outcome, RunKind, RunStage, RunView};

/// The time over which the rate is averaged.
const WINDOW: Duration = Duration::from_secs(8);
/// Maximum number of warnings kept.
const MAX_WARNINGS: usize = 20;

/// The progress of a run.
pub(super) struct Progress(Mutex<State>);

struct State {
    view: RunView,
    /// The sources that are backed up next.
    queue: Queue,
    started: Instant,
    ended: Option<Instant>,
    /// Times, and the bytes done by then.
    marks: VecDeque<(Instant, u64)>,
}

impl Progress {
    pub(super) fn new(kind: RunKind, source: &str, command: String, queue: Queue) -> Self {
        let view = RunView::new(kind, source, command);
        Self(Mutex::new(State { view, queue, started: Instant::now(), ended: None, marks: VecDeque::new() }))
    }

    /// The current state.
    pub(super) fn view(&self) -> RunView {
        let mut state = self.state();
        let now = state.ended.unwrap_or_else(Instant::now);
        let done = state.view.done;
        state.marks.push_back((now, done));
        while state.marks.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            state.marks.pop_front();
        }
        let (since, from) = state.marks.front().copied().unwrap_or((state.started, 0));
        let millis = now.duration_since(since).as_millis().max(1);
        let rate = u64::try_from(u128::from(done.saturating_sub(from)) * 1000 / millis).unwrap_or(0);
        let elapsed = now.duration_since(state.started).as_secs();
        let waiting = state.queue.lock().unwrap_or_else(PoisonError::into_inner).len();
        let view = &mut state.view;
        view.waiting = waiting;
        view.elapsed = elapsed;
        view.rate = rate;
        view.remaining =
            view.total.and_then(|total| total.saturating_sub(done).checked_div(rate)).filter(|_| rate > 0);
        view.clone()
    }

    pub(super) fn kind(&self) -> RunKind {
        self.state().view.kind
    }

    pub(super) fn pause(&self, paused: bool) {
        self.state().view.paused = paused;
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().view.outcome.is_some()
    }

    pub(super) fn end(&self, outcome: Outcome) {
        let mut state = self.state();
        state.view.paused = false;
        state.view.outcome = Some(outcome);
        state.ended = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        let mut state = self.state();
        let view = &mut state.view;
        match event {
            Event::Stage(Stage::Sync | Stage::Check { .. }) => view.stage = RunStage::Sync,
            Event::Stage(Stage::Dump) => view.stage = RunStage::Dump,
            Event::Stage(Stage::Commit) => view.stage = RunStage::Commit,
            Event::Stage(Stage::Restore { total }) => {
                view.stage = RunStage::Restore;
                view.total = Some(*total);
            }
            Event::Expected { bytes } => view.total = Some(*bytes),
            Event::Read { bytes } | Event::Restored { bytes } => view.done += bytes,
            Event::NewChunk { plain, .. } => view.new_bytes += plain,
            Event::DuplicateChunk { plain } => view.duplicate_bytes += plain,
            Event::Uploaded { bytes } => view.uploaded += bytes,
            Event::Checked { .. } | Event::Proving { .. } | Event::Proven => {}
            Event::Away { seconds, .. } => view.away = Some(*seconds),
            Event::Reachable => view.away = None,
            Event::Warning(warning) => {
                let message = Message::from(warning);
                if view.warnings.len() < MAX_WARNINGS && !view.warnings.contains(&message) {
                    view.warnings.push(message);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use client_core::{
        event::{Peer, Warning},
        text,
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn increments_add_up_and_a_warning_appears_once() {
        let queue = Queue::default();
        let progress = Progress::new(RunKind::Backup, "shop", String::new(), Arc::clone(&queue));
        progress.event(&Event::Expected { bytes: 1000 });
        for bytes in [300, 200] {
            progress.event(&Event::Read { bytes });
            progress.event(&Event::NewChunk { plain: bytes, stored: 10 });
        }
        progress.event(&Event::DuplicateChunk { plain: 7 });
        let odd = Event::Warning(Warning::Other(text!("odd")));
        progress.event(&odd);
        progress.event(&odd);
        let view = progress.view();
        assert_eq!((view.done, view.new_bytes, view.duplicate_bytes, view.total), (500, 500, 7, Some(1000)));
        assert_eq!(view.warnings.iter().map(|warning| warning.text.as_str()).collect::<Vec<_>>(), ["odd"]);
        assert_eq!(view.waiting, 0);
        queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(Uuid::nil());
        assert_eq!(progress.view().waiting, 1);
        progress.event(&Event::Away { peer: Peer::Store, seconds: 40, limit: 900 });
        assert_eq!(progress.view().away, Some(40));
        progress.event(&Event::Reachable);
        assert_eq!(progress.view().away, None);
        assert!(!progress.is_over());
        progress.end(Outcome::Cancelled);
        assert!(progress.is_over());
    }
}
