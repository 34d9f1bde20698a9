//! The user's settings for this device.

use client_core::{error::Error, ops::preferences};
use tauri::{AppHandle, Manager, Runtime, State};
use tauri_plugin_autostart::AutoLaunchManager;

use crate::{
    engine::Shared,
    error::UiError,
    view::{LeaveChoice, PanelWords, PreferencesView},
    window::Listener,
};

const KB: u64 = 1000;

/// All settings.
#[tauri::command]
pub(crate) fn preferences<R: Runtime>(
    app: AppHandle<R>,
    engine: State<'_, Shared>,
) -> Result<PreferencesView, UiError> {
    let chosen = preferences::load(engine.client())?;
    // Off if the desktop does not report it.
    let autostart =
        app.try_state::<AutoLaunchManager>().is_some_and(|auto| auto.is_enabled().unwrap_or(false));
    Ok(PreferencesView {
        upload_limit: chosen.upload_limit.map(|limit| limit / KB),
        autostart,
        on_close: chosen.on_close.map(LeaveChoice::from),
    })
}

/// Upload limit of backups in kB per second; none: unlimited. Applies from the next backup on.
#[tauri::command]
pub(crate) fn set_upload_limit(engine: State<'_, Shared>, limit: Option<u32>) -> Result<(), UiError> {
    let upload_limit = limit.map(|limit| u64::from(limit) * KB);
    Ok(preferences::change(engine.client(), |now| now.upload_limit = upload_limit)?)
}

/// What closing the window does if no icon could bring it back; none: the window asks.
#[tauri::command]
pub(crate) fn set_on_close(engine: State<'_, Shared>, choice: Option<LeaveChoice>) -> Result<(), UiError> {
    Ok(preferences::change(engine.client(), |now| now.on_close = choice.map(Into::into))?)
}

/// Sets the texts for the panel and notifications.
#[tauri::command]
pub(crate) fn set_tray_labels(listener: State<'_, Listener>, words: PanelWords) {
    listener.set_words(words);
}

/// Whether the app starts in the panel at login.
#[tauri::command]
pub(crate) fn set_autostart<R: Runtime>(app: AppHandle<R>, on: bool) -> Result<(), UiError> {
    let failed =
        |e: &dyn std::fmt::Display| UiError::from(Error::internal("the desktop's list of programs", e));
    let auto = app.try_state::<AutoLaunchManager>().ok_or_else(|| failed(&"autostart is not set up"))?;
    if on { auto.enable() } else { auto.disable() }.map_err(|e| failed(&e))
}
