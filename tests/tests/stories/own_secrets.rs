//! Secrets of the command's own process: in its arguments, and after a crash.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt};

use e2e::{Device, Stage, data, device::text};
use rustix::process::Signal;

const SECRET: &str = "kept-out-of-argv";

#[test]
fn a_password_in_an_argument_is_refused() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "argued", 1).unwrap();
    let plain = postgres.url("argued");
    let (scheme, rest) = plain.split_once("//").unwrap();
    let (user, place) = rest.split_once('@').unwrap();
    let with = |password: &str| format!("{scheme}//{user}:{password}@{place}");
    let refused = |arguments: &[&str]| {
        let error = device.call(arguments).refused(2).unwrap();
        assert!(!error.to_string().contains(SECRET), "{error}");
        let next = text(&error, "next_step").unwrap().to_owned();
        for way in ["~/.pgpass", "PGPASSWORD", "--allow-password-in-arguments"] {
            assert!(next.contains(way), "{next}");
        }
        next
    };
    for url in [with(SECRET), format!("{plain}?password={SECRET}"), format!("{plain}?p%61ssword={SECRET}")] {
        let next = refused(&["backup", &url]);
        assert!(next.contains("--url-file") && next.contains("SEALKEEP_DATABASE_URL"), "{next}");
        let next = refused(&["restore", "latest", "--into", &url]);
        assert!(next.contains("--into-url-file"), "{next}");
    }

    // The suggested alternatives work.
    let real = with(postgres.password());
    let file = device.desk().join("url");
    fs::write(&file, format!("{real}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = device.call(["backup", "--url-file", "url"]).refused(2).unwrap();
    assert!(text(&error, "next_step").unwrap().contains("chmod 600"), "{error}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    device.call(["backup", "--url-file", "url"]).ok().unwrap();
    device.call(["backup"]).env("SEALKEEP_DATABASE_URL", &real).ok().unwrap();
    device.call(["backup", &real, "--allow-password-in-arguments"]).ok().unwrap();
    // A variable that is set does not interfere with another source.
    device.backup_bytes("note", b"x").env("SEALKEEP_DATABASE_URL", &real).ok().unwrap();
    let into = device.desk().join("into");
    fs::write(&into, real.replace("/argued", "/argued_back")).unwrap();
    fs::set_permissions(&into, fs::Permissions::from_mode(0o600)).unwrap();
    device.call(["restore", "latest", "--source", "argued", "--into-url-file", "into"]).ok().unwrap();
}

/// No core file, whichever process dies and why.
#[test]
fn a_crash_leaves_no_memory_behind() {
    let stage = Stage::shared().unwrap();
    let device = Device::new(&stage.service).unwrap();
    let limits = |pid: u32| fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let no_core = |limits: &str| {
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        line.split_whitespace().filter(|word| *word == "0").count() == 2
    };
    // A command waiting for input. The limit it starts with allows core files.
    let call = device.call_plain(["login", "--email", "a@example.com"]);
    let mut terminal = e2e::Terminal::start(&call, 80).unwrap();
    terminal.expect("Password: ").unwrap();
    let pid = terminal.pid();
    assert!(no_core(&limits(pid)), "{}", limits(pid));
    e2e::measure::signal(pid, Signal::ABORT).unwrap();
    terminal.end().unwrap();
    let left: Vec<_> = fs::read_dir(device.desk())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("core"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    // The service, and a program started by it.
    let pid = stage.service.pid();
    assert!(no_core(&limits(pid)), "{}", limits(pid));
}
