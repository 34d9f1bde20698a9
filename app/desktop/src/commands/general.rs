//! Information about the program; file selection.

use std::path::PathBuf;

use client_core::{error::Error, text};
use tauri::{AppHandle, Runtime, State, WebviewWindow};
use tauri_plugin_dialog::DialogExt;
use tauri_plugin_opener::OpenerExt;
use tokio::sync::oneshot;

use crate::{
    engine::Shared,
    error::UiError,
    settings,
    view::{AppInfo, DiagnosticsView},
};

/// The product's name and version from the configuration.
#[tauri::command]
pub(crate) fn app_info<R: Runtime>(app: AppHandle<R>, engine: State<'_, Shared>) -> AppInfo {
    let package = app.package_info();
    AppInfo {
        name: package.name.clone(),
        version: package.version.to_string(),
        // Settings that cannot be read are reported where they are needed.
        server: engine.server().unwrap_or_else(|_| engine.client().server().to_owned()),
        server_fixed: engine.fixed_server(),
        host_name: engine.client().host_name(),
        updates: settings::UPDATE_KEY.is_some(),
    }
}

/// The libraries in this program: a line for each, with its license.
#[tauri::command]
pub(crate) const fn licenses() -> &'static str {
    include_str!(concat!(env!("OUT_DIR"), "/licenses.txt"))
}

/// What the diagnostics hold, to be read before they are saved.
#[tauri::command]
pub(crate) async fn diagnostics(engine: State<'_, Shared>) -> Result<DiagnosticsView, UiError> {
    Ok(engine.diagnostics())
}

/// Asks for a file and saves the diagnostics that were shown. `None`: the user cancelled.
#[tauri::command]
pub(crate) async fn save_diagnostics<R: Runtime>(
    window: WebviewWindow<R>,
    engine: State<'_, Shared>,
) -> Result<Option<String>, UiError> {
    let Some(path) = ask_new_file(&window, "sealkeep-debug.txt").await? else { return Ok(None) };
    Ok(Some(engine.save_diagnostics(&path)?.display().to_string()))
}

/// Asks for an existing file. `None`: the user cancelled.
#[tauri::command]
pub(crate) async fn choose_file<R: Runtime>(window: WebviewWindow<R>) -> Result<Option<String>, UiError> {
    Ok(ask_file(&window).await?.map(|path| path.display().to_string()))
}

/// Asks for the name of a new file.
#[tauri::command]
pub(crate) async fn choose_new_file<R: Runtime>(
    window: WebviewWindow<R>,
    name: String,
) -> Result<Option<String>, UiError> {
    Ok(ask_new_file(&window, &name).await?.map(|path| path.display().to_string()))
}

/// Shows a folder in the file manager.
#[tauri::command]
pub(crate) fn open_folder<R: Runtime>(app: AppHandle<R>, path: String) -> Result<(), UiError> {
    if !PathBuf::from(&path).is_dir() {
        return Err(Error::usage(text!("{path} is not a folder", path)).into());
    }
    app.opener().open_path(path, None::<&str>).map_err(|e| Error::internal("the file manager", &e).into())
}

/// Shows a file in the file manager.
#[tauri::command]
pub(crate) fn show_in_folder<R: Runtime>(app: AppHandle<R>, path: String) -> Result<(), UiError> {
    app.opener().reveal_item_in_dir(path).map_err(|e| Error::internal("the file manager", &e).into())
}

pub(super) async fn ask_file<R: Runtime>(window: &WebviewWindow<R>) -> Result<Option<PathBuf>, UiError> {
    let (answer, chosen) = oneshot::channel();
    window.dialog().file().set_parent(window).pick_file(move |path| drop(answer.send(path)));
    path(chosen.await.ok().flatten())
}

pub(super) async fn ask_new_file<R: Runtime>(
    window: &WebviewWindow<R>,
    name: &str,
) -> Result<Option<PathBuf>, UiError> {
    let (answer, chosen) = oneshot::channel();
    let dialog = window.dialog().file().set_parent(window).set_file_name(name);
    dialog.save_file(move |path| drop(answer.send(path)));
    path(chosen.await.ok().flatten())
}

fn path(chosen: Option<tauri_plugin_dialog::FilePath>) -> Result<Option<PathBuf>, UiError> {
    chosen.map(|path| path.into_path().map_err(|e| Error::internal("the chosen file", &e).into())).transpose()
}
