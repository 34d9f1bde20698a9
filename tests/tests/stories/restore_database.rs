//! Restores into a database are all or nothing, whatever interrupts them, and leave no session behind.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use e2e::{Device, Postgres, Stage, measure, until};
use rustix::process::Signal;

/// Rows of the table that is filled first.
const ROWS: u32 = 400_000;

/// An account with a snapshot of a plain SQL dump whose first table takes long to restore.
fn backed_up(stage: &Stage, server: &Postgres, name: &str, form: &[&str]) -> Device {
    let (device, _) = stage.new_account().unwrap();
    server.create(name).unwrap();
    server
        .sql(
            name,
            &format!(
                "CREATE TABLE a_first (id int PRIMARY KEY, body text);
                 INSERT INTO a_first SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, {ROWS}) i;
                 CREATE TABLE z_last (id int PRIMARY KEY); INSERT INTO z_last VALUES (1)"
            ),
        )
        .unwrap();
    let file = device.desk().join("dump");
    server.dump_as(name, form, &file).unwrap();
    device.call(["backup", "--file", file.to_str().unwrap(), "--name", name]).ok().unwrap();
    device
}

fn sessions(server: &Postgres, database: &str) -> String {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            AND (datname = '{database}' OR datname ~ '^sealkeep_restoring_')"
    );
    server.sql("postgres", &sql).unwrap()
}

fn databases(server: &Postgres, pattern: &str) -> String {
    server.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname ~ '{pattern}'")).unwrap()
}

/// Kills the psql that writes into the database: a descendant of ours that is connected to it.
fn kill_psql_below(parent: u32) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat =
            fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
        let Some((front, rest)) = stat.rsplit_once(") ") else { continue };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let writes = command.split(|byte| *byte == 0).any(|argument| argument == b"/dev/null");
        if front.ends_with("(psql") && rest.split(' ').nth(1) == Some(&parent.to_string()) && writes {
            measure::signal(pid, Signal::KILL).unwrap();
        }
    }
}

fn restore(device: &Device, server: &Postgres, source: &str, into: &str) -> e2e::Running {
    device
        .call(["restore", "latest", "--source", source, "--into", &server.url(into)])
        .env("PGPASSWORD", server.password())
        .start()
        .unwrap()
}

// case: restore-interrupted-commits-half-database
#[test]
fn an_interrupted_restore_leaves_no_database() {
    let stage = Stage::shared().unwrap();
    // Its own server: others restore on the shared one.
    let server = &Postgres::start().unwrap();
    for (name, form) in [("half_sql", &["-Fp"][..]), ("half_archive", &["-Fc", "-Z0"])] {
        let device = backed_up(&stage, server, name, form);
        let back = format!("{name}_back");
        for existing in [false, true] {
            if existing {
                server.create(&back).unwrap();
            }
            for end in [Some(Signal::INT), Some(Signal::TERM), Some(Signal::HUP), Some(Signal::KILL), None] {
                let running = restore(&device, server, name, &back);
                until("the COPY", || {
                    let copying =
                        "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'copy public.a_first%'";
                    server.sql("postgres", copying).unwrap() != "0"
                })
                .unwrap();
                match end {
                    Some(signal) => running.signal(signal).unwrap(),
                    None => kill_psql_below(running.pid()),
                }
                let outcome = running.wait().unwrap();
                assert!(![0, 101].contains(&outcome.code), "{end:?}: {outcome}");
                until("the end of the sessions", || sessions(server, &back) == "0").unwrap();
                assert_eq!(
                    databases(server, &format!("^{back}$")),
                    if existing { "1" } else { "0" },
                    "{end:?}"
                );
                if existing {
                    assert_eq!(server.row_counts(&back).unwrap().len(), 0, "{end:?}");
                }
            }
            // A killed restore may leave a database under another name; it is reported and cleaned up.
            let done = restore(&device, server, name, &back).wait().unwrap();
            let document = done.expect_ok().unwrap();
            assert_eq!(server.row_counts(&back).unwrap(), server.row_counts(name).unwrap());
            if databases(server, "^sealkeep_restoring_") != "0" {
                assert!(document["notes"].to_string().contains("sealkeep_restoring_"), "{document}");
            }
            server.sql("postgres", &format!("DROP DATABASE {back}")).unwrap();
        }
        device
            .call(["restore", "--clean-up", &server.url("postgres")])
            .env("PGPASSWORD", server.password())
            .ok()
            .unwrap();
    }
}
