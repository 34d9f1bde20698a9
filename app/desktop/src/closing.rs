//! Closing the window and ending the app. What continues in the tray is said once; what would stop is asked about.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use client_core::ops::preferences::{self, OnClose};
use tauri::{AppHandle, Manager, Runtime};

use crate::{
    engine::Shared,
    show,
    tray::{self, Tray},
    view::{LeaveView, Signal},
    window::Listener,
};

/// A page that has not taken the question by then does not keep its window open.
const DEAF: Duration = Duration::from_secs(5);

/// What the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Closed the window.
    Close,
    /// Asked the app to end.
    Quit,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The app ends.
    End,
    /// The window is hidden; the icon in the panel brings it back.
    Hide,
    /// The window is minimized.
    Minimize,
    /// The window asks.
    Ask,
}

/// When the page was asked something that it has not taken yet.
#[derive(Default)]
pub(crate) struct Asked(Mutex<Option<Instant>>);

impl Asked {
    /// The page has taken the question.
    pub(crate) fn taken(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the page lets questions lie; otherwise the next one is asked now.
    fn is_deaf(&self, now: Instant) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.duration_since(*asked.get_or_insert(now)) >= DEAF
    }
}

/// Does what the user wants, or asks.
pub(crate) fn begin<R: Runtime>(app: &AppHandle<R>, wish: Wish) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let engine = Arc::clone(app.state::<Shared>().inner());
        let stops = engine.stops();
        let icon = app.try_state::<Tray<R>>().is_some_and(|tray| tray.is_there());
        let icon = icon && tray::is_shown().await;
        let remembered = preferences::load(engine.client()).ok().and_then(|chosen| chosen.on_close);
        match step(wish, icon, &stops, remembered) {
            Step::End => app.exit(0),
            Step::Hide => hide(&app, &engine, &stops),
            Step::Minimize => minimize(&app),
            Step::Ask => ask(&app, wish),
        }
    });
}

/// Leaves the window in the dock or the list of windows.
pub(crate) fn minimize<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window("main") {
        drop(window.minimize());
    }
}

fn step(wish: Wish, icon: bool, stops: &LeaveView, remembered: Option<OnClose>) -> Step {
    match (wish, remembered) {
        (Wish::Close, _) if icon => Step::Hide,
        _ if stops.is_nothing() => Step::End,
        (Wish::Close, Some(OnClose::KeepRunning)) => Step::Minimize,
        // A run that would be lost is never part of an earlier answer.
        _ if stops.run.is_some() => Step::Ask,
        (Wish::Close, Some(OnClose::Quit)) | (Wish::Quit, _) => Step::End,
        (Wish::Close, None) => Step::Ask,
    }
}

fn hide<R: Runtime>(app: &AppHandle<R>, engine: &Shared, stops: &LeaveView) {
    if let Some(window) = app.get_webview_window("main") {
        drop(window.hide());
    }
    let client = engine.client();
    if preferences::load(client).is_ok_and(|chosen| chosen.tray_known) {
        return;
    }
    app.state::<Listener>().keeps_running(stops.next.as_ref(), client.now());
    if let Err(error) = preferences::change(client, |now| now.tray_known = true) {
        tracing::warn!(%error, "the user will be told again that the app stays in the tray");
    }
}

fn ask<R: Runtime>(app: &AppHandle<R>, wish: Wish) {
    let heard = app.state::<Listener>().signal(&Signal::Leave { quit: wish == Wish::Quit });
    if !heard || app.state::<Asked>().is_deaf(Instant::now()) {
        app.exit(0);
        return;
    }
    show(app);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{RunKind, RunningView};

    fn stops(scheduled: usize, running: bool) -> LeaveView {
        let run = running.then(|| RunningView { kind: RunKind::Backup, source: "shop".into() });
        LeaveView { scheduled, next: None, run }
    }

    #[test]
    fn with_an_icon_the_window_is_hidden_and_without_one_a_question_says_what_stops() {
        let close = |icon, stops, remembered| step(Wish::Close, icon, &stops, remembered);
        for stops in [stops(0, false), stops(3, true)] {
            assert_eq!(close(true, stops, Some(OnClose::Quit)), Step::Hide);
        }
        assert_eq!(close(false, stops(0, false), None), Step::End);
        assert_eq!(close(false, stops(3, false), None), Step::Ask);
        assert_eq!(close(false, stops(0, true), None), Step::Ask);
    }

    #[test]
    fn an_earlier_answer_holds_unless_a_run_would_be_lost() {
        let close = |stops, remembered| step(Wish::Close, false, &stops, Some(remembered));
        assert_eq!(close(stops(3, false), OnClose::KeepRunning), Step::Minimize);
        assert_eq!(close(stops(3, true), OnClose::KeepRunning), Step::Minimize);
        assert_eq!(close(stops(3, false), OnClose::Quit), Step::End);
        assert_eq!(close(stops(3, true), OnClose::Quit), Step::Ask);
    }

    #[test]
    fn quitting_asks_only_during_a_run() {
        for icon in [false, true] {
            for remembered in [None, Some(OnClose::KeepRunning), Some(OnClose::Quit)] {
                let quit = |stops| step(Wish::Quit, icon, &stops, remembered);
                assert_eq!(quit(stops(3, false)), Step::End);
                assert_eq!(quit(stops(0, true)), Step::Ask);
            }
        }
    }

    #[test]
    fn a_page_that_takes_no_question_does_not_keep_its_window() {
        let (asked, now) = (Asked::default(), Instant::now());
        assert!(!asked.is_deaf(now));
        assert!(!asked.is_deaf(now + DEAF / 2), "the close button was pressed twice");
        assert!(asked.is_deaf(now + DEAF));
        asked.taken();
        assert!(!asked.is_deaf(now + DEAF));
        asked.taken();
        assert!(!asked.is_deaf(now + DEAF * 9));
    }
}
