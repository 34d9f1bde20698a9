//! Closing the window, ending the app, and what else the desktop wants from the window.

use client_core::ops::preferences;
use tauri::{AppHandle, Runtime, State, ipc::Channel};

use crate::{
    closing::{self, Asked, Wish},
    engine::Shared,
    view::{LeaveChoice, LeaveView, Signal},
    window::Listener,
};

/// Subscribes the window to what the desktop wants from it.
#[tauri::command]
pub(crate) fn watch_signals(listener: State<'_, Listener>, channel: Channel<Signal>) {
    listener.set_signals(channel);
}

/// What stops when the app ends. The window has heard that it is to ask.
#[tauri::command]
pub(crate) fn leaving(engine: State<'_, Shared>, asked: State<'_, Asked>) -> LeaveView {
    asked.taken();
    engine.stops()
}

/// The answer; `remember` it for the next time.
#[tauri::command]
pub(crate) fn leave<R: Runtime>(
    app: AppHandle<R>,
    engine: State<'_, Shared>,
    choice: LeaveChoice,
    remember: bool,
) {
    // An answer that cannot be remembered is an answer all the same.
    if remember
        && let Err(error) = preferences::change(engine.client(), |now| now.on_close = Some(choice.into()))
    {
        tracing::warn!(%error, "the answer is not remembered");
    }
    match choice {
        LeaveChoice::Quit => app.exit(0),
        LeaveChoice::KeepRunning => closing::minimize(&app),
    }
}

/// Ends the app; during a run the window asks first.
#[tauri::command]
pub(crate) fn quit<R: Runtime>(app: AppHandle<R>) {
    closing::begin(&app, Wish::Quit);
}
