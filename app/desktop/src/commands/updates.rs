//! Updates. Only a build with the public half of a signing key looks for them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use client_core::{
    error::{Error, ErrorKind},
    text,
    text::Text,
};
use jiff::Timestamp;
use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_updater::{Update, UpdaterExt};

use super::latest::{self, Announced};
use crate::{error::UiError, settings::UPDATE_KEY};

/// First bytes of a Debian package.
const DEB: &[u8] = b"!<arch>\ndebian-binary";
/// First bytes of an RPM package.
const RPM: &[u8] = &[0xed, 0xab, 0xee, 0xdb];

/// The newer version, if there is one.
#[tauri::command]
pub(crate) async fn update_check<R: Runtime>(app: AppHandle<R>) -> Result<Option<String>, UiError> {
    Ok(newer(&app).await?.map(|update| update.version))
}

/// Downloads the newer version, verifies its signature, installs it and starts it.
#[tauri::command]
pub(crate) async fn update_install<R: Runtime>(app: AppHandle<R>) -> Result<(), UiError> {
    let Some(update) = newer(&app).await? else { return Ok(()) };
    // Its signature is verified. But that also accepts an old package under a new version number.
    let package = update.download(|_, _| {}, || {}).await.map_err(|e| failed(&e))?;
    let announced = update.version.clone();
    let checked =
        tauri::async_runtime::spawn_blocking(move || is_announced(&package, &announced).map(|()| package));
    let package = checked.await.map_err(|e| Error::internal("the update's check", &e))??;
    update.install(package).map_err(|e| failed(&e))?;
    app.restart()
}

async fn newer<R: Runtime>(app: &AppHandle<R>) -> Result<Option<Update>, UiError> {
    let Some(key) = UPDATE_KEY else {
        return Err(Error::new(
            ErrorKind::Usage,
            text!("this build cannot update itself"),
            "nothing was changed",
            "install newer versions the way this one was installed",
        )
        .into());
    };
    let plugin = app.config().plugins.0.get("updater");
    let endpoint = plugin.and_then(|updater| updater["endpoints"][0].as_str());
    let endpoint = endpoint.ok_or_else(|| Error::internal_text("no place for updates is configured"))?;
    let folder = app.path().app_config_dir().map_err(|e| Error::internal("the settings' folder", &e))?;
    // The updater itself does not check what it is given.
    let announced = Announced::fetch(endpoint).await?;
    let (document, date) = announced.verified(key, Timestamp::now(), latest::seen(&folder))?;
    latest::remember(&folder, date)?;
    let updater = app.updater().map_err(|e| failed(&e))?;
    updater.restore_update(document).map_err(|e| failed(&e))
}

/// Whether a package contains the version that was announced as newer than this one.
pub(super) fn is_announced(package: &[u8], announced: &str) -> Result<(), Error> {
    let inside = version_inside(package)?;
    if inside == announced {
        return Ok(());
    }
    Err(refused(text!("the update was announced as {announced}, and is {inside}", announced, inside)))
}

/// As the system's own package tools read it.
fn version_inside(package: &[u8]) -> Result<String, Error> {
    let (program, arguments): (&str, &[&str]) = if package.starts_with(DEB) {
        ("dpkg-deb", &["--field"])
    } else if package.starts_with(RPM) {
        ("rpm", &["--query", "--queryformat", "%{VERSION}", "--nosignature", "--package"])
    } else {
        return Err(refused(text!("the update is not a package whose version can be read")));
    };
    let unreadable = |what: &str| refused(text!("the update's version cannot be read: {what}", what));
    let mut file = tempfile::NamedTempFile::new().map_err(|e| unreadable(&e.to_string()))?;
    file.write_all(package).and_then(|()| file.flush()).map_err(|e| unreadable(&e.to_string()))?;
    let mut command = Command::new(program);
    command.args(arguments).arg(file.path());
    if program == "dpkg-deb" {
        command.arg("Version");
    }
    let answer = command.env("LC_ALL", "C").stdin(Stdio::null()).output();
    let answer = answer.map_err(|e| unreadable(&format!("{program}: {e}")))?;
    let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if !answer.status.success() || version.is_empty() {
        return Err(unreadable(program));
    }
    Ok(version)
}

fn refused(happened: Text) -> Error {
    Error::new(
        ErrorKind::RolledBack,
        happened,
        "this version keeps running; backups are not affected",
        "do not install it by hand, and report it: someone is offering an old version as a new one",
    )
}

fn failed(error: &tauri_plugin_updater::Error) -> UiError {
    Error::new(
        ErrorKind::ServiceUnreachable,
        text!("the update failed: {error}", error = error.to_string()),
        "this version keeps running; backups are not affected",
        "try again later",
    )
    .into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    fn package(version: &str) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let control = dir.path().join("tree/DEBIAN/control");
        fs::create_dir_all(control.parent().unwrap()).unwrap();
        let text = format!(
            "Package: sealkeep\nVersion: {version}\nArchitecture: amd64\nMaintainer: a <a@example.com>\nDescription: x\n"
        );
        fs::write(control, text).unwrap();
        let deb = dir.path().join("x.deb");
        let built = Command::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .args([&dir.path().join("tree"), &deb])
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        fs::read(deb).unwrap()
    }

    #[test]
    fn an_old_package_under_a_new_number_is_refused() {
        is_announced(&package("0.2.0"), "0.2.0").unwrap();
        let error = is_announced(&package("0.0.9"), "0.2.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RolledBack);
        assert!(error.happened().contains("0.0.9"), "{error}");
        let mut damaged = package("0.2.0");
        damaged.truncate(100);
        for unknown in [&damaged[..], b"", b"\x7fELF", RPM] {
            assert_eq!(is_announced(unknown, "0.2.0").unwrap_err().kind(), ErrorKind::RolledBack);
        }
    }
}
