//! Runs, their logs, and the debug bundle.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt};

use e2e::{
    Device, Service, Stage, Terminal, data,
    device::{list, text},
};

#[test]
fn a_failed_run_has_a_log_that_says_why() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let file = device.desk().join("note.sql");
    fs::write(&file, b"one").unwrap();
    device.call(["source", "add", "--file", file.to_str().unwrap(), "--name", "note"]).ok().unwrap();
    device.call(["backup", "note"]).ok().unwrap();
    fs::remove_file(&file).unwrap();
    device.call(["backup", "note"]).go().unwrap();
    device.backup_bytes("other", b"two").ok().unwrap();

    let runs = device.call(["runs"]).ok().unwrap();
    assert_eq!(list(&runs, "runs").unwrap().len(), 3);
    let failed = device.call(["runs", "--failed", "--source", "note", "--limit", "5"]).ok().unwrap();
    let failed = list(&failed, "runs").unwrap();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let run = &failed[0];
    assert_eq!(run["state"], "failed");

    let log = device.call(["logs", &text(run, "id").unwrap()[..8]]).ok().unwrap();
    let kinds: Vec<&str> = list(&log, "log").unwrap().iter().map(|e| text(e, "kind").unwrap()).collect();
    assert_eq!(kinds[kinds.len() - 3..], ["error", "meaning", "next_step"], "{log}");
    let latest = device.call(["logs", "latest"]).ok().unwrap();
    let stages = list(&latest, "log").unwrap().iter().filter(|e| e["kind"] == "stage").count();
    assert!(latest["run"]["source"] == "other" && stages >= 2, "{latest}");
    device.call(["logs", "ffffffff"]).refused(7).unwrap();
}

#[test]
fn a_service_that_is_away_leaves_a_failed_run() {
    let mut service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    service.stop().unwrap();
    device.backup_bytes("note", b"x").refused(4).unwrap();
    let failed = device.call(["runs", "--failed"]).ok().unwrap();
    assert_eq!(list(&failed, "runs").unwrap()[0]["failure"], "service_unreachable", "{failed}");
}

#[test]
fn a_bundle_holds_what_it_says_and_nothing_private() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "bundled", 1).unwrap();
    let real = postgres.url("bundled").replacen('@', ":geheim99@", 1);
    device.call(["source", "add", "--name", "shop"]).env("SEALKEEP_DATABASE_URL", &real).ok().unwrap();
    let private = device.desk().join("my private dumps.sql");
    device.call(["source", "add", "--file", private.to_str().unwrap(), "--name", "files"]).ok().unwrap();
    device.call(["backup", "shop"]).go().unwrap();
    device.call(["backup", "files"]).go().unwrap();

    let bundle = |to: &str| device.call(["debug", "bundle", "--to", to]);
    bundle("b.txt").refused(2).unwrap();
    let written = bundle("b.txt").arg("--yes").env("PGPASSWORD", "geheim98").ok().unwrap();
    let file = device.desk().join("b.txt");
    assert_eq!(text(&written, "file").unwrap(), file.to_str().unwrap());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let held = fs::read_to_string(&file).unwrap();
    for wanted in ["[runs]", "[index]", "shop, postgres", "PGPASSWORD", "error: ", "next_step: "] {
        assert!(held.contains(wanted), "{wanted}: {held}");
    }
    let (home, user) = (device.desk().display().to_string(), postgres.url("bundled"));
    let user = user.split("://").nth(1).unwrap().split('@').next().unwrap().to_owned() + "@";
    let secrets: [&str; 10] = [
        "geheim99",
        "geheim98",
        "my private",
        "dumps.sql",
        "postgres://",
        &home,
        &user,
        &account.email,
        &account.password,
        &account.recovery_words,
    ];
    for secret in secrets {
        assert!(!held.contains(secret), "{secret}: {held}");
    }
    bundle("b.txt").arg("--yes").refused(7).unwrap();

    // A person is shown what it holds, and asked.
    let mut terminal = Terminal::start(&device.call_plain(["debug", "bundle", "--to", "c.txt"]), 80).unwrap();
    terminal.expect("The file will hold:").unwrap();
    terminal.expect("[y/N]").unwrap();
    terminal.type_in("n\n").unwrap();
    assert_eq!(terminal.end().unwrap(), 130);
    assert!(!device.desk().join("c.txt").exists());
}
