//! The target of a restore, before it starts.

use client_core::ops::{
    restore::{self, suggest},
    select::Selector,
    sources,
};
use tauri::{AppHandle, Manager, Runtime, State};
use uuid::Uuid;

use crate::{
    engine::Shared,
    error::UiError,
    view::{ConnectionView, RestoreTo, SuggestionView, TargetView},
};

type Answer<T> = Result<T, UiError>;

/// A file and a database to suggest for a restore. `like`: the saved source.
#[tauri::command]
pub(crate) fn restore_suggestion<R: Runtime>(
    app: AppHandle<R>,
    engine: State<'_, Shared>,
    like: Option<Uuid>,
    source: String,
    kind: String,
    created: i64,
) -> Answer<SuggestionView> {
    let folder = app.path().download_dir().ok().filter(|folder| folder.is_dir());
    let folder = folder.or_else(|| app.path().home_dir().ok()).unwrap_or_default();
    let saved = like.map(|id| sources::get(engine.client(), id)).transpose()?;
    let connection = saved.map(|saved| ConnectionView::from(&saved.address));
    let original = connection.as_ref().and_then(|connection| connection.parts.as_ref());
    let name = original.map(|parts| parts.database.clone()).filter(|name| !name.is_empty());
    Ok(SuggestionView {
        path: suggest::file(&folder, &source, &kind, created).display().to_string(),
        database: suggest::database(&name.unwrap_or(source), created),
        connection,
    })
}

/// What a restore would find at its target; an error if it would be refused. Changes nothing.
#[tauri::command]
pub(crate) async fn check_target(
    engine: State<'_, Shared>,
    snapshot: String,
    to: RestoreTo,
) -> Answer<TargetView> {
    let selector = Selector::parse(&snapshot, None)?;
    let destination = engine.destination(&to)?;
    Ok(restore::inspect_target(engine.client(), &selector, destination).await?.into())
}
