//! `sealkeep devices`.

use api_types::vault::DeviceState;
use client_core::{error::Error, ops::devices};
use serde_json::json;

use super::Context;
use crate::{
    args::{DeviceAction, Devices},
    plain, render,
    table::Column,
};

pub(crate) async fn run(context: &Context, arguments: Devices) -> Result<(), Error> {
    match arguments.action {
        None => list(context).await,
        Some(DeviceAction::Revoke { device }) => {
            let revoked = devices::revoke_named(&context.client, &device).await?;
            context.output.result(&json!({"revoked": revoked.device_id}), || {
                plain!("Revoked device \"{}\" ({}).", revoked.name, revoked.device_id)
            })
        }
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let devices = devices::list(&context.client).await?;
    context.output.result(&json!({"devices": devices}), || {
        let rows: Vec<Vec<String>> = devices
            .iter()
            .map(|d| {
                let state = match d.state {
                    DeviceState::Pending => "waiting for approval",
                    DeviceState::Active => "active",
                    DeviceState::Revoked => "revoked",
                };
                vec![
                    render::id(d.keys.device_id),
                    d.keys.name.clone(),
                    state.to_owned(),
                    render::time(d.created_at),
                    d.last_seen_at.map_or_else(|| "–".to_owned(), render::time),
                ]
            })
            .collect();
        let header: [Column; 5] =
            ["DEVICE".into(), Column::name("NAME"), "STATE".into(), "SINCE".into(), "LAST SEEN".into()];
        render::fitting(&header, &rows, &["SINCE"])
    })
}
