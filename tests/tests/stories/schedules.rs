//! Saved sources, and schedules that run without a window and without an environment.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::{
    Call, Device, Stage, data,
    device::{list, text},
    files, not_tested,
};

/// A folder with a `systemctl` that writes down its arguments and exits with this code, and a `loginctl`.
fn systemd(device: &Device, code: i32) -> PathBuf {
    let folder = device.desk().join("systemd");
    fs::create_dir_all(&folder).unwrap();
    let said = folder.join("said");
    for (name, script) in [
        ("systemctl", format!("echo \"$@\" >> '{}'\nexit {code}", said.display())),
        ("loginctl", "echo no".to_owned()),
    ] {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn with(call: Call, folder: &Path) -> Call {
    let path = std::env::var("PATH").unwrap_or_default();
    call.env("PATH", format!("{}:{path}", folder.display()))
}

/// A saved source that is a file, by name.
fn saved(device: &Device, name: &str) -> PathBuf {
    let file = device.desk().join("dump.bin");
    fs::write(&file, files::noise(7, 200_000)).unwrap();
    let add = ["source", "add", "--file", file.to_str().unwrap(), "--name", name];
    device.call(add).ok().unwrap();
    file
}

/// Runs a command line as a timer or cron would: with nothing in the environment.
fn bare(words: &[&str]) -> Output {
    Command::new("env").arg("-i").args(words).output().unwrap()
}

/// The words of a service's ExecStart. The paths of a test need no quotes.
fn command_of(service: &str) -> Vec<String> {
    let text = fs::read_to_string(service).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    line.split(' ').map(|word| word.trim_matches('"').to_owned()).collect()
}

/// systemd's own opinion of the files that were written.
fn systemd_accepts(device: &Device, unit: &str, files: &[serde_json::Value]) {
    let mut command = Command::new("systemd-analyze");
    command.args(["--user", "verify"]).args(files.iter().map(|file| file.as_str().unwrap()));
    match command.env("HOME", device.desk()).env("XDG_RUNTIME_DIR", device.desk()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            not_tested("units: systemd-analyze is not installed, see .ci/setup").unwrap();
        }
        said => {
            let said = said.unwrap();
            let named = String::from_utf8_lossy(&said.stderr).contains(unit.trim_end_matches(".timer"));
            assert!(said.status.success() && !named, "{said:?}");
        }
    }
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

#[test]
fn a_timer_starts_a_backup_without_any_environment() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let name = "50 % \"$HOME\" \\";
    saved(&device, name);
    let systemd = systemd(&device, 0);
    let add = device.call(["schedule", "add", name, "--hourly"]);
    let added = with(add, &systemd).ok().unwrap();
    assert_eq!(added["while_signed_out"], false);
    let files = list(&added, "files").unwrap();
    let unit = text(&added, "unit").unwrap();
    let said = fs::read_to_string(systemd.join("said")).unwrap();
    assert!(said.contains("--user") && said.contains(&format!("enable {unit}")), "{said}");
    assert!(unit.starts_with("sealkeep-") && !unit.contains('$'), "{unit}");
    let timer = fs::read_to_string(files[1].as_str().unwrap()).unwrap();
    assert!(timer.contains("OnCalendar=hourly\n") && timer.contains("Persistent=true"), "{timer}");
    systemd_accepts(&device, unit, files);

    let command = command_of(files[0].as_str().unwrap());
    let ran = bare(&words(&command));
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(device.snapshots().unwrap().len(), 1);
    // Whoever comes second finds the backup of the first.
    let again = bare(&words(&command));
    assert!(again.status.success() && device.snapshots().unwrap().len() == 1, "{again:?}");
    assert!(String::from_utf8_lossy(&again.stdout).contains("backed up already"), "{again:?}");

    let listed = device.call(["schedule", "list"]).ok().unwrap();
    let row = &list(&listed, "schedules").unwrap()[0];
    assert_eq!((row["source"].as_str(), row["timer"]["files"].as_str()), (Some(name), Some("current")));

    // A sealed key file without a passphrase.
    let sealed = device.call(["backup", "--source", name]).env("SEALKEEP_KEYSTORE_PASSPHRASE", "hunter2");
    sealed.ok().unwrap();
    let refused = bare(&words(&command));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said.contains("encrypted with a passphrase") && said.contains("credential"), "{said}");
}

