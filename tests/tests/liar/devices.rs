//! Lies about the device directory, the list of devices, and the recovery file.

use api_types::{
    AccountId, Base64,
    directory::{DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    vault::{Directory, WrappedKey},
};
use ciborium::Value;
use client_core::{
    crypto::{AccountSecret, Amk, Keyring, ReadIdentity, Recipient, recovery},
    device::{DeviceIdentity, DeviceSecrets},
    error::ErrorKind,
    format::pack::PackReader,
};
use e2e::liar::{
    edits::{APPEND, DEVICES, DIRECTORY, KEYS, REVOKE},
    lie::{Answer, On},
    promise::{Broken, Kept, ROLLED_BACK, ends, promise, run},
    world::{Stolen, World, content, id},
};
use secrecy::ExposeSecret;

use super::history::{each_edit, tell};

fn shown(world: &World) -> Result<Vec<SignedDirectoryEntry>, e2e::Failure> {
    let page = world.liars.api.book().now();
    world.second.copy()?.call(["snapshots"]).ok()?;
    let pages = world.liars.api.book().since(page);
    let truth = pages.iter().find(|page| DIRECTORY.fits(&page.seen.method, &page.seen.path));
    let body = truth.and_then(|page| page.truth.clone()).map(|truth| truth.body).unwrap_or_default();
    Ok(serde_json::from_slice::<Directory>(&body)?.entries)
}

pub(crate) fn revocation_swallowed(world: &mut World) -> Kept {
    let first = world.first.copy()?;
    let (_lie, _telling) = tell(world, &first, On::route(REVOKE).says(|_| Answer::nothing()))?;
    let victim = id(&world.fresh)?.to_string();
    ends(&run(first.call(["devices", "revoke", &victim]))?, &[ROLLED_BACK], "a revocation that is swallowed")
}

/// P6: with the keys that a device had before it was revoked.
pub(crate) fn sealed_later(world: &mut World) -> Kept {
    let bucket = world.service.bucket();
    let before = bucket.of_kind("packs")?;
    world.first.copy()?.backup_bytes("later", &content("later", 1)).ok()?;
    let thief = DeviceSecrets::of(&world.thief)?;
    let keyring =
        Keyring::from_bytes(&thief.vault()?.keyring).map_err(|e| e2e::Failure::new(e.to_string()))?;
    for (id, pack) in bucket.of_kind("packs")? {
        if before.contains_key(&id) {
            continue;
        }
        let opened = PackReader::open(&pack.bytes()?, keyring.vault(), keyring.read_identities());
        promise(opened.is_err(), || format!("pack {id} opens with a revoked device's keys"))?;
    }
    Ok(())
}

pub(crate) fn entry_swallowed(world: &mut World) -> Kept {
    let device = world.newcomer.copy()?;
    let (_lie, _telling) = tell(world, &device, On::route(APPEND).says(|_| Answer::nothing()))?;
    match world.type_words(&device) {
        Err(error) if error.kind() == ErrorKind::RolledBack => Ok(()),
        other => Err(Broken::Promise(format!("a new device's entry was swallowed: {other:?}"))),
    }
}

/// A device that signed in before the last revocation is shown snapshots signed after it.
pub(crate) fn log_hidden(world: &mut World) -> Kept {
    let fresh = world.fresh.copy()?;
    let lie = On::route(DIRECTORY).edits::<Directory>(|d| drop(d.entries.pop()));
    let (_lie, _telling) = tell(world, &fresh, lie)?;
    ends(&run(fresh.call(["snapshots"]))?, &[ROLLED_BACK], "snapshots that name a log which is not shown")
}

pub(crate) fn old_log(world: &mut World) -> Kept {
    let device = world.newcomer.copy()?;
    let lie = On::route(DIRECTORY).edits::<Directory>(|d| drop(d.entries.pop()));
    let (_lie, _telling) = tell(world, &device, lie)?;
    let (_swallow, _swallowing) = tell(world, &device, On::route(APPEND).says(|_| Answer::nothing()))?;
    match world.type_words(&device) {
        Err(error) if error.kind() == ErrorKind::RolledBack => Ok(()),
        other => Err(Broken::Promise(format!("a new device believed an older log: {other:?}"))),
    }
}

pub(crate) fn log_changed(world: &mut World) -> Kept {
    each_edit(world, 6, DIRECTORY, &world.second, |device, edit| {
        for command in ["snapshots", "check"] {
            ends(&run(device.call([command]))?, &[ROLLED_BACK], edit.what)?;
        }
        Ok(())
    })
}

/// An entry after the last one, signed with the thief's copy of the signing root.
fn forged(world: &World, entry: impl FnOnce(&mut DirectoryEntry)) -> Result<SignedDirectoryEntry, Broken> {
    let thief = DeviceSecrets::of(&world.thief)?;
    let vault = thief.vault()?;
    let keyring = Keyring::from_bytes(&vault.keyring).map_err(|e| e2e::Failure::new(e.to_string()))?;
    let shown = shown(world)?;
    let last = shown.last().ok_or_else(|| e2e::Failure::new("an empty directory"))?;
    let mut forged = DirectoryEntry {
        vault: vault.info.vault_id,
        number: shown.len() as u64,
        previous: last.hash(),
        op: DirectoryOp::Add,
        device: thief.device.id,
        signing_key: thief.device.signing_public(),
        sealing_key: thief.device.sealing_public(),
        role: DeviceRole::Full,
        created: 1,
    };
    entry(&mut forged);
    let signed = SignedDirectoryEntry::sign(&forged, keyring.signing_root().as_dalek());
    signed.map_err(|e| Broken::Stage(e2e::Failure::new(e.to_string())))
}

fn appended(world: &World, entry: SignedDirectoryEntry, after: &str) -> Kept {
    let second = world.second.copy()?;
    let lie = On::route(DIRECTORY).edits::<Directory>(move |d| d.entries.push(entry.clone()));
    let (_lie, _telling) = tell(world, &second, lie)?;
    ends(&run(second.call(["snapshots"]))?, &[ROLLED_BACK], after)
}

pub(crate) fn entry_by_thief(world: &mut World) -> Kept {
    let accomplice = DeviceIdentity::generate("accomplice");
    let entry = forged(world, |entry| {
        entry.device = accomplice.id;
        entry.signing_key = accomplice.signing_public();
        entry.sealing_key = accomplice.sealing_public();
    })?;
    appended(world, entry, "an entry that a revoked device signed")
}

pub(crate) fn added_again(world: &mut World) -> Kept {
    let entry = forged(world, |_| {})?;
    appended(world, entry, "a revoked device that is added again")
}

/// Rows of the list of devices as displayed.
fn listed(world: &World, number: u8) -> Kept {
    let honest = run(world.second.copy()?.call(["devices"]))?.json();
    each_edit(world, number, DEVICES, &world.second, |device, edit| {
        let outcome = run(device.call(["devices"]))?;
        let same = outcome.json().map(|shown| shown["devices"].clone())
            == honest.clone().map(|shown| shown["devices"].clone());
        promise(same || outcome.code == ROLLED_BACK, || format!("\"{}\" is shown: {outcome}", edit.what))
    })
}

pub(crate) fn names_swapped(world: &mut World) -> Kept {
    listed(world, 8)
}

pub(crate) fn device_hidden(world: &mut World) -> Kept {
    listed(world, 9)
}

fn recovers_nothing(world: &World, lie: On, after: &str) -> Kept {
    let device = world.newcomer.copy()?;
    let (lie, _telling) = tell(world, &device, lie)?;
    let keys = world.liars.store.book().now();
    let error = world.type_words(&device).err();
    promise(lie.told() > 0 && error.is_some(), || format!("\"{after}\" was believed"))?;
    let has_vault = DeviceSecrets::of(&device)?.vault.is_some();
    promise(!has_vault, || format!("\"{after}\" gave a device keys"))?;
    let stored = world.liars.store.book().since(keys);
    promise(!stored.iter().any(|page| page.seen.method == "PUT"), || format!("\"{after}\" was stored"))
}

pub(crate) fn recovery_damaged(world: &mut World) -> Kept {
    for edit in e2e::liar::edits::EDITS.iter().filter(|edit| edit.lie == 22) {
        recovers_nothing(world, edit.on(), edit.what)?;
    }
    // A file of another vault, for the right recipient.
    let other = Keyring::generate(api_types::VaultId::from_bytes([7; 16]));
    let own = DeviceSecrets::of(&world.first)?;
    recovers_nothing(world, replaced(file(world, &other, own.account)?), "the file of another vault")?;
    // This vault's own keys, for somebody else's account.
    let file = file(world, &keyring(world)?, AccountId::from_bytes([0xee; 16]))?;
    recovers_nothing(world, replaced(file), "the file of another account")
}

/// This vault's keys.
fn keyring(world: &World) -> Result<Keyring, Broken> {
    let keyring = Keyring::from_bytes(&DeviceSecrets::of(&world.first)?.vault()?.keyring);
    keyring.map_err(|e| Broken::Stage(e2e::Failure::new(e.to_string())))
}

/// A thief knows the keys of his time, and adds an epoch that only he can read.
pub(crate) fn recovery_of_another_epoch(world: &mut World) -> Kept {
    let fault = |e: &dyn std::fmt::Display| e2e::Failure::new(e.to_string());
    let bytes = keyring(world)?.to_bytes().map_err(|e| fault(&e))?;
    let mut fields: Vec<Value> = ciborium::from_reader(bytes.as_slice()).map_err(|e| fault(&e))?;
    let [_, _, _, epoch, identities, ..] = fields.as_mut_slice() else {
        return Err(e2e::Failure::new("another keyring than expected").into());
    };
    *epoch = Value::from(2);
    let evil = ReadIdentity::generate(2).expose().expose_secret().to_owned();
    if let Some(identities) = identities.as_array_mut() {
        identities.push(Value::Array(vec![Value::from(2), Value::from(evil)]));
    }
    let mut bytes = Vec::new();
    ciborium::into_writer(&fields, &mut bytes).map_err(|e| fault(&e))?;
    let later = Keyring::from_bytes(&bytes).map_err(|e| fault(&e))?;
    let account = DeviceSecrets::of(&world.first)?.account;
    let file = file(world, &later, account)?;
    recovers_nothing(world, replaced(file), "the file of another epoch")
}

/// The thief knows the recovery recipient, which is public, and creates his own keys for this vault.
pub(crate) fn recovery_forged(world: &mut World) -> Kept {
    let own = Keyring::generate(world.vault()?);
    let file = file(world, &own, DeviceSecrets::of(&world.first)?.account)?;
    let device = world.newcomer.copy()?;
    let (_lie, _telling) = tell(world, &device, replaced(file))?;
    // A directory signed with his root.
    let identity = DeviceIdentity::generate("forger");
    let entry = DirectoryEntry {
        vault: world.vault()?,
        number: 0,
        previous: api_types::Sha256::new([0; 32]),
        op: DirectoryOp::Add,
        device: identity.id,
        signing_key: identity.signing_public(),
        sealing_key: identity.sealing_public(),
        role: DeviceRole::Full,
        created: 1,
    };
    let signed = SignedDirectoryEntry::sign(&entry, own.signing_root().as_dalek());
    let signed = signed.map_err(|e| e2e::Failure::new(e.to_string()))?;
    let lie = On::route(DIRECTORY).edits::<Directory>(move |d| d.entries = vec![signed.clone()]);
    let (_log, _logging) = tell(world, &device, lie)?;
    let (_swallow, _swallowing) = tell(world, &device, On::route(APPEND).says(|_| Answer::nothing()))?;
    let outcome = world.type_words(&device);
    let has_vault = DeviceSecrets::of(&device)?.vault.is_some();
    promise(outcome.is_err() && !has_vault, || "a forged recovery file was believed".into())
}

fn replaced(file: Vec<u8>) -> On {
    On::route(KEYS).edits::<WrappedKey>(move |key| key.bytes = Base64(file.clone()))
}

fn file(world: &World, keyring: &Keyring, account: AccountId) -> Result<Vec<u8>, Broken> {
    let first = DeviceSecrets::of(&world.first)?;
    let recipient = first
        .vault()?
        .recovery_recipient
        .parse::<Recipient>()
        .map_err(|e| e2e::Failure::new(e.to_string()))?;
    let (amk, secret) = (Amk::generate(), AccountSecret::generate());
    let file = recovery::seal(&recipient, keyring, &amk, &secret, account, Some(&first.email));
    file.map_err(|e| Broken::Stage(e2e::Failure::new(e.to_string())))
}

/// Shortened entry by entry, to nothing; with the device's memory intact or lost.
pub(crate) fn shortened(world: &mut World) -> Kept {
    let entries = shown(world)?.len();
    let second = world.second.copy()?;
    second.call(["snapshots"]).ok()?;
    for keep in 0..entries {
        let device = second.copy()?;
        let lie = On::route(DIRECTORY).edits::<Directory>(move |d| d.entries.truncate(keep));
        let (_lie, _telling) = tell(world, &device, lie)?;
        for command in ["snapshots", "check"] {
            ends(&run(device.call([command]))?, &[ROLLED_BACK], &format!("{keep} of {entries} entries"))?;
        }
        std::fs::remove_file(device.home().join("pins.db"))?;
        let outcome = run(device.call(["snapshots"]))?;
        ends(&outcome, &[ROLLED_BACK], &format!("{keep} of {entries} entries, and no pins.db"))?;
    }
    Ok(())
}
