//! `make demo`: the complete tour with a real database on this machine, leaving nothing behind.
//!
//! `SOURCE=postgres://…` or `FILE=dump` use your own data instead; `MB` sets the generated size.

mod interrupt;
mod table;

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use e2e::{
    Account, Call, Device, Failure, Outcome, Postgres, Result, Service, Spread, data,
    device::{number, text},
    files,
};

use crate::table::{Row, bytes, seconds};

/// The data to back up.
enum Subject {
    Generated { megabytes: u64 },
    Database { url: String },
    File { path: PathBuf },
}

/// Everything running for the demo, in the order in which it must be dropped.
struct Demo {
    device: Device,
    account: Account,
    postgres: Postgres,
    service: Service,
    rows: Vec<Row>,
}

fn main() -> ExitCode {
    let stopped = interrupt::watch();
    let outcome = run();
    if stopped.was_stopped() {
        say("\nStopped. Nothing was left running, and the temporary files are gone.");
        return ExitCode::from(130);
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\nThe demo FAILED: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let subject = subject()?;
    say("Starting the service: a private PostgreSQL and an S3 store in a temporary directory …");
    let service = Service::start_as_shipped()?;
    let postgres = Postgres::start()?;
    let device = Device::new(&service)?;
    let account = device.sign_up("eu")?;
    say(&format!("Signed up {} with a second factor; 24 recovery words were written down.\n", account.email));
    let mut demo = Demo { device, account, postgres, service, rows: Vec::new() };
    match subject {
        Subject::Generated { megabytes } => demo.generated(megabytes)?,
        Subject::Database { url } => demo.database(&url)?,
        Subject::File { path } => demo.file(&path)?,
    }
    say(&format!("\n{}", table::render(&demo.rows)));
    let Demo { device, postgres, service, .. } = demo;
    drop((device, postgres, service));
    say("\nNothing was left running, and the temporary files are gone.");
    Ok(())
}

fn subject() -> Result<Subject> {
    let given = |name: &str| env::var(name).ok().filter(|v| !v.is_empty());
    match (given("SOURCE"), given("FILE"), given("MB")) {
        (Some(_), Some(_), _) => Err(Failure::new("SOURCE and FILE are both set; set one of them")),
        (Some(url), None, _) => Ok(Subject::Database { url }),
        (None, Some(path), _) => Ok(Subject::File {
            path: fs::canonicalize(&path).map_err(|e| Failure::new(format!("FILE={path}: {e}")))?,
        }),
        (None, None, None) => Ok(Subject::Generated { megabytes: 220 }),
        (None, None, Some(mb)) => {
            let megabytes = mb.parse().map_err(|_| Failure::new("MB has to be a whole number"))?;
            Ok(Subject::Generated { megabytes })
        }
    }
}

impl Demo {
    fn generated(&mut self, megabytes: u64) -> Result<()> {
        say(&format!("Making a database of {megabytes} MB: accounts, orders, events …"));
        data::fill(&self.postgres, "shop", megabytes)?;
        let counts = self.postgres.row_counts("shop")?;
        let size = self.postgres.sql("shop", "select pg_size_pretty(pg_database_size('shop'))")?;
        say(&format!("  {size} on disk; rows: {counts:?}"));
        let day_1 = (counts, self.postgres.content_hash("shop")?);

        let first = self.backup("First backup", self.device.backup(&self.postgres, "shop"))?;
        say(&format!("Changing 1 % of the rows: {} …", Spread::Recent.as_str()));
        data::change(&self.postgres, "shop", 1.0, Spread::Recent, 1)?;
        let day_2 = (self.postgres.row_counts("shop")?, self.postgres.content_hash("shop")?);
        let second = self.backup("Second backup, 1 % changed", self.device.backup(&self.postgres, "shop"))?;

        for (day, backup, expected) in [(1, &first, &day_1), (2, &second, &day_2)] {
            self.restore_file(&format!("Restore of day {day} to a file"), backup)?;
            let fresh = format!("shop_day_{day}");
            let call = self.device.restore_into(text(backup, "snapshot_id")?, &self.postgres, &fresh);
            self.step(&format!("Restore of day {day} into a database"), call)?;
            let counts = self.postgres.row_counts(&fresh)?;
            if counts != expected.0 || self.postgres.content_hash(&fresh)? != expected.1 {
                return Err(Failure::new(format!(
                    "day {day}: the restored rows differ: {counts:?}, not {:?}",
                    expected.0
                )));
            }
            say(&format!("  every row is there, with the same content: {counts:?}"));
        }

        say("A dump file of our own, to compare byte for byte …");
        let dump = self.device.desk().join("own.dump");
        self.postgres.dump("shop", &dump)?;
        self.compare_file("Backup of a dump file", &dump)?;
        self.worst_day(&second)
    }

    fn database(&mut self, url: &str) -> Result<()> {
        say("Backing up your database twice. It is only read.");
        let mut last = None;
        for title in ["First backup", "Second backup"] {
            last = Some(self.backup(title, with_password(self.device.call(["backup", url])))?);
        }
        let backup = last.ok_or_else(|| Failure::new("no backup was made"))?;
        self.restore_file("Restore to a file", &backup)?;
        let call = self.device.restore_into(text(&backup, "snapshot_id")?, &self.postgres, "restored");
        self.step("Restore into a fresh database", call)?;
        let counts = self.postgres.row_counts("restored")?;
        say(&format!("  restored: {} tables, {} rows", counts.len(), counts.values().sum::<u64>()));
        self.worst_day(&backup)
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        self.compare_file("First backup", path)?;
        let backup = self.compare_file("Second backup", path)?;
        self.worst_day(&backup)
    }

    fn compare_file(&mut self, title: &str, path: &Path) -> Result<serde_json::Value> {
        let call = self.device.call(["backup".as_ref(), "--file".as_ref(), path.as_os_str()]);
        let backup = self.backup(title, call)?;
        let restored = self.restore_file("  its restore", &backup)?;
        if !files::identical(path, &restored)? {
            return Err(Failure::new("the restored file differs from the original"));
        }
        say("  read one against the other: identical, bit for bit");
        fs::remove_file(restored)?;
        Ok(backup)
    }

    /// A machine that has nothing but what its owner knows and wrote down.
    fn worst_day(&mut self, backup: &serde_json::Value) -> Result<()> {
        say("The worst day: another machine, nothing on it, only password, telephone and recovery words …");
        let other = Device::new(&self.service)?;
        other.sign_in(&self.account)?;
        let outcome = other.restore_to(text(backup, "snapshot_id")?, "restored").go()?;
        outcome.expect_ok()?;
        check_sha256(&other.desk().join("restored"), backup)?;
        self.note("Restore on another machine", &outcome, number(backup, "bytes_read")?, None);
        Ok(())
    }

    fn backup(&mut self, title: &str, call: Call) -> Result<serde_json::Value> {
        say(&format!("{title} …"));
        let outcome = call.go()?;
        let report = outcome.expect_ok()?;
        self.note(title, &outcome, number(&report, "bytes_read")?, Some(number(&report, "bytes_uploaded")?));
        Ok(report)
    }

    fn restore_file(&mut self, title: &str, backup: &serde_json::Value) -> Result<PathBuf> {
        let target = self.device.desk().join("restored");
        let call = self.device.restore_to(text(backup, "snapshot_id")?, "restored").arg("--overwrite");
        self.step(title, call)?;
        check_sha256(&target, backup)?;
        Ok(target)
    }

    fn step(&mut self, title: &str, call: Call) -> Result<()> {
        say(&format!("{} …", title.trim()));
        let outcome = call.go()?;
        let read = number(&outcome.expect_ok()?, "bytes")?;
        self.note(title, &outcome, read, None);
        Ok(())
    }

    fn note(&mut self, title: &str, outcome: &Outcome, read: u64, uploaded: Option<u64>) {
        let wall = outcome.usage.wall;
        let sent = uploaded.map_or_else(String::new, |n| format!(", {} uploaded", bytes(n)));
        say(&format!("  {} in {}{sent}", bytes(read), seconds(wall)));
        self.rows.push(Row { title: title.to_owned(), wall, read, uploaded });
    }
}

/// Compares the file's checksum, computed here, with the one that the backup recorded.
fn check_sha256(file: &Path, backup: &serde_json::Value) -> Result<()> {
    let (found, expected) = (files::sha256(file)?, text(backup, "sha256")?);
    if found == expected {
        say(&format!("  SHA-256 {found}: as it was backed up"));
        Ok(())
    } else {
        Err(Failure::new(format!("{}: SHA-256 {found}, and {expected} was backed up", file.display())))
    }
}

/// Takes the database password from where psql would.
fn with_password(mut call: Call) -> Call {
    for name in ["PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT"] {
        if let Some(value) = env::var_os(name) {
            call = call.env(name, value);
        }
    }
    match (env::var_os("PGPASSFILE"), env::home_dir()) {
        (None, Some(home)) if home.join(".pgpass").exists() => call.env("PGPASSFILE", home.join(".pgpass")),
        _ => call,
    }
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    // The reader may be gone, and then nobody needs the output.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
