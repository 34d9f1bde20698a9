//! Runs, their logs, and the debug bundle.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use e2e::{
    Device, Service, Stage, Terminal, data,
    device::{list, text},
    files,
};
use rustix::process::Signal;

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

fn kinds_and_states(runs: &serde_json::Value) -> Vec<(String, String)> {
    let word = |run, name| text(run, name).unwrap().to_owned();
    list(runs, "runs").unwrap().iter().map(|run| (word(run, "kind"), word(run, "state"))).collect()
}

#[test]
fn restores_and_verifications_are_runs_with_their_target_and_their_log() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "told", 1).unwrap();
    let made = device.backup(postgres, "told").ok().unwrap();
    let snapshot = text(&made, "snapshot_id").unwrap().to_owned();
    let file = device.desk().join("told.sql");
    device.restore_to("latest", "told.sql").ok().unwrap();
    device.restore_to("told@latest", "told.sql").refused(7).unwrap();
    device.restore_into(&snapshot, postgres, "told_again").ok().unwrap();
    device.restore_into(&snapshot, postgres, "told").refused(7).unwrap();
    device.call_plain(["restore", "latest", "--stdout"]).go().unwrap();
    device.restore_to("00000000", "nothing").refused(7).unwrap();
    device.call(["verify"]).ok().unwrap();

    let all = device.call(["runs"]).ok().unwrap();
    let of = |kind: &str, state: &str| (kind.to_owned(), state.to_owned());
    assert_eq!(
        kinds_and_states(&all),
        [
            of("verify", "done"),
            of("restore", "failed"),
            of("restore", "done"),
            of("restore", "failed"),
            of("restore", "done"),
            of("restore", "failed"),
            of("restore", "done"),
            of("backup", "done"),
        ]
    );
    let runs = list(&all, "runs").unwrap();
    let target = |at: usize| (runs[at]["target"]["kind"].as_str(), runs[at]["target"]["name"].as_str());
    assert_eq!(target(6), (Some("file"), file.to_str()));
    assert_eq!(target(2), (Some("stdout"), None));
    let (kind, url) = target(4);
    assert!(kind == Some("database") && url.unwrap().ends_with("/told_again"), "{all}");
    assert!(!all.to_string().contains(postgres.password()), "{all}");
    // What failed before its snapshot was found knows less, and says so.
    assert!(runs[1]["source"].is_null() && runs[1]["snapshot_id"].is_null() && runs[0]["target"].is_null());
    for run in &runs[2..] {
        assert_eq!(
            (&run["source"], &run["snapshot_id"]),
            (&"told".into(), &snapshot.as_str().into()),
            "{run}"
        );
    }
    assert_eq!(runs[6]["bytes_read"], made["bytes_read"], "{all}");

    let restores = device.call(["runs", "--kind", "restore", "--source", "told", "--failed"]).ok().unwrap();
    assert_eq!(list(&restores, "runs").unwrap(), &[runs[3].clone(), runs[5].clone()]);
    let log = device.call(["logs", text(&runs[5], "id").unwrap()]).ok().unwrap();
    let lines = list(&log, "log").unwrap();
    let said: Vec<&str> = lines.iter().map(|line| text(line, "kind").unwrap()).collect();
    assert_eq!(said[said.len() - 3..], ["error", "meaning", "next_step"], "{log}");
    assert!(log.to_string().contains("told.sql"), "{log}");
    let log = device.call(["logs", text(&runs[6], "id").unwrap()]).ok().unwrap();
    assert!(log.to_string().contains("SHA-256 matches") && log.to_string().contains("catching up"), "{log}");

    // They are in the bundle, without their targets.
    device.call(["debug", "bundle", "--to", "b.txt", "--yes"]).ok().unwrap();
    let held = fs::read_to_string(device.desk().join("b.txt")).unwrap();
    for wanted in ["restore of told, postgres, to file: done", "postgres, to database: ", "verify: done"] {
        assert!(held.contains(wanted), "{wanted}: {held}");
    }
    for private in ["told.sql", "told_again", "postgres://", postgres.password()] {
        assert!(!held.contains(private), "{private}: {held}");
    }
    // Only backups count for what is due and for the state of a source.
    let status = device.call(["status"]).ok().unwrap();
    assert_eq!(list(&status, "sources").unwrap()[0]["snapshots"], 1, "{status}");
}

#[test]
fn a_restore_that_was_killed_is_interrupted_and_one_that_runs_is_not() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("big", &files::noise(3, 5_000_000)).ok().unwrap();
    let states = || -> Vec<String> {
        let runs = device.call(["runs", "--kind", "restore"]).ok().unwrap();
        let of =
            |run: &serde_json::Value| run["failure"].as_str().or(run["state"].as_str()).unwrap().to_owned();
        list(&runs, "runs").unwrap().iter().map(of).collect()
    };
    // Nobody reads what it writes, so it waits.
    let running = device.call_plain(["restore", "latest", "--stdout"]).start().unwrap();
    let since = Instant::now();
    while states().is_empty() {
        assert!(since.elapsed() < Duration::from_secs(60), "it did not start");
    }
    assert_eq!(states(), ["running"]);
    // Others beside it change nothing for it.
    device.restore_to("00000000", "nothing").refused(7).unwrap();
    device.backup_bytes("note", b"x").ok().unwrap();
    assert_eq!(states(), ["not_found", "running"]);
    running.signal(Signal::KILL).unwrap();
    running.wait().unwrap();
    assert_eq!(states(), ["not_found", "interrupted"]);
    device.restore_to("latest", "big.bin").arg("--source").arg("big").ok().unwrap();
    assert_eq!(states(), ["done", "not_found", "interrupted"]);
    assert_eq!(fs::read_dir(device.home().join("running")).unwrap().count(), 0, "its lock is gone");
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
    let real = postgres.url("bundled").replacen('@', ":hunter299@", 1);
    device.call(["source", "add", "--name", "shop"]).env("SEALKEEP_DATABASE_URL", &real).ok().unwrap();
    let private = device.desk().join("my private dumps.sql");
    device.call(["source", "add", "--file", private.to_str().unwrap(), "--name", "files"]).ok().unwrap();
    device.call(["backup", "shop"]).go().unwrap();
    device.call(["backup", "files"]).go().unwrap();

    let bundle = |to: &str| device.call(["debug", "bundle", "--to", to]);
    bundle("b.txt").refused(2).unwrap();
    let written = bundle("b.txt").arg("--yes").env("PGPASSWORD", "hunter298").ok().unwrap();
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
        "hunter299",
        "hunter298",
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
