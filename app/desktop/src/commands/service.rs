//! The metadata service, before there is an account.

use client_core::{error::Error, ops::service};
use tauri::State;

use crate::{engine::Shared, error::UiError, view::ServiceView};

type Answer<T> = Result<T, UiError>;

/// Asks whether this is the address of a service.
#[tauri::command]
pub(crate) async fn check_service(engine: State<'_, Shared>, address: String) -> Answer<ServiceView> {
    Ok(service::look(engine.client(), &address).await?.into())
}

/// Remembers it for this device's account, and returns the address.
#[tauri::command]
pub(crate) fn choose_service(engine: State<'_, Shared>, address: String) -> Answer<String> {
    if engine.fixed_server() {
        return Err(Error::usage(client_core::text!("SEALKEEP_SERVER names the service")).into());
    }
    Ok(service::choose(engine.client(), &address)?)
}
