//! Whatever fails during a restore into a database, the target stays as it was, and no session is left.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::PathBuf, process::Command};

use e2e::{Device, Outcome, Postgres, Running, Service, device::text, proxy::Network, until};

/// A table of noise that fills several packs, so that the damage is in the middle of the dump.
fn fill(server: &Postgres, database: &str, rows: u32) {
    server
        .sql(
            database,
            &format!(
                "CREATE TABLE a_first (id int PRIMARY KEY, body text);
                 INSERT INTO a_first SELECT i, (SELECT string_agg(md5(random()::text || i || j), '') FROM generate_series(1, 32) j)
                   FROM generate_series(1, {rows}) i;
                 CREATE TABLE z_last (id int PRIMARY KEY); INSERT INTO z_last VALUES (1)"
            ),
        )
        .unwrap();
}

fn copying(server: &Postgres) {
    until("the COPY", || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'copy public.a_first%'";
        server.sql("postgres", sql).is_ok_and(|count| count != "0")
    })
    .unwrap();
}

/// The state before a restore, which must be the same afterwards.
struct Before<'a> {
    server: &'a Postgres,
    target: String,
    state: String,
}

impl<'a> Before<'a> {
    /// `existing`: with foreign content, which --overwrite would replace.
    fn new(server: &'a Postgres, target: &str, existing: bool) -> Self {
        if existing {
            server.create(target).unwrap();
            server.sql(target, "CREATE TABLE theirs (x int); INSERT INTO theirs VALUES (42)").unwrap();
        }
        let target = target.to_owned();
        Self { server, state: Self::state(server, &target), target }
    }

    fn state(server: &Postgres, target: &str) -> String {
        let sql = format!("SELECT oid FROM pg_database WHERE datname = '{target}'");
        let oid = server.sql("postgres", &sql).unwrap();
        if oid.is_empty() {
            return oid;
        }
        let tables =
            "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
        format!("{oid} {} {}", server.sql(target, tables).unwrap(), server.content_hash(target).unwrap())
    }

    fn restore(&self, device: &Device, source: &str) -> Running {
        let mut call = device
            .call(["restore", "latest", "--source", source, "--into", &self.server.url(&self.target)])
            .env("PGPASSWORD", self.server.password());
        if !self.state.is_empty() {
            call = call.arg("--overwrite");
        }
        call.start().unwrap()
    }

    /// It failed with one of these codes and left nothing behind.
    fn holds(&self, outcome: &Outcome, codes: &[i32]) {
        assert!(codes.contains(&outcome.code), "{outcome}");
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sealkeep'";
        until("the end of the sessions", || {
            self.server.sql("postgres", sessions).is_ok_and(|count| count == "0")
        })
        .unwrap();
        assert_eq!(Self::state(self.server, &self.target), self.state, "{outcome}");
        let left = "SELECT count(*) FROM pg_database WHERE datname ~ '^sealkeep_'";
        assert_eq!(self.server.sql("postgres", left).unwrap(), "0", "{outcome}");
    }
}

#[test]
fn a_damaged_pack_in_the_middle_leaves_the_target_as_it_was() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let server = Postgres::start().unwrap();
    server.create("shop").unwrap();
    fill(&server, "shop", 40_000);
    device.backup(&server, "shop").ok().unwrap();
    let mut packs: Vec<_> = service.bucket().of_kind("packs").unwrap().into_values().collect();
    packs.sort_by_key(|pack| pack.bytes().unwrap().len());
    assert!(packs.len() > 1, "{}", packs.len());
    let pack = packs.pop().unwrap();
    let whole = pack.bytes().unwrap();
    for existing in [false, true] {
        let target = format!("damaged_{existing}");
        let before = Before::new(&server, &target, existing);
        for gone in [false, true] {
            if gone {
                pack.remove().unwrap();
            } else {
                pack.flip(whole.len() / 2).unwrap();
            }
            let outcome = before.restore(&device, "shop").wait().unwrap();
            before.holds(&outcome, &[9]);
            pack.replace(&whole).unwrap();
        }
        before.restore(&device, "shop").wait().unwrap().expect_ok().unwrap();
        assert_eq!(server.content_hash(&target).unwrap(), server.content_hash("shop").unwrap());
    }
}

#[test]
#[ignore = "slow"]
fn a_store_that_goes_away_leaves_the_target_as_it_was() {
    let mut service = Service::start_wired().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let server = Postgres::start().unwrap();
    server.create("shop").unwrap();
    fill(&server, "shop", 160_000);
    device.backup(&server, "shop").ok().unwrap();
    for existing in [false, true] {
        let before = Before::new(&server, &format!("away_{existing}"), existing);
        drop(fs::remove_dir_all(device.home().join("cache")));
        let mut call = device
            .call(["restore", "latest", "--into", &server.url(&before.target)])
            .env("PGPASSWORD", server.password())
            .env("SEALKEEP_PATIENCE", "3");
        if existing {
            call = call.arg("--overwrite");
        }
        let running = call.start().unwrap();
        copying(&server);
        // Killed: asked to stop, it would finish its requests first.
        service.kill().unwrap();
        let outcome = running.wait().unwrap();
        before.holds(&outcome, &[4, 5]);
        service.wires().unwrap().store.set(Network::Normal);
        service.restart().unwrap();
    }
}

