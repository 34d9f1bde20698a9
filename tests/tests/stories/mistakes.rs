//! Typical mistakes, one row each: the answer names the way out. And at least one for each kind of error.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use e2e::{Account, Call, Device, Postgres, Stage, data, device::text};

/// The exit code; the kind of error; a part of the message; a part of the next step.
type Answer = (i32, &'static str, &'static str, &'static str);

/// What a newcomer types on a device with two sources, a file and a folder.
const MISTAKES: [(&[&str], Answer); 38] = [
    (&["snapshot"], (2, "usage", "'snapshot'", "'snapshots'")),
    (&["source"], (2, "usage", "incomplete", "sealkeep source --help")),
    (
        &["backup", "dump.sql"],
        (2, "usage", "is not the URL of a database", "sealkeep backup --file dump.sql"),
    ),
    (&["backup", "shop"], (2, "usage", "postgres://user@host:port/database", "")),
    (
        &["backup", "mysql://db.example/shop"],
        (2, "usage", "only a PostgreSQL database", "mysqldump --single-transaction shop |"),
    ),
    (
        &["backup", "host=127.0.0.1 port=1 dbname=shop user=ada"],
        (6, "source_unreachable", "127.0.0.1", "check host, port"),
    ),
    (
        &["backup", "postgres://ada:secret@db.example/shop"],
        (2, "usage", "a password was given as an argument", "~/.pgpass"),
    ),
    (&["backup", "--stdin"], (2, "usage", "--name <NAME>", "sealkeep backup --help")),
    (&["backup"], (2, "usage", "required arguments were not provided", "sealkeep backup --help")),
    (
        &["backup", "--file", "dump.sql", "postgres://db.example/shop"],
        (2, "usage", "--file", "sealkeep backup --help"),
    ),
    (&["backup", "--file", "nowhere.sql"], (7, "not_found", "nowhere.sql", "check the name")),
    (
        &["backup", "--file", "folder"],
        (2, "usage", "folder is a directory; back up one file", "backup --help"),
    ),
    (&["backup", "--source", "nosuch"], (7, "not_found", "`nosuch`", "sealkeep source add")),
    (&["restore"], (2, "usage", "required arguments were not provided", "sealkeep restore --help")),
    (&["restore", "latest"], (2, "usage", "--to <FILE>", "sealkeep restore --help")),
    (
        &["restore", "latest", "--to", "out"],
        (7, "ambiguous", "several sources", "`ledger@latest`, `shop@latest`"),
    ),
    (&["restore", "shop", "--to", "out"], (2, "usage", "`shop` is not a snapshot", "`shop@latest`")),
    (
        &["restore", "3f9a", "--source", "shop", "--to", "out"],
        (2, "usage", "`3f9a` is the id of a snapshot", "leave --source out"),
    ),
    (&["index", "records"], (7, "ambiguous", "several sources", "`--source ledger`, `--source shop`")),
    (
        &["snapshots", "--server", "https://backup.example.com"],
        (2, "usage", "--server names https://backup.example.com", "leave --server out"),
    ),
    (
        &["status", "--config", "nowhere.toml"],
        (2, "usage", "nowhere.toml cannot be read: there is no such file", "sealkeep config"),
    ),
    (&["config", "--config", "dump.sql"], (2, "usage", "dump.sql, line 1: ", "correct that line")),
    (&["restore", "dump.sql", "--to", "out"], (2, "usage", "`dump.sql` is not a snapshot", "after --to")),
    (
        &["restore", "nosuch@latest", "--to", "out"],
        (7, "not_found", "no source named `nosuch`", "ledger, shop"),
    ),
    (&["restore", "shop@2001-02-03", "--to", "out"], (7, "not_found", "from 2001-02-03", "`shop@2")),
    (&["restore", "shop@latest", "--to", "folder"], (7, "exists", "is a directory", "name a file in it")),
    (&["restore", "shop@latest", "--to", "dump.sql"], (7, "exists", "already exists", "--overwrite")),
    (&["restore", "shop@latest", "--to", "dump.sql/out"], (8, "io", "dump.sql/out", "check the path")),
    (&["snapshots", "--source", "nosuch"], (7, "not_found", "no source named `nosuch`", "ledger, shop")),
    (&["devices", "revoke", "nosuch"], (7, "not_found", "no device", "sealkeep devices")),
    (&["logs", "nosuch"], (7, "not_found", "no run nosuch", "sealkeep runs")),
    (&["source", "remove", "nosuch"], (7, "not_found", "`nosuch`", "sealkeep source add")),
    (&["schedule", "add", "nosuch", "--hourly"], (7, "not_found", "`nosuch`", "sealkeep source add")),
    (
        &["schedule", "add", "shop", "--daily", "2am"],
        (2, "usage", "a time of day is written as 02:00", "sealkeep schedule add --help"),
    ),
    (&["check", "--progress=bar"], (2, "usage", "possible values: auto, plain", "sealkeep check --help")),
    (&["debug", "bundle"], (2, "usage", "no terminal", "--yes")),
    (&["signup", "--email", "a@example.com"], (2, "usage", "--region <REGION>", "sealkeep signup --help")),
    (
        &["signup", "--email", "a@example.com", "--region", "eu"],
        (7, "exists", "belongs to", "sealkeep logout --forget"),
    ),
];

/// Kinds of errors that no row here provokes: where they are, and what that place says of them.
const ELSEWHERE: [(&str, &str, &str); 15] = [
    ("cancelled", "tests/tests/stories/terminal.rs", "fn ctrl_c_ends_every_prompt"),
    ("clock_skew", "tests/tests/stories/hard_network.rs", "fn a_wrong_clock_is_named_or_worked_around"),
    ("damaged", "tests/tests/stories/tampered_store.rs", "fn damage_is_named_and_the_rest_is_saved"),
    ("device_not_approved", "client-core/tests/ports/api_session.rs", "ErrorKind::DeviceNotApproved"),
    ("disk_full", "tests/tests/stories/interrupted_backup.rs", "fn a_full_disk_leaves_nothing_half_written"),
    ("foreign_storage", "client-core/errors.txt", "(foreign_storage"),
    ("newer_format", "client-core/src/device/secrets.rs", "ErrorKind::NewerFormat"),
    ("rolled_back", "tests/tests/stories/rollback.rs", "fn n73_n74_an_older_or_broken_history_is_refused"),
    ("service_error", "client-core/tests/ports/api_session.rs", "ErrorKind::ServiceError"),
    ("session_ended", "client-core/tests/ports/api_session.rs", "ErrorKind::SessionEnded"),
    ("source_changed", "tests/tests/stories/input_and_output/sources.rs", "\"source_changed\""),
    ("store_refused", "client-core/errors.txt", "(store_refused"),
    ("store_unreachable", "tests/tests/stories/hard_network.rs", ".refused(5)"),
    ("tool_missing", "client-core/tests/ports/source_postgres.rs", "ErrorKind::ToolMissing"),
    // A bug: fix it if you can provoke it.
    ("internal", "client-core/errors.txt", "(internal)"),
];

/// Kinds of errors that the scenes below provoke.
const SCENES: [&str; 12] = [
    "device_revoked",
    "dump_failed",
    "dump_incomplete",
    "not_signed_in",
    "other_source",
    "second_factor",
    "service_unreachable",
    "source_auth",
    "source_unreachable",
    "unusual_dump",
    "wrong_credentials",
    "wrong_recovery_key",
];

/// Makes the call, which must be answered so. Returns the kind of error.
fn answered(call: Call, (code, kind, happened, next): Answer) -> &'static str {
    let error = call.refused(code).unwrap();
    let part = |name: &str| text(&error, name).unwrap();
    assert_eq!(part("kind"), kind, "{error}");
    assert!(part("message").contains(happened), "{happened:?}: {error}");
    assert!(part("next_step").contains(next), "{next:?}: {error}");
    kind
}

