//! The user's settings for this device.

use client_core::{
    error::Error,
    ops::preferences::{self, Preferences},
};
use tauri::{AppHandle, Manager, Runtime, State};
use tauri_plugin_autostart::AutoLaunchManager;

use crate::{
    engine::Shared,
    error::UiError,
    view::{PanelWords, PreferencesView},
    window::Listener,
};

const KIB: u64 = 1024;

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
    Ok(PreferencesView { upload_limit: chosen.upload_limit.map(|limit| limit / KIB), autostart })
}

/// Upload limit of backups in KiB per second; none: unlimited. Applies from the next backup on.
#[tauri::command]
pub(crate) fn set_upload_limit(engine: State<'_, Shared>, limit: Option<u32>) -> Result<(), UiError> {
    let upload_limit = limit.map(|limit| u64::from(limit) * KIB);
    Ok(preferences::save(engine.client(), Preferences { upload_limit })?)
}

/// Sets the texts for the panel and notifications.
#[tauri::command]
pub(crate) fn speak(listener: State<'_, Listener>, words: PanelWords) {
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
