//! Typical mistakes of newcomers, one row each: the answer names the way out.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use e2e::{Device, Stage, device::text};

/// What was typed; the exit code; a part of the message; a part of the next step.
type Row = (&'static [&'static str], i32, &'static str, &'static str);

const MISTAKES: [Row; 16] = [
    (&["snapshot"], 2, "'snapshot'", "'snapshots'"),
    (&["backup", "dump.sql"], 2, "is not the URL of a database", "sealkeep backup --file dump.sql"),
    (&["backup", "shop"], 2, "postgres://user@host:port/database", ""),
    (
        &["backup", "mysql://db.example/shop"],
        2,
        "only a PostgreSQL database",
        "mysqldump --single-transaction shop |",
    ),
    (&["backup", "--stdin"], 2, "--name <NAME>", "sealkeep backup --help"),
    (&["backup"], 2, "required arguments were not provided", "sealkeep backup --help"),
    (&["backup", "--file", "dump.sql", "postgres://db.example/shop"], 2, "--file", "sealkeep backup --help"),
    (&["restore", "latest", "--to", "out"], 7, "several sources", "`ledger@latest`, `shop@latest`"),
    (&["restore", "shop", "--to", "out"], 2, "`shop` is not a snapshot", "`shop@latest`"),
    (&["restore", "nosuch@latest", "--to", "out"], 7, "no source named `nosuch`", "ledger, shop"),
    (&["restore", "shop@2001-02-03", "--to", "out"], 7, "from 2001-02-03", "`shop@2"),
    (&["restore", "shop@latest", "--to", "folder"], 7, "is a directory", "name a file in it"),
    (&["restore", "shop@latest", "--to", "dump.sql"], 7, "already exists", "--overwrite"),
    (&["snapshots", "--source", "nosuch"], 7, "no source named `nosuch`", "ledger, shop"),
    (&["devices", "revoke", "nosuch"], 7, "no device", "sealkeep devices"),
    (&["signup", "--email", "a@example.com"], 2, "--region <REGION>", "sealkeep signup --help"),
];

#[test]
fn a_typical_mistake_is_answered_with_the_way_out() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("ledger", b"x").ok().unwrap();
    device.backup_bytes("shop", b"y").ok().unwrap();
    fs::write(device.desk().join("dump.sql"), "x").unwrap();
    fs::create_dir(device.desk().join("folder")).unwrap();
    for (typed, code, happened, next) in MISTAKES {
        let error = device.call(typed).refused(code).unwrap();
        let said = text(&error, "message").unwrap();
        assert!(said.contains(happened), "{typed:?}: {said}");
        let said = text(&error, "next_step").unwrap();
        assert!(said.contains(next), "{typed:?}: {said}");
    }
    assert_eq!(fs::read(device.desk().join("dump.sql")).unwrap(), b"x");
    assert!(!device.desk().join("out").exists());
}

#[test]
fn an_address_without_a_scheme_is_completed() {
    let device = Device::with_server("backup.example.com").unwrap();
    let login = device.call(["login", "--email", "a@example.com"]).env("SEALKEEP_PASSWORD", "p");
    let said = text(&login.refused(2).unwrap(), "message").unwrap().to_owned();
    assert!(said.contains("did you mean `https://backup.example.com`"), "{said}");
}