#[test]
fn a_typical_mistake_is_answered_with_the_way_out() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("ledger", b"x").ok().unwrap();
    device.backup_bytes("shop", b"y").ok().unwrap();
    fs::write(device.desk().join("dump.sql"), "x").unwrap();
    fs::create_dir(device.desk().join("folder")).unwrap();
    for (typed, answer) in MISTAKES {
        answered(device.call(typed), answer);
    }
    assert_eq!(fs::read(device.desk().join("dump.sql")).unwrap(), b"x");
    assert!(!device.desk().join("out").exists());
    // Other words for a command are understood.
    device.call(["ls"]).ok().unwrap();
    device.call(["verify"]).ok().unwrap();
    // The service of the account may be named.
    device.call(["snapshots", "--server", &format!("{}/", stage.service.url())]).ok().unwrap();
}

/// What goes wrong at a database.
fn at_a_database(device: &Device, postgres: &Postgres) -> Vec<&'static str> {
    data::fill(postgres, "mistakes", 1).unwrap();
    postgres.sql("mistakes", "create role reader_of_nothing login password 'known'").unwrap();
    let url =
        |user: &str, port: u16, database: &str| format!("postgres://{user}@127.0.0.1:{port}/{database}");
    let call = |url: &str, password: &str| device.call(["backup", url]).env("PGPASSWORD", password);
    let (right, port) = (postgres.password(), postgres.port());
    vec![
        answered(
            call(&url("owner", port, "mistakes"), "wrong"),
            (6, "source_auth", "127.0.0.1", "PGPASSWORD, or ~/.pgpass"),
        ),
        answered(
            device.call(["backup", &url("owner", port, "mistakes")]),
            (6, "source_auth", "127.0.0.1", "PGPASSWORD, or ~/.pgpass"),
        ),
        answered(
            call(&url("owner", 1, "mistakes"), right),
            (6, "source_unreachable", "127.0.0.1", "check host, port"),
        ),
        answered(
            call(&url("owner", port, "misteaks"), right),
            (6, "source_unreachable", "misteaks", "check the database's name"),
        ),
        answered(
            call(&url("reader_of_nothing", port, "mistakes"), "known"),
            (6, "dump_failed", "permission denied", "fix the error reported by the program"),
        ),
    ]
}

