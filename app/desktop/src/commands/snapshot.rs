//! Details of snapshots.

use client_core::ops::{details, select::Selector};
use tauri::State;

use crate::{
    engine::Shared,
    error::UiError,
    view::{ComparisonView, DetailsView},
};

type Answer<T> = Result<T, UiError>;

/// The details of one snapshot.
#[tauri::command]
pub(crate) async fn snapshot_details(engine: State<'_, Shared>, snapshot: String) -> Answer<DetailsView> {
    let selector = Selector::parse(&snapshot, None)?;
    Ok(details::details(engine.client(), &selector).await?.into())
}

/// The differences between two snapshots.
#[tauri::command]
pub(crate) async fn compare_snapshots(
    engine: State<'_, Shared>,
    one: String,
    other: String,
) -> Answer<ComparisonView> {
    let (one, other) = (Selector::parse(&one, None)?, Selector::parse(&other, None)?);
    Ok(details::compare(engine.client(), &one, &other).await?.into())
}
