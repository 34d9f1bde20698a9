//! Sources are left unharmed: nothing stays on the server however the command ends, and two databases of one name are
//! distinguished.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    process::Child,
    time::{Duration, Instant},
};

use e2e::{Postgres, Stage, device::text, until};
use rustix::process::Signal;

/// A locked table, released when dropped.
struct Held<'a>(&'a Postgres, Child);

impl<'a> Held<'a> {
    fn table(postgres: &'a Postgres, database: &str, table: &str) -> Self {
        let sql = format!("begin; lock table {table} in access exclusive mode; select pg_sleep(600)");
        let child = postgres.tool("psql").unwrap().args(["-Xq", "-d", database, "-c", &sql]).spawn().unwrap();
        until("a held table", || {
            postgres
                .sql("postgres", "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and wait_event = 'PgSleep'")
                .unwrap()
                == "1"
        })
        .unwrap();
        Self(postgres, child)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'";
        drop(self.0.sql("postgres", end));
        drop(self.1.wait());
    }
}

/// Number of our programs with this server in their environment.
fn programs(postgres: &Postgres) -> usize {
    let port = format!("PGPORT={}\0PG", postgres.port()).into_bytes();
    let port = &port[..port.len() - 2];
    let named = |entry: &std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.windows(port.len()).any(|part| part == port)
            && environment.windows(18).any(|part| part == b"PGAPPNAME=sealkeep")
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter(named).count()
}

// case: orphans-after-hangup
#[test]
fn no_program_or_session_outlives_the_command() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = Postgres::start().unwrap();
    postgres.create("lk").unwrap();
    postgres.sql("lk", "create table l (x int)").unwrap();
    let held = Held::table(&postgres, "lk", "l");
    let waiting = || {
        postgres
            .sql("postgres", "select count(*) from pg_stat_activity where application_name = 'sealkeep' and wait_event_type = 'Lock'")
            .unwrap()
            == "1"
    };
    for (signals, code) in [
        (&[Signal::HUP][..], 130),
        (&[Signal::INT], 130),
        (&[Signal::TERM], 130),
        (&[Signal::INT, Signal::INT], 130),
        (&[Signal::KILL], -1),
    ] {
        let running = device.backup(&postgres, "lk").start().unwrap();
        until("a waiting dump", waiting).unwrap();
        for signal in signals {
            running.signal(*signal).unwrap();
        }
        let begun = Instant::now();
        let outcome = running.wait().unwrap();
        assert_eq!(outcome.code, code, "{signals:?}: {outcome}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{signals:?}: {:?}", begun.elapsed());
        until("the end of the session", || postgres.dumps_running(false).unwrap() == 0).unwrap();
        until("the end of the program", || programs(&postgres) == 0).unwrap();
    }
    // Started to outlive its terminal, it does.
    let running =
        device.call_under("nohup", ["backup", &postgres.url("lk")]).env("PGPASSWORD", postgres.password());
    let running = running.start().unwrap();
    until("a waiting dump", waiting).unwrap();
    running.signal(Signal::HUP).unwrap();
    drop(held);
    running.wait().unwrap().expect_ok().unwrap();
}

// case: same-name-two-servers
#[test]
fn databases_of_one_name_on_two_servers_are_two_sources() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let (one, two) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    for (server, row) in [(&one, "one"), (&two, "two")] {
        server.create("shop").unwrap();
        server.sql("shop", &format!("create table t as select '{row}'::text as x")).unwrap();
    }
    let backup = |server: &Postgres, more: &[&str]| {
        let mut call = device.backup(server, "shop");
        for argument in more {
            call = call.arg(argument);
        }
        call
    };
    let first = backup(&one, &[]).ok().unwrap();
    let first = text(&first, "snapshot_id").unwrap().to_owned();

    // A database with this name on another server is refused before its dump, whoever chose the name.
    for more in [&[][..], &["--name", "shop"]] {
        let refused = backup(&two, more).refused(12).unwrap();
        let said = refused.to_string();
        for word in [
            "has been backed up from",
            "--name",
            "--same-source",
            &one.port().to_string(),
            &two.port().to_string(),
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    assert_eq!(device.snapshots().unwrap().len(), 1);

    // The same database under another spelling is accepted.
    let alias = one.url("shop").replace("127.0.0.1", "localhost");
    device.call(["backup", &alias]).env("PGPASSWORD", one.password()).ok().unwrap();
    // Another database of the same server is refused.
    one.create("till").unwrap();
    device.backup(&one, "till").arg("--name").arg("shop").refused(12).unwrap();
    // Recreated under its name, it continues the source.
    one.sql("postgres", "drop database shop").unwrap();
    one.create("shop").unwrap();
    one.sql("shop", "create table t as select 'anew'::text as x").unwrap();
    backup(&one, &[]).ok().unwrap();

    // Under another name it is a separate source; `latest` never confuses the two.
    backup(&two, &["--name", "shop-2"]).ok().unwrap();
    let status = device.call(["status"]).ok().unwrap();
    let places: Vec<_> = status["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["place"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(places, [format!("127.0.0.1:{}/shop", one.port()), format!("127.0.0.1:{}/shop", two.port())]);

    // Once confirmed, the second database continues the source, and the first one is refused.
    backup(&two, &["--same-source"]).ok().unwrap();
    backup(&two, &[]).ok().unwrap();
    backup(&one, &[]).refused(12).unwrap();
    device.restore_into(&first, &one, "back").ok().unwrap();
    assert_eq!(one.sql("back", "select x from t").unwrap(), "one");

    // Files: a default name belongs to one path.
    let dump = |folder: &str, text: &str| {
        let path = device.desk().join(folder);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("day.csv"), text).unwrap();
        path.join("day.csv").display().to_string()
    };
    let (a, b) = (dump("a", "1"), dump("b", "2"));
    device.call(["backup", "--file", &a]).ok().unwrap();
    device.call(["backup", "--file", &a.replace("/a/", "/b/../a/")]).ok().unwrap();
    device.call(["backup", "--file", &b]).refused(12).unwrap();
    device.call(["backup", "--file", &b, "--same-source"]).ok().unwrap();
    device.call(["backup", "--file", &a, "--name", "days"]).ok().unwrap();
    device.call(["backup", "--file", &b, "--name", "days"]).ok().unwrap();
    // A file and a database with the same name: `latest` does not guess.
    device.call(["backup", "--file", &a, "--name", "shop"]).ok().unwrap();
    device.call(["restore", "latest", "--source", "shop", "--stdout"]).refused(7).unwrap();
}