/// What goes wrong with the dump itself.
fn with_a_dump(device: &Device) -> Vec<&'static str> {
    let rows: String = (0..5_000).map(|row| format!("INSERT INTO a VALUES ({row});\n")).collect();
    let whole = format!(
        "--\n-- PostgreSQL database dump\n--\n\n{rows}\n--\n-- PostgreSQL database dump complete\n--\n\n"
    );
    device.backup_bytes("big", whole.as_bytes()).ok().unwrap();
    for folder in ["a", "b"] {
        fs::create_dir(device.desk().join(folder)).unwrap();
        fs::write(device.desk().join(folder).join("day.csv"), folder).unwrap();
    }
    device.call(["backup", "--file", "a/day.csv"]).ok().unwrap();
    vec![
        answered(
            device.backup_bytes("cut", &whole.as_bytes()[..whole.len() / 2]),
            (6, "dump_incomplete", "the dump is incomplete", "create the dump again"),
        ),
        answered(
            device.backup_bytes("big", b"x\n"),
            (13, "unusual_dump", "not like the source's last ones", "--force"),
        ),
        answered(
            device.call(["backup", "--file", "b/day.csv"]),
            (12, "other_source", "\"day.csv\" has been backed up from", "--same-source"),
        ),
    ]
}

/// What goes wrong on the way to the account.
fn at_the_door(device: &Device, account: &Account, stage: &Stage) -> Vec<&'static str> {
    let new = || Device::new(&stage.service).unwrap();
    let code = || account.authenticator.code();
    let login = |other: &Device| other.call(["login", "--email", &account.email]);
    let reversed = account.recovery_words.split(' ').rev().collect::<Vec<_>>().join(" ");
    let (one, lost) = (new(), new());
    lost.sign_in(account).unwrap();
    let id = e2e::member::Member::of(&lost, &stage.service).unwrap().device_id;
    device.call(["devices", "revoke", &id]).ok().unwrap();
    let nobody = Device::with_server("http://127.0.0.1:1").unwrap();
    let wrong = login(&one).env("SEALKEEP_PASSWORD", "wrong").env("SEALKEEP_TOTP", "123456");
    let wrong_code = one.login_call(account).env("SEALKEEP_TOTP", account.authenticator.wrong_code());
    let wrong_words = login(&one)
        .env("SEALKEEP_PASSWORD", &account.password)
        .env("SEALKEEP_RECOVERY_CODE", account.recovery_codes.first().unwrap())
        .env("SEALKEEP_RECOVERY_WORDS", &reversed);
    vec![
        answered(one.call(["snapshots"]), (3, "not_signed_in", "not signed in", "`sealkeep login`")),
        answered(wrong, (3, "wrong_credentials", "wrong email or password", "check both")),
        answered(wrong_code, (3, "second_factor", "the code is wrong", "authenticator's next code")),
        answered(wrong_words, (3, "wrong_recovery_key", "", "with your recovery kit")),
        answered(lost.call(["snapshots"]), (3, "device_revoked", "revoked", "`sealkeep devices`")),
        answered(
            login(&nobody).env("SEALKEEP_PASSWORD", "p").env("SEALKEEP_TOTP", code()),
            (4, "service_unreachable", "cannot be reached", "check the address"),
        ),
    ]
}

