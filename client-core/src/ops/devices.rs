//! Devices of a vault.

use api_types::{
    DeviceId,
    directory::{DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::DeviceInfo,
};

use super::{Client, select::not_found};
use crate::error::Error;

/// All devices, revoked ones too.
///
/// # Errors
/// As opening the vault.
pub async fn list(client: &Client) -> Result<Vec<DeviceInfo>, Error> {
    let vault = client.open()?;
    Ok(vault.api().devices(vault.id()).await?)
}

/// Shuts a device out at once, and says so in the signed directory.
///
/// # Errors
/// There is no such device, or as the service.
pub async fn revoke(client: &Client, device: DeviceId) -> Result<(), Error> {
    // The directory is enough: no damaged snapshot or index object keeps a device in.
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
