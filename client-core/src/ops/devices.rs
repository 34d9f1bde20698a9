//! Devices of a vault.

use api_types::{
    DeviceId,
    device::DeviceKeys,
    directory::{DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::{DeviceInfo, DeviceState},
};

use super::{
    Client,
    select::{MAX_NAMED, MIN_DIGITS, not_found},
};
use crate::error::{Error, ErrorKind};

/// All devices, including revoked ones.
///
/// # Errors
/// Same as opening the vault.
pub async fn list(client: &Client) -> Result<Vec<DeviceInfo>, Error> {
    let vault = client.open()?;
    Ok(vault.api().devices(vault.id()).await?)
}

/// Same as [`revoke`], for the device with this name, this id, or an id that begins with it. Returns that device.
///
/// # Errors
/// [`ErrorKind::Ambiguous`] if several match, [`ErrorKind::NotFound`] if none does; otherwise same as [`revoke`].
pub async fn revoke_named(client: &Client, typed: &str) -> Result<DeviceKeys, Error> {
    let device = one(list(client).await?, typed)?;
    revoke(client, device.keys.device_id).await?;
    Ok(device.keys)
}

/// Finds the one device that is meant. A revoked device matches only if no active one does.
fn one(devices: Vec<DeviceInfo>, typed: &str) -> Result<DeviceInfo, Error> {
    let digits = |text: &str| text.to_ascii_lowercase().replace('-', "");
    let (prefix, id) = (digits(typed), |device: &DeviceInfo| digits(&device.keys.device_id.to_string()));
    let is_id = prefix.len() >= MIN_DIGITS && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    let mut meant: Vec<DeviceInfo> = devices
        .into_iter()
        .filter(|device| device.keys.name == typed || (is_id && id(device).starts_with(&prefix)))
        .collect();
    if meant.iter().any(|device| device.state != DeviceState::Revoked) && meant.len() > 1 {
        meant.retain(|device| device.state != DeviceState::Revoked);
    }
    let named: Vec<String> =
        meant.iter().take(MAX_NAMED).map(|d| format!("{} ({})", d.keys.device_id, d.keys.name)).collect();
    match (meant.pop(), named.len()) {
        (Some(device), 1) => Ok(device),
        (Some(_), _) => Err(Error::new(
            ErrorKind::Ambiguous,
            format!("several devices are called `{typed}`: {}", named.join(", ")),
            "nothing was changed",
            "give more digits of the id",
        )),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no device {typed}"),
            "nothing was changed",
            "`sealkeep devices` lists them",
        )),
    }
}

/// Revokes a device immediately and records it in the signed directory.
///
/// # Errors
/// There is no such device, or an error from the service.
pub async fn revoke(client: &Client, device: DeviceId) -> Result<(), Error> {
    // The directory is enough: a damaged snapshot or index object must not prevent a revocation.
    let mut vault = client.open()?;
    vault.sync_directory().await?;
    if device == vault.device_id() {
        return Err(Error::usage(
            "this is the device you are on: `sealkeep logout --forget` removes its keys, another device can revoke it",
        ));
    }
    let devices = vault.api().devices(vault.id()).await?;
    let known = devices
        .into_iter()
        .find(|d| d.keys.device_id == device)
        .ok_or_else(|| not_found(format!("there is no device {device}")))?;
    let trusted = vault.directory().device(&device).filter(|d| !d.revoked);
    let directory = match (trusted, vault.directory().last()) {
        (Some(trusted), Some((number, previous))) => {
            let entry = DirectoryEntry {
                vault: vault.id(),
                number: number + 1,
                previous,
                op: DirectoryOp::Revoke,
                device,
                signing_key: *trusted.signing_key.as_bytes(),
                sealing_key: known.keys.sealing_key.to_array().unwrap_or([0; 32]),
                role: trusted.role,
                created: client.now(),
            };
            Some(SignedDirectoryEntry::sign(&entry, vault.keys().signing_root().as_dalek())?)
        }
        _ => None,
    };
    Ok(vault.api().revoke_device(vault.id(), device, directory).await?)
}