#[test]
fn a_refusal_names_the_way_out() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let mut seen = BTreeSet::new();
    seen.extend(at_a_database(&device, &stage.postgres));
    seen.extend(with_a_dump(&device));
    seen.extend(at_the_door(&device, &account, &stage));
    assert!(seen.into_iter().eq(SCENES), "SCENES names other kinds");
}

/// While a backup runs, a second one is refused, and whatever only reads goes on.
#[test]
fn two_commands_at_once_are_told_apart() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("shop", b"x").ok().unwrap();
    fs::write(device.desk().join("dump.sql"), "x").unwrap();
    let (read, mut dump) = std::io::pipe().unwrap();
    let first = device.call(["backup", "--stdin", "--name", "slow"]).stdin_from(read).start().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let runs = || device.call(["runs"]).ok().unwrap();
    while runs()["runs"][0]["state"] != "running" {
        assert!(Instant::now() < until, "{}", runs());
        thread::sleep(Duration::from_millis(50));
    }
    for typed in [&["backup", "--file", "dump.sql"][..], &["index", "records", "--source", "shop"]] {
        answered(
            device.call(typed),
            (7, "exists", "another backup is running on this device", "wait until it is done"),
        );
    }
    for typed in ["snapshots", "status", "check", "devices", "config"] {
        device.call([typed]).ok().unwrap();
    }
    dump.write_all(b"the dump").unwrap();
    drop(dump);
    assert_eq!(first.wait().unwrap().code, 0);
    device.call(["backup", "--file", "dump.sql"]).ok().unwrap();
    assert_eq!(device.restore_latest("slow").unwrap(), b"the dump");
}

/// Every kind of error is provoked by a row or a scene, or is known to be provoked elsewhere.
#[test]
fn every_kind_of_error_has_its_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = fs::read_to_string(root.join("client-core/src/error.rs")).unwrap();
    let names = source.split_once("pub const fn as_str").unwrap().1.split_once("\n    }\n").unwrap().0;
    let kinds: BTreeSet<&str> = names.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(kinds.len() > 30, "{kinds:?}");
    let here: BTreeSet<&str> = MISTAKES.iter().map(|(_, (_, kind, ..))| *kind).chain(SCENES).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(kind, ..)| *kind).collect();
    let without: Vec<_> =
        kinds.iter().filter(|kind| !here.contains(*kind) && !elsewhere.contains(*kind)).collect();
    assert!(without.is_empty(), "no mistake leads to {without:?}");
    let stale: Vec<_> =
        elsewhere.iter().filter(|kind| here.contains(*kind) || !kinds.contains(*kind)).collect();
    assert!(stale.is_empty(), "ELSEWHERE is out of date: {stale:?}");
    for (kind, file, words) in ELSEWHERE {
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert!(text.contains(words), "{file} does not provoke {kind} any more");
    }
}

#[test]
fn an_address_without_a_scheme_is_completed() {
    let device = Device::with_server("backup.example.com").unwrap();
    let login = device.call(["login", "--email", "a@example.com"]).env("SEALKEEP_PASSWORD", "p");
    let said = text(&login.refused(2).unwrap(), "message").unwrap().to_owned();
    assert!(said.contains("did you mean `https://backup.example.com`"), "{said}");
}