#[test]
fn removing_a_source_removes_its_timer_and_edited_files_are_kept() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    saved(&device, "shop");
    let systemd = systemd(&device, 0);
    let schedule =
        |rest: &[&str]| with(device.call(["schedule", "add", "shop"].iter().chain(rest)), &systemd);
    let added = schedule(&["--hourly"]).ok().unwrap();
    // Another schedule replaces what nobody has touched.
    schedule(&["--weekly", "sun", "04:00"]).ok().unwrap();
    let timer = PathBuf::from(list(&added, "files").unwrap()[1].as_str().unwrap());
    let text_of = |path: &Path| fs::read_to_string(path).unwrap();
    assert!(text_of(&timer).contains("OnCalendar=Sun *-*-* 04:00:00"));

    let edited = text_of(&timer).replace("04:00", "05:00");
    fs::write(&timer, &edited).unwrap();
    let error = schedule(&["--hourly"]).refused(7).unwrap();
    assert!(text(&error, "message").unwrap().contains("edited by hand"), "{error}");
    assert_eq!(text_of(&timer), edited);

    let removed = with(device.call(["source", "remove", "shop"]), &systemd).ok().unwrap();
    let kept = PathBuf::from(list(&removed, "kept").unwrap()[0].as_str().unwrap());
    assert!(!timer.exists() && !timer.with_extension("service").exists());
    assert_eq!(text_of(&kept), edited);
    assert!(list(&device.call(["source", "list"]).ok().unwrap(), "sources").unwrap().is_empty());
}

#[test]
fn a_timer_gets_the_new_name_of_its_source_unless_it_was_edited() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    saved(&device, "shop");
    let systemd = systemd(&device, 0);
    let added = with(device.call(["schedule", "add", "shop", "--hourly"]), &systemd).ok().unwrap();
    let [service, timer] =
        [0, 1].map(|at| PathBuf::from(list(&added, "files").unwrap()[at].as_str().unwrap()));
    let text_of = |path: &Path| fs::read_to_string(path).unwrap();
    let command = command_of(service.to_str().unwrap());
    let said = systemd.join("said");
    fs::remove_file(&said).unwrap();

    let rename = |from: &str, to: &str| {
        with(device.call(["source", "edit", from, "--name", to]), &systemd).go().unwrap()
    };
    let renamed = rename("shop", "store");
    assert!(renamed.code == 0 && !renamed.stderr.contains("timer"), "{renamed}");
    for path in [&service, &timer] {
        assert!(text_of(path).contains("\"store\"") && !text_of(path).contains("\"shop\""), "{path:?}");
    }
    assert_eq!(command_of(service.to_str().unwrap()), command, "it starts the same program");
    assert!(text_of(&said).contains("restart"), "{}", text_of(&said));

    // systemd refuses; and then somebody edited the file.
    fs::write(systemd.join("systemctl"), "#!/bin/sh\necho no bus >&2\nexit 1\n").unwrap();
    let refused = rename("store", "books");
    assert!(refused.code == 0 && refused.stderr.contains("no bus"), "{refused}");
    let edited = text_of(&timer) + "# mine\n";
    fs::write(&timer, &edited).unwrap();
    let left = rename("books", "ledger");
    assert!(left.code == 0 && left.stderr.contains("edited by hand"), "{left}");
    assert_eq!(text_of(&timer), edited);
    device.call(["backup", "ledger"]).ok().unwrap();
}

