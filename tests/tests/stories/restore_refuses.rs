//! A dump with more than SQL for one database is backed up as it is, and cannot be restored into any database.
#![expect(clippy::unwrap_used, reason = "tests")]

use e2e::{Postgres, Stage, data, device::text};

#[test]
fn text_from_a_dump_is_not_a_program() {
    let stage = Stage::shared().unwrap();
    // Its own server: others restore on the shared one.
    let postgres = &Postgres::start().unwrap();
    data::fill(postgres, "refuses_source", 1).unwrap();
    postgres.create("refuses_there").unwrap();
    let (device, _) = stage.new_account().unwrap();
    let plain = device.desk().join("plain.sql");
    postgres.dump_as("refuses_source", &["-Fp"], &plain).unwrap();
    let plain = std::fs::read_to_string(&plain).unwrap();
    let made = device.desk().join("made");
    let file = made.display();
    let there = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let new = "SELECT count(*) FROM pg_database WHERE datname ~ 'refuses_new|sealkeep_restoring'";
    let commands = [
        (format!("\\! touch {file}"), "touch"),
        (format!("COPY pg_class TO PROGRAM 'touch {file}';"), "COPY"),
        ("COMMIT;".to_owned(), "COMMIT"),
    ];
    for (number, (command, named)) in commands.iter().enumerate() {
        let (head, rest) = plain.split_once("CREATE TABLE").unwrap();
        let evil = format!("{head}{command}\nCREATE TABLE{rest}");
        let line = format!("line {}", head.lines().count() + 1);
        let report = device.backup_bytes(&format!("evil-{number}"), evil.as_bytes()).ok().unwrap();
        let snapshot = text(&report, "snapshot_id").unwrap();
        assert_eq!(device.restore_bytes(snapshot).unwrap(), evil.as_bytes());
        for database in ["refuses_there", "refuses_new"] {
            let refused = device.restore_into(snapshot, postgres, database).refused(6).unwrap();
            let said = refused.to_string();
            assert!(said.contains(&line) && said.contains(named), "{command}: {said}");
            assert!(!made.exists(), "{command}");
            assert_eq!(postgres.sql("refuses_there", there).unwrap().trim(), "0", "{command}");
            assert_eq!(postgres.sql("postgres", new).unwrap().trim(), "0", "{command}");
        }
    }
}
