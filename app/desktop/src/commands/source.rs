//! Sources: testing, saving, editing, listing.

use client_core::ops::{
    change_source, probe, remove_source, runs,
    sources::{self, Address, Edit, SavedSource},
    timer::Followed,
};
use tauri::State;
use uuid::Uuid;

use crate::{
    engine::Shared,
    error::UiError,
    view::{ConnectionView, Message, OverviewView, PastRunView, ProbeView, RunLogView, ScheduleInput},
};

/// Number of runs examined for the history of a source.
const RUNS: u32 = 5000;

type Answer<T> = Result<T, UiError>;

/// All sources.
#[tauri::command]
pub(crate) async fn overview(engine: State<'_, Shared>) -> Answer<OverviewView> {
    Ok(engine.overview().await?)
}

/// Tests a connection string or a file. Nothing is saved. A password that it lacks is that of the saved source `like`,
/// if server and user are the same.
#[tauri::command]
pub(crate) async fn probe_source(
    engine: State<'_, Shared>,
    origin: String,
    like: Option<Uuid>,
) -> Answer<ProbeView> {
    let source = engine.address(&origin, like)?.source()?;
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
        scheduled: 0,
        former: Vec::new(),
    };
    sources::save(engine.client(), source)?;
    Ok(id)
}

/// Changes when a source is backed up, also by its timer. Answers why a timer could not follow.
#[tauri::command]
pub(crate) fn set_schedule(
    engine: State<'_, Shared>,
    id: Uuid,
    schedule: ScheduleInput,
) -> Answer<Option<Message>> {
    let followed = change_source::set_schedule(engine.client(), id, schedule.into())?;
    Ok(Message::of_timer(&followed))
}

/// Removes a source and its timer; its snapshots stay. Answers where an edited timer is kept.
#[tauri::command]
pub(crate) fn remove_source(engine: State<'_, Shared>, id: Uuid) -> Answer<Option<Message>> {
    let removed = remove_source::remove(engine.client(), id)?;
    Ok(Message::of_timer(&Followed::Removed(removed)))
}

/// Changes a source's name or address; what is not given stays. Answers why a timer could not follow.
#[tauri::command]
pub(crate) fn edit_source(
    engine: State<'_, Shared>,
    id: Uuid,
    name: Option<String>,
    origin: Option<String>,
) -> Answer<Option<Message>> {
    let edit = Edit { name: name.as_deref(), address: origin.as_deref() };
    Ok(Message::of_timer(&change_source::edit(engine.client(), id, edit)?))
}

/// How a source is reached, without its password.
#[tauri::command]
pub(crate) fn source_connection(engine: State<'_, Shared>, id: Uuid) -> Answer<ConnectionView> {
    Ok(ConnectionView::from(&sources::get(engine.client(), id)?.address))
}

/// The runs of a source on this device, newest first.
#[tauri::command]
pub(crate) async fn source_runs(engine: State<'_, Shared>, id: Uuid) -> Answer<Vec<PastRunView>> {
    let client = engine.client();
    let runs = runs::of_source(client, &sources::get(client, id)?, RUNS)?;
    Ok(runs.into_iter().map(PastRunView::from).collect())
}

/// A run and its log.
#[tauri::command]
pub(crate) async fn run_log(engine: State<'_, Shared>, run: String) -> Answer<RunLogView> {
    Ok(runs::log(engine.client(), &run)?.into())
}
