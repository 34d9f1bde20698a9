//! The configuration file: what counts before what, and what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use e2e::{Device, Stage, device::text};
use serde_json::Value;

/// Writes the file where it is usually looked for.
fn write(device: &Device, content: &str) -> PathBuf {
    let file = device.desk().join(".config/sealkeep/config.toml");
    write_at(&file, content);
    file
}

fn write_at(file: &Path, content: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A setting's value, and where it is from.
fn setting<'a>(document: &'a Value, name: &str) -> (&'a str, &'a str) {
    let settings = document["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["name"] == name).unwrap();
    (found["value"].as_str().unwrap_or_default(), found["from"].as_str().unwrap())
}

#[test]
fn an_option_counts_before_its_variable_and_that_before_the_file() {
    let stage = Stage::shared().unwrap();
    let device = Device::new(&stage.service).unwrap();
    let none = device.call(["config"]).ok().unwrap();
    assert_eq!(none["exists"], false, "{none}");
    assert_eq!(setting(&none, "stall_timeout"), ("45 s", "default"));
    assert!(!device.home().exists(), "to look is not to create");

    let file = write(
        &device,
        "patience = 1\nstall_timeout = 60\nserver = \"https://file.example\"\nlimit_upload = 500\n",
    );
    let shown = device.call(["config", "--patience", "7"]).ok().unwrap();
    assert_eq!(text(&shown, "file").unwrap(), file.to_str().unwrap());
    assert_eq!(setting(&shown, "patience"), ("7 s", "option"));
    assert_eq!(setting(&shown, "server"), (stage.service.url(), "environment"));
    assert_eq!(setting(&shown, "stall_timeout"), ("60 s", "file"));
    assert_eq!(setting(&shown, "limit_upload"), ("500 kB/s", "file"));
    let shown = device.call_plain(["config"]).go().unwrap();
    let printed = String::from_utf8(shown.stdout).unwrap();
    assert!(printed.contains("SEALKEEP_SERVER") && printed.contains("500 kB/s"), "{printed}");

    // Another file, by option and by variable.
    write_at(&device.desk().join("other.toml"), "stall_timeout = 30\n");
    for call in [
        device.call(["--config", "other.toml", "config"]),
        device.call(["config"]).env("SEALKEEP_CONFIG", "other.toml"),
    ] {
        assert_eq!(setting(&call.ok().unwrap(), "stall_timeout"), ("30 s", "file"));
    }
    let elsewhere = device.desk().join("xdg");
    write_at(&elsewhere.join("sealkeep/config.toml"), "stall_timeout = 20\n");
    let shown = device.call(["config"]).env("XDG_CONFIG_HOME", &elsewhere).ok().unwrap();
    assert_eq!(setting(&shown, "stall_timeout"), ("20 s", "file"));
}

#[test]
fn a_file_is_enough_to_find_home_and_service() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    device.backup_bytes("shop", b"x").ok().unwrap();
    let script = "unset SEALKEEP_HOME SEALKEEP_SERVER; exec \"$SEALKEEP\" --json";
    let home = device.home();
    write(
        &device,
        &format!("home = {home:?}\nserver = \"{}\"\nlimit_upload = 100000\n", stage.service.url()),
    );
    let listed = device.shell(&format!("{script} snapshots")).ok().unwrap();
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 1, "{listed}");
    let status = device.shell(&format!("{script} status")).ok().unwrap();
    assert_eq!(text(&status["account"], "email").unwrap(), account.email);
}

#[test]
fn a_wrong_file_is_refused_before_anything_happens() {
    let device = Device::with_server("http://127.0.0.1:1").unwrap();
    for (content, happened) in [
        ("serve = \"x\"\n", "line 1: there is no setting `serve`"),
        ("\npassword = \"hunter2\"\n", "line 2: `password` is a secret"),
        ("patience = \"long\"\n", "line 1: "),
        ("patience = 3001\n", "line 1: `patience` is 3001"),
        ("home = \"keys\"\n", "line 1: `home` is not a path from the root"),
        ("server = \"x\n", "line 1: "),
    ] {
        let file = write(&device, content);
        for command in ["status", "config", "snapshots"] {
            let error = device.call([command]).refused(2).unwrap();
            let said = text(&error, "message").unwrap();
            assert!(said.contains(happened) && said.contains(file.to_str().unwrap()), "{content}: {said}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!(text(&error, "kind").unwrap(), "usage");
        }
        // What says how to mend it still answers.
        for command in [&["--help"][..], &["--version"], &["completions", "bash"]] {
            assert_eq!(device.call_plain(command).go().unwrap().code, 0, "{content}: {command:?}");
        }
    }
    assert!(!device.home().exists());
    let file = write(&device, "patience = 5\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let error = device.call(["config"]).refused(2).unwrap();
    assert!(text(&error, "next_step").unwrap().contains("chmod go-w"), "{error}");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = device.call(["config"]).refused(2).unwrap();
    assert!(text(&error, "message").unwrap().contains("cannot be read"), "{error}");
}