#[test]
fn without_systemd_there_is_a_line_for_cron() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    saved(&device, "shop");
    let systemd = systemd(&device, 1);
    let add = ["schedule", "add", "shop", "--daily", "02:30"];
    let outcome = with(device.call_plain(add), &systemd).go().unwrap();
    assert_eq!(outcome.code, 2, "{outcome}");
    let line = String::from_utf8(outcome.stdout.clone()).unwrap();
    let command = line.trim().strip_prefix("30 2 * * * ").unwrap();
    assert!(outcome.stderr.contains("systemd cannot run a timer here"), "{outcome}");
    let error = with(device.call(add), &systemd).refused(2).unwrap();
    assert!(text(&error, "next_step").unwrap().contains(command), "{error}");
    // Nothing pretends to be a timer.
    let listed = device.call(["schedule", "list"]).ok().unwrap();
    let row = &list(&listed, "schedules").unwrap()[0];
    assert!(row["timer"].is_null() && row["schedule"]["every"] == "day", "{listed}");
    // What the table says is true before and after cron has the line.
    let cron = |lines: &str| {
        let crontab = systemd.join("crontab");
        fs::write(&crontab, format!("#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")).unwrap();
        fs::set_permissions(&crontab, fs::Permissions::from_mode(0o755)).unwrap();
        let shown = with(device.call_plain(["schedule", "list"]), &systemd).go().unwrap();
        let listed = with(device.call(["schedule", "list"]), &systemd).ok().unwrap();
        let known = list(&listed, "schedules").unwrap()[0]["crontab"].as_bool().unwrap();
        (String::from_utf8(shown.stdout).unwrap(), known)
    };
    let (shown, known) = cron(&format!("# {line}"));
    assert!(!known && shown.contains("  none\n") && shown.contains("while the app is open"), "{shown}");
    let (shown, known) = cron(&line);
    assert!(known && shown.contains("  your crontab\n") && !shown.contains("none"), "{shown}");
    let removed = with(device.call(["schedule", "remove", "shop"]), &systemd).ok().unwrap();
    assert_eq!(removed["crontab"], true);
    with(device.call(add), &systemd).refused(2).unwrap();
    let ran = bare(&["sh", "-c", command]);
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(device.snapshots().unwrap().len(), 1);
}

#[test]
fn two_processes_schedule_and_back_up_one_after_the_other() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    saved(&device, "shop");
    let systemd = systemd(&device, 0);
    let add = || with(device.call(["schedule", "add", "shop", "--hourly"]), &systemd).start().unwrap();
    for running in [add(), add()] {
        let outcome = running.wait().unwrap();
        assert_eq!(outcome.code, 0, "{outcome}");
    }
    let listed = device.call(["schedule", "list"]).ok().unwrap();
    assert_eq!(list(&listed, "schedules").unwrap()[0]["timer"]["files"], "current");

    let run = || device.call(["schedule", "run", "shop"]).start().unwrap();
    let both: Vec<_> = [run(), run()].into_iter().map(|running| running.wait().unwrap()).collect();
    for outcome in &both {
        assert_eq!(outcome.code, 0, "{outcome}");
    }
    let skipped = both.iter().filter(|o| o.json().is_some_and(|j| j.get("skipped").is_some())).count();
    assert_eq!((skipped, device.snapshots().unwrap().len()), (1, 1));
}

#[test]
fn a_saved_source_is_backed_up_by_its_name() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "saved", 1).unwrap();
    let plain = postgres.url("saved");
    let real = plain.replacen('@', &format!(":{}@", postgres.password()), 1);
    let error = device.call(["source", "add", &real]).refused(2).unwrap();
    assert!(text(&error, "next_step").unwrap().contains("--url-file"), "{error}");
    device.call(["source", "add", "--name", "shop"]).env("SEALKEEP_DATABASE_URL", &real).ok().unwrap();

    let listed = device.call(["source", "list"]).ok().unwrap();
    assert!(!listed.to_string().contains(postgres.password()), "{listed}");
    let id = text(&list(&listed, "sources").unwrap()[0], "id").unwrap().to_owned();
    let tested = device.call(["source", "test", &id[..8]]).ok().unwrap();
    assert_eq!(tested["passes"], true, "{tested}");

    // No password in the environment: it is the saved one.
    let made = device.call(["backup", "shop"]).ok().unwrap();
    assert_eq!(made["source"], "shop");
    device.call(["backup", "--source", "sh"]).ok().unwrap();
    let error = device.call(["backup", "--source", "books"]).refused(7).unwrap();
    assert!(text(&error, "next_step").unwrap().contains("shop"), "{error}");
    // A file's name is still recognized as one.
    let error = device.call(["backup", "shop.sql"]).refused(2).unwrap();
    assert!(text(&error, "next_step").unwrap().contains("--file shop.sql"), "{error}");

    device.call(["source", "edit", "shop", "--name", "store"]).ok().unwrap();
    device.call(["backup", "store"]).ok().unwrap();
    device.call(["backup", "--source", "shop"]).refused(7).unwrap();
    device.call(["source", "remove", "store"]).ok().unwrap();
    assert_eq!(device.snapshots().unwrap().len(), 3);
}
