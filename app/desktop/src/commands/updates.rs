//! Newer versions. Only a build that was given the public half of a signing key looks for them.

use client_core::error::{Error, ErrorKind};
use tauri::{AppHandle, Runtime};
use tauri_plugin_updater::{Update, UpdaterExt};

use crate::{error::UiError, settings::UPDATE_KEY};

/// The newer version, if there is one.
#[tauri::command]
pub(crate) async fn update_check<R: Runtime>(app: AppHandle<R>) -> Result<Option<String>, UiError> {
    Ok(newer(&app).await?.map(|update| update.version))
}

/// Fetches the newer version, verifies its signature, installs it and starts it.
#[tauri::command]
pub(crate) async fn update_install<R: Runtime>(app: AppHandle<R>) -> Result<(), UiError> {
    let Some(update) = newer(&app).await? else { return Ok(()) };
    update.download_and_install(|_, _| {}, || {}).await.map_err(|e| failed(&e))?;
    app.restart()
}

async fn newer<R: Runtime>(app: &AppHandle<R>) -> Result<Option<Update>, UiError> {
    if UPDATE_KEY.is_none() {
        return Err(Error::new(
            ErrorKind::Usage,
            "this build does not update itself",
            "nothing was changed",
            "install newer versions the way this one was installed",
        )
        .into());
    }
    let updater = app.updater().map_err(|e| failed(&e))?;
    updater.check().await.map_err(|e| failed(&e))
}

fn failed(error: &tauri_plugin_updater::Error) -> UiError {
    Error::new(
        ErrorKind::ServiceUnreachable,
        format!("the update did not work: {error}"),
        "this version goes on as it was; backups are not affected",
        "try again later",
    )
    .into()
}
