//! Backups, verifications, restores.

use tauri::{State, ipc::Channel};
use uuid::Uuid;

use crate::view::RestoreTo;
use crate::{
    engine::{Shared, restore_command},
    error::UiError,
    link::Link,
    view::{Choice, RunView, WaitView},
    window::Listener,
};

type Answer<T> = Result<T, UiError>;

/// Subscribes the window to runs.
#[tauri::command]
pub(crate) fn watch_runs(listener: State<'_, Listener>, channel: Channel<RunView>) {
    listener.set(channel);
}

/// Subscribes the window to waits.
#[tauri::command]
pub(crate) fn watch_waits(listener: State<'_, Listener>, channel: Channel<WaitView>) {
    listener.set_waits(channel);
}

/// Subscribes the window to links; delivers an earlier one at once.
#[tauri::command]
pub(crate) fn watch_links(listener: State<'_, Listener>, channel: Channel<Link>) {
    listener.set_links(channel);
}

/// The current run, or the last one.
#[tauri::command]
pub(crate) fn current_run(engine: State<'_, Shared>) -> Option<RunView> {
    engine.current_run()
}

/// Backs up a saved source.
#[tauri::command]
pub(crate) async fn start_backup(engine: State<'_, Shared>, id: Uuid) -> Answer<RunView> {
    Ok(engine.start_backup(id)?)
}

/// Verifies a whole snapshot.
#[tauri::command]
pub(crate) async fn start_verify(
    engine: State<'_, Shared>,
    source: String,
    snapshot: String,
) -> Answer<RunView> {
    Ok(engine.start_verify(source, snapshot)?)
}

/// Restores a snapshot.
#[tauri::command]
pub(crate) async fn start_restore(
    engine: State<'_, Shared>,
    source: String,
    snapshot: String,
    to: RestoreTo,
) -> Answer<RunView> {
    Ok(engine.start_restore(source, snapshot, to)?)
}

/// Repeats a refused run with the user's answer.
#[tauri::command]
pub(crate) async fn run_again(
    engine: State<'_, Shared>,
    choice: Choice,
    name: Option<String>,
) -> Answer<RunView> {
    Ok(engine.run_again(choice, name)?)
}

/// The equivalent restore command for a terminal.
#[tauri::command]
pub(crate) fn restore_command_line(snapshot: String, to: RestoreTo) -> String {
    restore_command(&snapshot, &to)
}

/// Cancels the current run.
#[tauri::command]
pub(crate) fn cancel_run(engine: State<'_, Shared>) {
    engine.cancel_run();
}

/// Pauses or resumes a backup.
#[tauri::command]
pub(crate) fn pause_run(engine: State<'_, Shared>, pause: bool) {
    engine.pause_run(pause);
}

/// The user has seen the last run's result.
#[tauri::command]
pub(crate) fn dismiss_run(engine: State<'_, Shared>) {
    engine.dismiss_run();
}
