//! A file as a source: it may change, have companion files, or have holes.

use super::*;

// case: file-changes-while-read
#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let path = device.desk().join("image");
    let content = files::noise(3, 3 << 20);
    let overwritten: fn(&File) = |file| file.write_all_at(b"BBBB", 17).unwrap();
    let longer: fn(&File) = |file| file.write_all_at(b"more", file.metadata().unwrap().len()).unwrap();
    let shorter: fn(&File) = |file| file.set_len(file.metadata().unwrap().len() - 1000).unwrap();
    for (number, change) in [overwritten, longer, shorter].into_iter().enumerate() {
        fs::write(&path, &content).unwrap();
        let writer = Writer::start(&path, change);
        let refused = device.call(["backup", "--file", "image"]).refused(6).unwrap();
        drop(writer);
        assert_eq!(text(&refused, "kind").unwrap(), "source_changed", "change {number}");
        assert_eq!(device.snapshots().unwrap(), [""; 0]);
    }
    // Written to at first, then left alone: it is read again.
    fs::write(&path, &content).unwrap();
    let writer = Writer::start(&path, overwritten);
    let mut running = device.call(["backup", "--file", "image"]).start().unwrap();
    running.expect("reading it again").unwrap();
    drop(writer);
    let outcome = running.wait().unwrap();
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(device.restore_bytes("latest").unwrap() == fs::read(&path).unwrap());
    assert_eq!(marks(&newest(&device), "marks"), ["unknown_format"]);
    // On request it is taken as it is, and the snapshot says so.
    let writer = Writer::start(&path, overwritten);
    let report = device.call(["backup", "--file", "image", "--force"]).ok().unwrap();
    drop(writer);
    assert_eq!(marks(&report, "marks"), ["changed_while_read", "unknown_format"]);
    assert_eq!(marks(&newest(&device), "marks"), ["changed_while_read", "unknown_format"]);
}

// case: sqlite-wal-left-out
#[test]
fn a_sqlite_database_is_backed_up_with_its_log() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let desk = device.desk();
    let path = desk.join("app.db");
    // A program keeps the database open: 100 rows in the file, 900 in the log next to it.
    let mut program =
        Command::new("sqlite3").arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut say = program.stdin.take().unwrap();
    let insert = |from: u32, to: u32| {
        format!(
            "with recursive n(i) as (select {from} union all select i+1 from n where i<{to}) insert into a select i from n;"
        )
    };
    writeln!(
        say,
        "pragma journal_mode=wal; create table a(x); {} pragma wal_checkpoint(truncate);",
        insert(1, 100)
    )
    .unwrap();
    writeln!(say, "{} select 'ready';", insert(101, 1000)).unwrap();
    let mut out = program.stdout.take().unwrap();
    let mut said = String::new();
    while !said.contains("ready") {
        let mut some = [0; 64];
        let len = out.read(&mut some).unwrap();
        said.push_str(&String::from_utf8_lossy(&some[..len]));
    }
    let state = || ["app.db", "app.db-wal"].map(|name| fs::read(desk.join(name)).unwrap());
    let before = state();
    assert!(before[1].len() > 4096);
    let rows = |file: &str| {
        let sql = "pragma integrity_check; select count(*) from a";
        let output = Command::new("sqlite3").arg(desk.join(file)).arg(sql).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    device.call(["backup", "--file", "app.db"]).ok().unwrap();
    assert!(state() == before, "the source was touched");
    device.restore_to("latest", "back.db").ok().unwrap();
    assert_eq!(rows("back.db"), "ok\n1000\n");

    // The program was killed and its log remains; a link leads to the database.
    program.kill().unwrap();
    program.wait().unwrap();
    std::os::unix::fs::symlink("app.db", desk.join("link.db")).unwrap();
    device.call(["backup", "--file", "link.db"]).ok().unwrap();
    assert!(state() == before, "the source was touched");
    device.call(["restore", "latest", "--source", "link.db", "--to", "again.db"]).ok().unwrap();
    assert_eq!(rows("again.db"), "ok\n1000\n");
    let left: Vec<_> = fs::read_dir(device.home()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("sqlite")), "{left:?}");

    // Killed in the middle of a change: the journal rolls it back, only in the copy.
    let hot = desk.join("hot.db");
    let script = "create table a(x); with recursive n(i) as (select 1 union all select i+1 from n where i<5000) \
                  insert into a select i from n;";
    assert!(Command::new("sqlite3").arg(&hot).arg(script).status().unwrap().success());
    let mut program =
        Command::new("sqlite3").arg(&hot).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut say = program.stdin.take().unwrap();
    writeln!(say, "pragma cache_size=1; begin; update a set x = -1; select 'ready';").unwrap();
    let mut out = program.stdout.take().unwrap();
    let mut some = [0; 64];
    while !String::from_utf8_lossy(&some).contains("ready") {
        assert!(out.read(&mut some).unwrap() > 0);
    }
    program.kill().unwrap();
    program.wait().unwrap();
    let state = || ["hot.db", "hot.db-journal"].map(|name| fs::read(desk.join(name)).unwrap());
    let before = state();
    assert!(!before[1].is_empty());
    device.call(["backup", "--file", "hot.db"]).ok().unwrap();
    assert!(state() == before, "the source was touched");
    device.call(["restore", "latest", "--source", "hot.db", "--to", "cold.db"]).ok().unwrap();
    let output = Command::new("sqlite3")
        .arg(desk.join("cold.db"))
        .arg("pragma integrity_check; select count(*) from a where x > 0")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ok\n5000\n");

    // A journal may name a file for SQLite to remove in the end: only a file of the database's owner.
    let victim = desk.join("somebody's file");
    fs::write(&victim, b"kept").unwrap();
    let name = victim.as_os_str().as_encoded_bytes();
    let sum = name.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    let mut journal = before[1].clone();
    // Lock-byte page ‖ name ‖ its length ‖ its checksum ‖ magic.
    journal.extend_from_slice(&(0x4000_0000_u32 / 4096 + 1).to_be_bytes());
    journal.extend_from_slice(name);
    journal.extend_from_slice(&u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend_from_slice(&sum.to_be_bytes());
    journal.extend_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    fs::write(desk.join("hot.db-journal"), journal).unwrap();
    device.call(["backup", "--file", "hot.db"]).refused(6).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"kept");
}

// case: sparse-file
#[test]
fn holes_of_a_file_stay_holes() {
    const LEN: u64 = 200 << 20;
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    for (name, ends_in_hole) in [("sparse.img", false), ("tail.img", true)] {
        let path = device.desk().join(name);
        let file = File::create(&path).unwrap();
        file.write_all_at(b"first", 0).unwrap();
        file.set_len(LEN).unwrap();
        if !ends_in_hole {
            file.write_all_at(b"x\n", LEN).unwrap();
        }
        drop(file);
        device.call(["backup", "--file", name]).ok().unwrap();
        let back = device.desk().join(format!("back-{name}"));
        device.call(["restore", "latest", "--source", name, "--to", back.to_str().unwrap()]).ok().unwrap();
        let (was, is) = (fs::metadata(&path).unwrap(), fs::metadata(&back).unwrap());
        assert_eq!(was.len(), is.len());
        assert!(is.blocks() * 512 < 1 << 20, "{name}: {} bytes on disk", is.blocks() * 512);
        let same = Command::new("cmp").args([&path, &back]).status().unwrap();
        assert!(same.success(), "{name}");
    }
}
