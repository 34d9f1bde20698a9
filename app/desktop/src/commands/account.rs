//! Sign-up, sign-in, recovery kit, devices, activity.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

use api_types::{DeviceId, Region, account::SecondFactor};
use client_core::{
    crypto::check_typed,
    error::{Error, ErrorKind},
    ops::{activity, devices, recovery_codes, sign_up::MIN_PASSWORD},
    text,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tauri::{Runtime, State, WebviewWindow};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::general::{ask_file, ask_new_file};
use crate::{
    engine::Shared,
    error::UiError,
    view::{
        AccountView, ActivityView, CodeStep, DeviceView, FactorStep, KitStep, SessionView, Strength,
        WordsView,
    },
};

/// Larger files are not kits, bytes.
const MAX_KIT: u64 = 1024 * 1024;

type Answer<T> = Result<T, UiError>;

/// The state of sign-up and sign-in: what the window should show.
#[tauri::command]
pub(crate) async fn session(engine: State<'_, Shared>) -> Answer<SessionView> {
    Ok(engine.session().await?)
}

/// How hard a password is to guess for someone who knows the e-mail address.
#[tauri::command]
pub(crate) fn password_strength(password: String, email: String) -> Strength {
    let password = SecretString::from(password);
    let known: Vec<&str> = email.split(['@', '.']).chain([email.as_str(), "sealkeep"]).collect();
    let score = u8::from(zxcvbn::zxcvbn(password.expose_secret(), &known).score());
    Strength { score, accepted: password.expose_secret().chars().count() >= MIN_PASSWORD }
}

/// First step of a new account.
#[tauri::command]
pub(crate) async fn sign_up(
    engine: State<'_, Shared>,
    email: String,
    password: String,
    region: Region,
    device_name: Option<String>,
) -> Answer<CodeStep> {
    Ok(engine.sign_up(&email, region, device_name, &password.into()).await?)
}

/// Second step: confirms the authenticator.
#[tauri::command]
pub(crate) async fn sign_up_code(engine: State<'_, Shared>, code: String) -> Answer<KitStep> {
    Ok(engine.sign_up_code(&code).await?)
}

/// First step of a sign-in.
#[tauri::command]
pub(crate) async fn sign_in(
    engine: State<'_, Shared>,
    email: String,
    password: String,
    device_name: Option<String>,
) -> Answer<()> {
    Ok(engine.sign_in(&email, device_name, &password.into()).await?)
}

/// Second step: six digits, or a recovery code.
#[tauri::command]
pub(crate) async fn sign_in_factor(
    engine: State<'_, Shared>,
    code: String,
    recovery: bool,
) -> Answer<FactorStep> {
    Ok(engine.sign_in_factor(factor(code, recovery)).await?)
}

fn factor(code: String, recovery: bool) -> SecondFactor {
    if recovery { SecondFactor::RecoveryCode(code) } else { SecondFactor::Totp(code) }
}

/// Third step on a new machine: the 24 words.
#[tauri::command]
pub(crate) async fn sign_in_words(engine: State<'_, Shared>, words: String) -> Answer<AccountView> {
    Ok(engine.sign_in_words(&words.into()).await?)
}

/// The same with a saved kit. `None`: the user cancelled.
#[tauri::command]
pub(crate) async fn sign_in_kit<R: Runtime>(
    window: WebviewWindow<R>,
    engine: State<'_, Shared>,
) -> Answer<Option<AccountView>> {
    let Some(path) = ask_file(&window).await? else { return Ok(None) };
    let kit = read_kit(&path, "choose the saved kit, or enter the 24 words")?;
    Ok(Some(engine.sign_in_kit(&kit).await?))
}

/// Progress in typing the 24 words.
#[tauri::command]
pub(crate) fn words_typed(words: String) -> WordsView {
    let words = Zeroizing::new(words);
    WordsView::from(check_typed(&words))
}

/// Abandons the current steps.
#[tauri::command]
pub(crate) async fn start_over(engine: State<'_, Shared>) -> Answer<()> {
    Ok(engine.start_over().await?)
}

/// The format of a saved kit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum KitForm {
    /// One page.
    Pdf,
    /// Plain text.
    Text,
}

/// Saves the recovery kit where the user chooses, readable only by its owner. `None`: the user cancelled.
#[tauri::command]
pub(crate) async fn save_kit<R: Runtime>(
    window: WebviewWindow<R>,
    engine: State<'_, Shared>,
    form: KitForm,
) -> Answer<Option<String>> {
    let kit = engine.kit().await?;
    let ending = match form {
        KitForm::Pdf => "pdf",
        KitForm::Text => "txt",
    };
    let Some(path) = ask_new_file(&window, &format!("{}.{ending}", kit.file_name())).await? else {
        return Ok(None);
    };
    match form {
        KitForm::Pdf => save_private(&path, &kit.pdf().map_err(Error::from)?)?,
        KitForm::Text => save_private(&path, kit.text().expose_secret().as_bytes())?,
    }
    Ok(Some(path.display().to_string()))
}

