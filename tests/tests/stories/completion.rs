//! Completion: the shell's script offers the names and ids that this device knows, without a network and without a word
//! on standard error.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, time::Duration};

use e2e::{Device, Stage, device::text, files};

/// What is offered for the last of these words.
fn offered(device: &Device, words: &[&str]) -> Vec<String> {
    let index = words.len().to_string();
    let call = device.call_plain([&["--", "sealkeep"][..], words].concat());
    let call =
        call.env("SEALKEEP_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", index).env("_CLAP_IFS", "\n");
    let outcome = call.go().unwrap();
    assert!(outcome.code == 0 && outcome.stderr.is_empty(), "{outcome}");
    assert!(outcome.usage.cpu < Duration::from_secs(1), "{outcome}");
    String::from_utf8(outcome.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn names_and_ids_of_this_device_are_offered() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let ledger = device.backup_bytes("ledger", b"x").ok().unwrap();
    let ledger = &text(&ledger, "snapshot_id").unwrap()[..12];
    device.backup_bytes("shop", b"y").ok().unwrap();
    let run = device.call(["runs", "--source", "shop"]).ok().unwrap();
    let run = &text(&run["runs"][0], "id").unwrap()[..8];
    fs::write(device.desk().join("saved.dump"), "z").unwrap();
    let saved = ["source", "add", "--file", "saved.dump", "--name", "saved"];
    device.call(saved).ok().unwrap();

    let has = |words: &[&str], wanted: &[&str], absent: &[&str]| {
        let offered = offered(&device, words);
        for name in wanted {
            assert!(offered.iter().any(|value| value == name), "{words:?} {name}: {offered:?}");
        }
        for name in absent {
            assert!(!offered.iter().any(|value| value == name), "{words:?} {name}: {offered:?}");
        }
    };
    has(&["restore", ""], &["latest", "ledger@latest", "shop@latest", ledger], &["shop"]);
    has(&["restore", "shop@"], &["shop@latest"], &["ledger@latest"]);
    has(&["restore", "latest", "--source", ""], &["ledger", "shop", "saved"], &["latest"]);
    has(&["snapshots", "--source=l"], &["--source=ledger"], &["--source=shop"]);
    has(&["backup", "s"], &["saved"], &["shop"]);
    has(&["source", "remove", ""], &["saved"], &["shop"]);
    has(&["schedule", "add", ""], &["saved"], &["shop"]);
    has(&["logs", ""], &["latest", run], &[]);
    has(&["source", ""], &["add", "list", "edit", "remove", "test"], &[]);
    has(&["st"], &["status"], &["snapshots"]);
    has(&["status", "--progress", ""], &["auto", "plain", "json", "none"], &[]);

    // Of another device, once they were listed here.
    let other = Device::new(&stage.service).unwrap();
    other.sign_in(&account).unwrap();
    let there = other.backup_bytes("elsewhere", b"x").ok().unwrap();
    let there = &text(&there, "snapshot_id").unwrap()[..12];
    has(&["restore", ""], &["latest"], &[there]);
    device.call(["snapshots"]).ok().unwrap();
    has(&["restore", ""], &[there, "elsewhere@latest", ledger], &[]);

    // Elsewhere nothing is known, and nothing is created.
    let absent = device.desk().join("absent");
    let there = offered(&device, &["--home", absent.to_str().unwrap(), "restore", ""]);
    assert!(there.contains(&"latest".to_owned()) && !there.contains(&"shop@latest".to_owned()), "{there:?}");
    assert!(!absent.exists());
    // Nor with a service that does not answer, a wrong configuration, or a shell that nobody knows.
    fs::create_dir_all(device.desk().join(".config/sealkeep")).unwrap();
    fs::write(device.desk().join(".config/sealkeep/config.toml"), "serve = 5").unwrap();
    has(&["restore", "sh"], &["shop@latest"], &[]);
    let unknown = device.call_plain(["--", "sealkeep", ""]).env("SEALKEEP_COMPLETE", "csh").go().unwrap();
    assert!(unknown.code == 2 && unknown.stdout.is_empty() && unknown.stderr.is_empty(), "{unknown}");
}

/// A key file with a passphrase is not opened: that would take a second, or ask.
#[test]
fn a_sealed_key_file_stays_sealed() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let sealed = Device::new(&stage.service).unwrap();
    let login =
        sealed.login_call(&account).env("SEALKEEP_RECOVERY_CODE", account.recovery_codes.first().unwrap());
    login.env("SEALKEEP_KEYSTORE_PASSPHRASE", "long enough").ok().unwrap();
    drop(device);
    let backup = sealed.backup_bytes("shop", &files::noise(1, 1000));
    backup.env("SEALKEEP_KEYSTORE_PASSPHRASE", "long enough").ok().unwrap();
    // The list of runs is not sealed.
    assert!(offered(&sealed, &["restore", ""]).contains(&"shop@latest".to_owned()));
    assert!(!offered(&sealed, &["source", "test", ""]).contains(&"shop".to_owned()));
}

/// In a real bash, which splits words at `@`.
#[test]
fn bash_completes_a_snapshots_name() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("shop", b"y").ok().unwrap();
    device.backup_bytes("my shop", b"y").ok().unwrap();
    let script = r#"
        set -eu
        mkdir bin && ln -s "$SEALKEEP" bin/sealkeep
        PATH=$PWD/bin:$PATH
        exec bash -c '
            source <(sealkeep completions bash)
            try() {
                COMP_LINE=$1 COMP_POINT=${#1}
                shift
                local current=$1
                shift
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                _sealkeep sealkeep "$current" ""
                printf "%s|" "${COMPREPLY[@]}"
                echo
            }
            try "sealkeep restore sh" sh sealkeep restore sh
            try "sealkeep restore shop@" "" sealkeep restore shop @
            try "sealkeep restore shop@la" la sealkeep restore shop @ la
            try "sealkeep restore my" my sealkeep restore my
            try "sealkeep snapshots --source=sh" sh sealkeep snapshots --source = sh
        '"#;
    let outcome = device.shell(script).go().unwrap();
    assert_eq!(outcome.code, 0, "{outcome}");
    let said = String::from_utf8(outcome.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines, ["shop@latest|", "latest|", "latest|", "my\\ shop@latest|", "shop|"], "{said}");
}
