//! `make demo` at a small size: it works, says so, and leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use e2e::{Postgres, binaries, data, files, measure};
use rustix::process::Signal;

fn demo(temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealkeep-demo"));
    command.env("TMPDIR", temporary).env("SEALKEEP_BIN", binaries::sealkeep().unwrap());
    command.env("METADATA_API_BIN", binaries::metadata_api().unwrap());
    for name in ["SOURCE", "FILE", "MB", "PGPASSWORD"] {
        command.env_remove(name);
    }
    command
}

fn nothing_is_left(temporary: &Path) {
    let left: Vec<_> = fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let marker = temporary.to_str().unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&line).contains(marker),
            "{} still runs",
            String::from_utf8_lossy(&line)
        );
    }
}

#[test]
#[ignore = "slow"]
fn it_takes_generated_data_a_database_and_a_file() {
    let dir = files::temporary().unwrap();
    let (temporary, file) = (dir.path().join("tmp"), dir.path().join("own.dump"));
    fs::create_dir(&temporary).unwrap();
    let postgres = Postgres::start().unwrap();
    data::fill(&postgres, "mine", 3).unwrap();
    postgres.dump("mine", &file).unwrap();
    let content = postgres.content_hash("mine").unwrap();
    for (name, value, expected) in [
        ("MB", "3", "every row is there"),
        ("SOURCE", postgres.url("mine").as_str(), "3 tables"),
        ("FILE", file.to_str().unwrap(), "identical, bit for bit"),
    ] {
        let ended =
            measure::run(demo(&temporary).env(name, value).env("PGPASSWORD", postgres.password())).unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{name}: {said}");
        assert!(said.contains(expected) && said.contains("Restore on another machine"), "{name}: {said}");
        nothing_is_left(&temporary);
    }
    assert_eq!(postgres.content_hash("mine").unwrap(), content, "the newcomer's database was changed");

    for (name, value) in
        [("FILE", "/no/such/file"), ("SOURCE", "postgres://nobody@127.0.0.1:1/none"), ("MB", "many")]
    {
        let ended = measure::run(demo(&temporary).env(name, value)).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{name}={value}");
        assert!(String::from_utf8_lossy(&ended.stdout).contains("FAILED"));
        nothing_is_left(&temporary);
    }
}

#[test]
#[ignore = "slow"]
fn ctrl_c_leaves_nothing() {
    let dir = files::temporary().unwrap();
    for after in [300, 2500, 5000] {
        let child =
            demo(dir.path()).env("MB", "60").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Moments in three of its steps. It announces a step before it begins, so no line of it is an event to wait for.
        thread::sleep(Duration::from_millis(after));
        measure::signal(child.id(), Signal::INT).unwrap();
        let ended = measure::finish(child, Instant::now()).unwrap();
        assert_eq!(
            ended.status.code(),
            Some(130),
            "after {after} ms: {}",
            String::from_utf8_lossy(&ended.stdout)
        );
        nothing_is_left(dir.path());
    }
}
