//! Closing the window and ending the app; what the desktop wants from the window.

use client_core::ops::preferences::OnClose;
use serde::{Deserialize, Serialize};

use super::{MenuAction, RunKind};

/// What the desktop wants from the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum Signal {
    /// The menu bar: do what the command palette does.
    #[cfg_attr(not(any(test, target_os = "macos")), expect(dead_code, reason = "only macOS has a menu bar"))]
    Menu {
        /// The command.
        action: MenuAction,
    },
    /// The window is to be closed, or the app is to end: ask.
    Leave {
        /// The app is to end.
        quit: bool,
    },
}

/// What stops when the app ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct LeaveView {
    /// Number of sources that only the app backs up by schedule.
    pub(crate) scheduled: usize,
    /// The one of them that is due first.
    pub(crate) next: Option<NextView>,
    /// The current run.
    pub(crate) run: Option<RunningView>,
}

impl LeaveView {
    pub(crate) const fn is_nothing(&self) -> bool {
        self.scheduled == 0 && self.run.is_none()
    }
}

/// A scheduled backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct NextView {
    /// The source.
    pub(crate) source: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

/// A run in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct RunningView {
    /// What it does.
    pub(crate) kind: RunKind,
    /// Its source.
    pub(crate) source: String,
}

/// What the user wants instead of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum LeaveChoice {
    /// The app keeps running, and so do its schedules.
    KeepRunning,
    /// The app ends.
    Quit,
}

impl From<OnClose> for LeaveChoice {
    fn from(chosen: OnClose) -> Self {
        match chosen {
            OnClose::KeepRunning => Self::KeepRunning,
            OnClose::Quit => Self::Quit,
        }
    }
}

impl From<LeaveChoice> for OnClose {
    fn from(choice: LeaveChoice) -> Self {
        match choice {
            LeaveChoice::KeepRunning => Self::KeepRunning,
            LeaveChoice::Quit => Self::Quit,
        }
    }
}
