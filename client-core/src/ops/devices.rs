//! Devices of a vault.

use api_types::{
    DeviceId,
    device::DeviceKeys,
    directory::{DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::{DeviceInfo, DeviceState},
};

use super::{
    Client,
    select::{IdPrefix, listed, not_found},
};
use crate::{
    error::{Error, ErrorKind},
    text,
};

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
    let prefix = IdPrefix::of(typed);
    let id = |device: &DeviceInfo| prefix.as_ref().is_some_and(|prefix| prefix.is(device.keys.device_id));
    let whole = |device: &DeviceInfo| {
        let begun = prefix.as_ref().is_some_and(|prefix| prefix.begins(device.keys.device_id));
        device.keys.name == typed || begun
    };
    let begins = |device: &DeviceInfo| !typed.is_empty() && device.keys.name.starts_with(typed);
    // No other device can take an id as its name, so that this one could not be revoked any more. A complete name
    // counts before the beginning of a longer one.
    let ways: [&dyn Fn(&DeviceInfo) -> bool; 3] = [&id, &whole, &begins];
    let way = ways.into_iter().find(|way| devices.iter().any(way));
    let mut meant = devices;
    meant.retain(|device| way.is_some_and(|way| way(device)));
    if meant.iter().any(|device| device.state != DeviceState::Revoked) {
        meant.retain(|device| device.state != DeviceState::Revoked);
    }
    let named = listed(meant.iter().map(|d| format!("{} ({})", d.keys.device_id, d.keys.name)));
    match (meant.pop(), meant.len()) {
        (Some(device), 0) => Ok(device),
        (Some(_), _) => Err(Error::new(
            ErrorKind::Ambiguous,
            text!("several devices match `{typed}`: {named}", typed, named),
            "nothing was changed",
            "give the complete name, or more digits of the id",
        )),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            text!("there is no device `{typed}`", typed),
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
        return Err(Error::usage(text!(
            "this is the device you are on: `sealkeep logout --forget` removes its keys, another device can revoke it"
        )));
    }
    let devices = vault.api().devices(vault.id()).await?;
    let known = devices
        .into_iter()
        .find(|d| d.keys.device_id == device)
        .ok_or_else(|| not_found(text!("there is no device {device}", device)))?;
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

    #[test]
    fn no_device_can_hide_behind_the_id_of_another_one() {
        let id = |number: u8| format!("{number:02}000000-0000-4000-8000-000000000000");
        let found = |typed: &str| {
            let all = vec![
                device(10, &id(11), "active"),
                device(11, &id(10), "active"),
                device(12, "12", "active"),
                device(13, "1200", "active"),
                device(14, "old", "revoked"),
                device(15, "old", "revoked"),
            ];
            one(all, typed).map(|device| device.keys.device_id.to_string()).map_err(|error| error.kind())
        };
        for number in [10, 11, 12, 13, 14] {
            assert_eq!(found(&id(number)), Ok(id(number)), "a whole id is that device");
            assert_eq!(found(&id(number).to_uppercase().replace('-', "")), Ok(id(number)));
        }
        assert_eq!(found("1200"), Err(ErrorKind::Ambiguous), "an id begins so, and a name is so");
        assert_eq!(found("1000"), Ok(id(10)));
        assert_eq!(found("12"), Ok(id(12)));
        assert_eq!(found("old"), Err(ErrorKind::Ambiguous), "both are revoked");
        let error = one(vec![device(10, "a", "active"), device(11, "ab", "active")], "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