/// A small disk, until dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` if mounting is not permitted.
    fn mount(at: PathBuf, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let options = format!("size={megabytes}m,mode=0777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(&at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// The original and, if there is one, the target are on a 50 MB disk: the restored rows do not fit.
#[test]
fn a_full_disk_of_the_server_leaves_the_target_as_it_was() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let server = Postgres::start().unwrap();
    let folder = device.desk().join("disk");
    let disk = SmallDisk::mount(folder.clone(), 50);
    server.create("shop").unwrap();
    fill(&server, "shop", 20_000);
    server.create("full_kept").unwrap();
    if disk.is_some() {
        let space = folder.join("space");
        fs::create_dir(&space).unwrap();
        server.give(&space).unwrap();
        server.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", space.display())).unwrap();
        for database in ["shop", "full_kept"] {
            server.sql("postgres", &format!("ALTER DATABASE {database} SET TABLESPACE small")).unwrap();
        }
    }
    device.backup(&server, "shop").ok().unwrap();
    if disk.is_none() {
        // Where mounting is not permitted, a limit on the server's file length has the same effect.
        server.limit_files(17 << 20).unwrap();
    }
    let before = Before::new(&server, "full_new", false);
    before.holds(&before.restore(&device, "shop").wait().unwrap(), &[6]);
    server.sql("full_kept", "CREATE TABLE theirs (x int); INSERT INTO theirs VALUES (42)").unwrap();
    let before =
        Before { server: &server, state: Before::state(&server, "full_kept"), target: "full_kept".into() };
    let outcome = before.restore(&device, "shop").wait().unwrap();
    before.holds(&outcome, &[6]);
    let said = outcome.to_string();
    assert!(said.contains("could not extend file") || said.contains("No space left"), "{said}");
}

#[test]
#[ignore = "slow"]
fn a_killed_server_leaves_the_target_as_it_was() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let mut server = Postgres::start().unwrap();
    server.create("shop").unwrap();
    fill(&server, "shop", 60_000);
    device.backup(&server, "shop").ok().unwrap();
    for existing in [false, true] {
        let target = format!("killed_{existing}");
        let before = Before::new(&server, &target, existing);
        let state = before.state.clone();
        let running = before.restore(&device, "shop");
        copying(&server);
        server.crash().unwrap();
        let outcome = running.wait().unwrap();
        assert_eq!(outcome.code, 6, "{outcome}");
        assert_eq!(Before::state(&server, &target), state);
        // Leftovers have another name; the next command reports and drops them.
        let told = device.backup(&server, "shop").arg("--same-source").go().unwrap();
        assert!(told.stderr.contains("sealkeep_restoring_"), "{told}");
        let cleaned = device.call(["restore", "--clean-up", &server.url("postgres")]);
        let cleaned = cleaned.env("PGPASSWORD", server.password()).ok().unwrap();
        assert_eq!(cleaned["dropped"].as_array().unwrap().len(), 1, "{cleaned}");
        let before = Before { server: &server, target: target.clone(), state };
        before.restore(&device, "shop").wait().unwrap().expect_ok().unwrap();
        assert_eq!(server.content_hash(&target).unwrap(), server.content_hash("shop").unwrap());
    }
}

/// Thousands of tables with the server's default `max_locks_per_transaction`. With LONG=1.
// case: restore-locks-one-transaction
#[test]
fn thousands_of_tables_are_restored_with_the_default_locks() {
    if std::env::var_os("LONG").is_none() {
        return;
    }
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    let server = Postgres::start().unwrap();
    assert_eq!(server.sql("postgres", "SHOW max_locks_per_transaction").unwrap(), "64");
    server.create("many").unwrap();
    for from in (0..3_500).step_by(500) {
        let made = format!(
            "DO $$ BEGIN FOR i IN {from}..{from} + 499 LOOP
               EXECUTE format('CREATE TABLE t_%s (id serial PRIMARY KEY, v text UNIQUE)', i); END LOOP; END $$"
        );
        server.sql("many", &made).unwrap();
    }
    server.sql("many", "INSERT INTO t_7 (v) VALUES ('seven')").unwrap();
    device.backup(&server, "many").ok().unwrap();
    for more in [&[][..], &["--continue"], &["--overwrite"]] {
        let target = format!("back{}", more.concat().replace('-', "_"));
        let call = device.restore_into("latest", &server, &target);
        let call = more.iter().fold(call, |call, argument| call.arg(argument));
        let report = call.ok().unwrap();
        assert_eq!(report["failed"].as_array().unwrap().len(), 0);
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(server.sql(&target, tables).unwrap(), "3500");
        assert_eq!(server.sql(&target, "SELECT v FROM t_7").unwrap(), "seven");
    }
    // An existing database takes all locks in one transaction: what that needs is reported while it is still empty.
    server.create("existing").unwrap();
    let refused = device.restore_into("latest", &server, "existing").refused(6).unwrap();
    assert!(text(&refused, "next_step").unwrap().contains("max_locks_per_transaction to"), "{refused}");
    let objects = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(server.sql("existing", objects).unwrap(), "0");
}
