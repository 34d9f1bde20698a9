//! Sources: testing, saving, listing.

use client_core::ops::{
    probe,
    sources::{self, Address, SavedSource},
};
use tauri::State;
use uuid::Uuid;

use crate::view::ScheduleInput;
use crate::{
    engine::Shared,
    error::UiError,
    view::{OverviewView, ProbeView},
};

type Answer<T> = Result<T, UiError>;

/// All sources.
#[tauri::command]
pub(crate) async fn overview(engine: State<'_, Shared>) -> Answer<OverviewView> {
    Ok(engine.overview().await?)
}

/// Tests a connection string or a file. Nothing is saved.
#[tauri::command]
pub(crate) async fn probe_source(origin: String) -> Answer<ProbeView> {
    let source = Address::parse(&origin)?.source()?;
    let (name, address) = (source.suggested_name(), source.address());
    Ok(ProbeView::new(probe::probe(source).await?, name, address))
}

/// Saves a new source.
#[tauri::command]
pub(crate) fn add_source(
    engine: State<'_, Shared>,
    name: String,
    origin: String,
    schedule: ScheduleInput,
) -> Answer<Uuid> {
    let id = Uuid::new_v4();
    let source = SavedSource {
        id,
        name,
        address: Address::parse(&origin)?,
        schedule: schedule.into(),
        created: engine.client().now(),
    };
    sources::save(engine.client(), source)?;
    Ok(id)
}

/// Changes when a source is backed up.
#[tauri::command]
pub(crate) fn set_schedule(engine: State<'_, Shared>, id: Uuid, schedule: ScheduleInput) -> Answer<()> {
    let mut source = sources::get(engine.client(), id)?;
    source.schedule = schedule.into();
    Ok(sources::save(engine.client(), source)?)
}

/// Removes a source; its snapshots stay.
#[tauri::command]
pub(crate) fn forget_source(engine: State<'_, Shared>, id: Uuid) -> Answer<()> {
    Ok(sources::forget(engine.client(), id)?)
}
