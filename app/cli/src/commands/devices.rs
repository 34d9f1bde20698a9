//! `sealkeep devices`.

use api_types::{
    directory::DeviceRole,
    vault::{DeviceInfo, DeviceState},
};
use client_core::{error::Error, ops::devices};

use super::Context;
use crate::{
    args::{DeviceAction, Devices},
    documents, plain, render,
    table::Column,
};

pub(crate) async fn run(context: &Context, arguments: Devices) -> Result<(), Error> {
    match arguments.action {
        None => list(context).await,
        Some(DeviceAction::Revoke { device }) => {
            let revoked = devices::revoke_named(&context.client, &device).await?;
            let document = documents::Revoked { revoked: revoked.device_id.to_string() };
            context
                .output
                .result(&document, || plain!("Revoked device \"{}\" ({}).", revoked.name, revoked.device_id))
        }
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let devices = devices::list(&context.client).await?;
    let document = documents::Devices { devices: devices.iter().map(document).collect() };
    context.output.result(&document, || {
        let rows: Vec<Vec<String>> = devices
            .iter()
            .map(|d| {
                let state = match d.state {
                    DeviceState::Pending => "setup not finished",
                    DeviceState::Active => "active",
                    DeviceState::Revoked => "revoked",
                };
                vec![
                    render::id(d.keys.device_id),
                    d.keys.name.clone(),
                    state.to_owned(),
                    render::time(d.created_at),
                    last_seen(d).map_or_else(|| "–".to_owned(), render::time),
                ]
            })
            .collect();
        let header: [Column; 5] =
            ["DEVICE".into(), Column::name("NAME"), "STATE".into(), "SINCE".into(), "LAST SEEN".into()];
        render::fitting(&header, &rows, &["SINCE"])
    })
}

/// The service rounds to the hour; the device was certainly seen when it was created.
fn last_seen(device: &DeviceInfo) -> Option<i64> {
    device.last_seen_at.map(|seen| seen.max(device.created_at))
}

fn document(device: &DeviceInfo) -> documents::Device {
    documents::Device {
        keys: documents::DeviceKeys {
            device_id: device.keys.device_id.to_string(),
            name: device.keys.name.clone(),
            signing_key: device.keys.signing_key.clone(),
            sealing_key: device.keys.sealing_key.clone(),
        },
        role: device.role.map(|role| match role {
            DeviceRole::Full => documents::DeviceRole::Full,
            DeviceRole::BackupOnly => documents::DeviceRole::BackupOnly,
        }),
        state: match device.state {
            DeviceState::Pending => documents::DeviceState::Pending,
            DeviceState::Active => documents::DeviceState::Active,
            DeviceState::Revoked => documents::DeviceState::Revoked,
        },
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
    }
}
