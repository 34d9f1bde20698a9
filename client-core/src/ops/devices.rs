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

/// Same as [`revoke`], for the device with this name or id, or the only one whose name or id begins with it. Returns
/// that device.
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
    let whole = |device: &DeviceInfo| device.keys.name == typed || (is_id && id(device).starts_with(&prefix));
    let begins = |device: &DeviceInfo| !typed.is_empty() && device.keys.name.starts_with(typed);
    // A complete name counts before the beginning of a longer one.
    let some_whole = devices.iter().any(whole);
    let mut meant: Vec<DeviceInfo> = devices
        .into_iter()
        .filter(|device| if some_whole { whole(device) } else { begins(device) })
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
            format!("several devices match `{typed}`: {}", named.join(", ")),
            "nothing was changed",
            "give the complete name, or more digits of the id",
        )),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no device `{typed}`"),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn device(number: u8, name: &str, state: &str) -> DeviceInfo {
        serde_json::from_value(json!({
            "keys": {
                "device_id": format!("{number:02}000000-0000-4000-8000-000000000000"),
                "name": name,
                "signing_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "sealing_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            },
            "role": null,
            "state": state,
            "created_at": 0,
            "last_seen_at": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_device_is_found_by_name_or_id_or_the_beginning_of_either() {
        let all = || {
            vec![
                device(10, "laptop", "active"),
                device(11, "laptop of Ada", "active"),
                device(12, "server", "revoked"),
                device(13, "server", "active"),
                device(14, "beef", "active"),
            ]
        };
        let found = |typed: &str| {
            one(all(), typed)
                .map(|device| device.keys.device_id.to_string().get(..2).unwrap().to_owned())
                .map_err(|error| error.kind())
        };
        assert_eq!(found("laptop"), Ok("10".to_owned()));
        assert_eq!(found("laptop o"), Ok("11".to_owned()));
        assert_eq!(found("1100"), Ok("11".to_owned()));
        assert_eq!(found("ser"), Ok("13".to_owned()));
        assert_eq!(found("1200"), Ok("12".to_owned()));
        assert_eq!(found("beef"), Ok("14".to_owned()));
        assert_eq!(found("lap"), Err(ErrorKind::Ambiguous));
        for unknown in ["", "110", "Laptop", "desk"] {
            assert_eq!(found(unknown), Err(ErrorKind::NotFound), "{unknown:?}");
        }
    }
}