/// Saves recovery codes, apart from the kit, where the user chooses; readable only by its owner. `None`: the user
/// cancelled.
#[tauri::command]
pub(crate) async fn save_codes<R: Runtime>(
    window: WebviewWindow<R>,
    engine: State<'_, Shared>,
    codes: Vec<String>,
) -> Answer<Option<String>> {
    let codes = Zeroizing::new(codes);
    let file = recovery_codes::file(engine.client(), &codes)?;
    let Some(path) = ask_new_file(&window, &file.name).await? else { return Ok(None) };
    save_private(&path, file.text.expose_secret().as_bytes())?;
    Ok(Some(path.display().to_string()))
}

/// Writes a secret to a path chosen by the user, readable only by its owner: atomically, and as a new file, whatever
/// the permissions of the one it replaces. Links are refused: the file would end up elsewhere, in a folder that others
/// may see.
pub(super) fn save_private(path: &Path, secret: &[u8]) -> Result<(), Error> {
    let name = path.display().to_string();
    let failed = |e| Error::io(&name, &e);
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(Error::new(
            ErrorKind::Exists,
            text!("{name} is a link, a folder or a device; nothing secret is saved there", name),
            "nothing was saved",
            "choose another name",
        ));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Created with mode 0600, and removed if anything fails.
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(secret).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Confirms the kit with three of its words.
#[tauri::command]
pub(crate) async fn kit_words(engine: State<'_, Shared>, answer: String) -> Answer<AccountView> {
    Ok(engine.kit_words(&answer).await?)
}

/// Confirms the kit with its file. `None`: the user cancelled.
#[tauri::command]
pub(crate) async fn kit_file<R: Runtime>(
    window: WebviewWindow<R>,
    engine: State<'_, Shared>,
) -> Answer<Option<AccountView>> {
    let Some(path) = ask_file(&window).await? else { return Ok(None) };
    let file = read_kit(&path, "choose the file you just saved, or enter the three words")?;
    Ok(Some(engine.kit_file(&file).await?))
}

fn read_kit(path: &Path, next: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let name = path.display().to_string();
    let failed = |e| Error::io(&name, &e);
    let mut kit = Zeroizing::new(Vec::new());
    let read =
        File::open(path).and_then(|file| file.take(MAX_KIT + 1).read_to_end(&mut kit)).map_err(failed)?;
    if read as u64 > MAX_KIT {
        return Err(Error::new(
            ErrorKind::WrongRecoveryKey,
            text!("this file is too large to be a recovery kit"),
            "nothing was changed",
            next,
        ));
    }
    Ok(kit)
}

/// Replaces the password, and ends the sessions of all other devices.
#[tauri::command]
pub(crate) async fn change_password(
    engine: State<'_, Shared>,
    current: String,
    code: String,
    recovery: bool,
    password: String,
) -> Answer<()> {
    Ok(engine.change_password(&current.into(), factor(code, recovery), &password.into()).await?)
}

/// Replaces the recovery codes and returns the new ones, to be shown once.
#[tauri::command]
pub(crate) async fn renew_codes(
    engine: State<'_, Shared>,
    current: String,
    code: String,
    recovery: bool,
) -> Answer<Vec<String>> {
    Ok(engine.renew_codes(&current.into(), factor(code, recovery)).await?)
}

/// Starts replacing the authenticator; the new one is active after its first code.
#[tauri::command]
pub(crate) async fn new_authenticator(
    engine: State<'_, Shared>,
    current: String,
    code: String,
    recovery: bool,
) -> Answer<CodeStep> {
    Ok(engine.new_authenticator(&current.into(), factor(code, recovery)).await?)
}

/// Confirms the new authenticator with its first code.
#[tauri::command]
pub(crate) async fn confirm_authenticator(engine: State<'_, Shared>, code: String) -> Answer<()> {
    Ok(engine.confirm_authenticator(&code).await?)
}

/// Ends the session; with `forget` also removes the keys from this machine.
#[tauri::command]
pub(crate) async fn sign_out(engine: State<'_, Shared>, forget: bool) -> Answer<()> {
    Ok(engine.sign_out(forget).await?)
}

/// All devices of the vault.
#[tauri::command]
pub(crate) async fn device_list(engine: State<'_, Shared>) -> Answer<Vec<DeviceView>> {
    let here = engine.client().account()?.device;
    let devices = devices::list(engine.client()).await?;
    Ok(devices
        .into_iter()
        .map(|device| DeviceView {
            here: device.keys.device_id == here,
            id: device.keys.device_id,
            name: device.keys.name,
            state: device.state,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at,
        })
        .collect())
}

/// Revokes a device.
#[tauri::command]
pub(crate) async fn revoke_device(engine: State<'_, Shared>, device: DeviceId) -> Answer<()> {
    Ok(devices::revoke(engine.client(), device).await?)
}

/// What happened in this vault, newest first.
#[tauri::command]
pub(crate) async fn activity_list(engine: State<'_, Shared>) -> Answer<Vec<ActivityView>> {
    let names = devices::list(engine.client()).await?;
    let name = |id: DeviceId| names.iter().find(|d| d.keys.device_id == id).map(|d| d.keys.name.clone());
    let trail = activity::activity(engine.client()).await?;
    Ok(trail
        .into_iter()
        .map(|event| ActivityView {
            position: event.position,
            at: event.at,
            kind: event.action,
            device: event.device.and_then(name),
        })
        .collect())
}
