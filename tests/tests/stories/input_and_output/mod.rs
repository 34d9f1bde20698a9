//! Input is exactly what the source is, and output goes exactly where the user said.
#![expect(clippy::unwrap_used, reason = "tests")]

mod sources;

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Device, Stage,
    device::{list, text},
    files, not_tested, until,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
};

fn newest(device: &Device) -> serde_json::Value {
    let listed = device.call(["snapshots"]).ok().unwrap();
    list(&listed, "snapshots").unwrap().first().unwrap().clone()
}

fn marks(snapshot: &serde_json::Value, field: &str) -> Vec<String> {
    let marks = list(snapshot, field).unwrap();
    marks.iter().map(|mark| mark.as_str().unwrap().to_owned()).collect()
}

/// A plain dump of about this size.
fn dump(rows: usize) -> Vec<u8> {
    let rows: String = (0..rows).map(|row| format!("INSERT INTO a VALUES ({row});\n")).collect();
    format!("--\n-- PostgreSQL database dump\n--\n\n{rows}\n--\n-- PostgreSQL database dump complete\n--\n\n")
        .into()
}

// case: dump-shrinks-to-nothing
#[test]
fn a_dump_that_shrank_needs_confirmation() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("shopf", &dump(5_000)).ok().unwrap();
    assert_eq!(marks(&newest(&device), "marks"), [""; 0]);

    // An almost empty dump, a dump that lost its rows, different content of the same size: each needs confirmation.
    let (small, other) = (dump(3), files::noise(7, 150_000));
    for odd in [&b"x\n"[..], &small, &other] {
        let refused = device.backup_bytes("shopf", odd).refused(13).unwrap();
        assert!(text(&refused, "next_step").unwrap().contains("--force"), "{refused}");
    }
    assert_eq!(device.snapshots().unwrap().len(), 1);
    // Another source is not affected.
    device.backup_bytes("notes", b"x\n").ok().unwrap();
    assert_eq!(marks(&newest(&device), "marks"), ["unknown_format"]);

    let report = device.backup_bytes("shopf", &small).arg("--force").ok().unwrap();
    assert_eq!(marks(&report, "marks"), ["smaller_than_usual"]);
    assert_eq!(marks(&newest(&device), "marks"), ["smaller_than_usual"]);
    let status = device.call(["status"]).ok().unwrap();
    let sources = list(&status, "sources").unwrap();
    let shop = sources.iter().find(|source| text(source, "source").unwrap() == "shopf").unwrap();
    assert_eq!(marks(shop, "last_marks"), ["smaller_than_usual"]);
    for list in ["snapshots", "status"] {
        let shown = device.call_plain([list]).go().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("smaller than usual") && shown.contains("unknown format"), "{shown}");
    }
    // The median of the last dumps counts as usual: one odd snapshot does not change it.
    device.backup_bytes("shopf", &dump(5_100)).ok().unwrap();
    device.backup_bytes("shopf", &dump(5_200)).ok().unwrap();
    device.backup_bytes("shopf", &small).refused(13).unwrap();
    // Nor do three odd ones, since each was forced.
    for _ in 0..3 {
        device.backup_bytes("shopf", &small).arg("--force").ok().unwrap();
    }
    device.backup_bytes("shopf", &small).refused(13).unwrap();
    device.backup_bytes("shopf", &dump(1_000)).ok().unwrap();
    let report = device.backup_bytes("shopf", &other).arg("--force").ok().unwrap();
    assert_eq!(marks(&report, "marks"), ["other_format", "unknown_format"]);
}

// case: cut-dumps-of-known-formats
#[test]
fn a_cut_dump_is_refused() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let desk = device.desk();
    fs::write(desk.join("whole.sql"), dump(20_000)).unwrap();
    let made = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(desk).output().unwrap();
        assert!(output.status.success(), "{program}");
        output.stdout
    };
    made("sqlite3", &["app.db", "create table a(x); insert into a values (randomblob(6000))"]);
    let samples = [
        ("tar", made("tar", &["-c", "whole.sql"])),
        ("zst", made("zstd", &["-c", "whole.sql"])),
        ("xz", made("xz", &["-c", "whole.sql"])),
        ("db", fs::read(desk.join("app.db")).unwrap()),
    ];
    for (ending, whole) in samples {
        let name = format!("dump.{ending}");
        for keep in [whole.len() / 2, whole.len() * 9 / 10] {
            fs::write(desk.join(&name), &whole[..keep]).unwrap();
            device.call(["backup", "--file", &name]).refused(6).unwrap();
            device.backup_bytes(&name, &whole[..keep]).refused(6).unwrap();
            device.backup_bytes(&name, &whole[..keep]).arg("--force").refused(6).unwrap();
        }
        fs::write(desk.join(&name), &whole).unwrap();
        let report = device.call(["backup", "--file", &name]).ok().unwrap();
        assert_eq!(report["verified_end"], true, "{report}");
        let id = text(&report, "snapshot_id").unwrap();
        assert!(device.restore_bytes(id).unwrap() == whole, "{name}");
    }
    assert_eq!(device.snapshots().unwrap().len(), 4);
}

/// Keeps changing a file until told to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    fn start(path: &Path, change: fn(&File)) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                change(&file);
                // Its pace: a file that changes now and then, and does not grow without bound.
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Whether a pipe takes more bytes.
fn has_room(pipe: &File) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&now)).unwrap() > 0
}

/// A disk backed by a file, until dropped.
struct LoopDevice(String);

impl LoopDevice {
    /// `None` if creating one is not permitted.
    fn over(file: &Path) -> Option<Self> {
        let made = Command::new("losetup").args(["--find", "--show"]).arg(file).output().ok()?;
        let name = String::from_utf8(made.stdout).ok()?.trim().to_owned();
        (made.status.success() && name.starts_with("/dev/loop")).then_some(Self(name))
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        drop(Command::new("losetup").args(["--detach", &self.0]).status());
    }
}

// case: restore-replaces-devices-pipes-links
#[test]
fn a_restore_writes_through_devices_pipes_and_links() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let whole = dump(2_000);
    device.backup_bytes("shop", &whole).ok().unwrap();
    let at = |name: &str| device.desk().join(name);

    assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
    for overwrite in [false, true] {
        let fifo = at("fifo");
        let reader = thread::spawn(move || fs::read(fifo).unwrap());
        let call = device.restore_to("latest", "fifo");
        let call = if overwrite { call.arg("--overwrite") } else { call };
        call.ok().unwrap();
        assert!(reader.join().unwrap() == whole);
        assert!(fs::symlink_metadata(at("fifo")).unwrap().file_type().is_fifo());
    }
    fs::write(at("real"), "old").unwrap();
    std::os::unix::fs::symlink("real", at("link")).unwrap();
    device.restore_to("latest", "link").refused(7).unwrap();
    device.restore_to("latest", "link").arg("--overwrite").ok().unwrap();
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    assert!(fs::read(at("real")).unwrap() == whole);
    // Our own device nodes, not the real ones.
    if Command::new("mknod").arg(at("null")).args(["c", "1", "3"]).status().unwrap().success() {
        for overwrite in [false, true] {
            let call = device.restore_to("latest", "null");
            let call = if overwrite { call.arg("--overwrite") } else { call };
            call.ok().unwrap();
            assert!(fs::symlink_metadata(at("null")).unwrap().file_type().is_char_device());
        }
    } else {
        not_tested("a restore to a device: mknod takes the right to create one").unwrap();
    }
    // Our own disk: needs confirmation, then is written through.
    fs::write(at("disk.img"), vec![7; 1 << 20]).unwrap();
    if let Some(disk) = LoopDevice::over(&at("disk.img")) {
        device.call(["restore", "latest", "--to", &disk.0]).refused(7).unwrap();
        device.call(["restore", "latest", "--to", &disk.0, "--overwrite"]).ok().unwrap();
        assert!(fs::symlink_metadata(&disk.0).unwrap().file_type().is_block_device());
        let written = fs::read(&disk.0).unwrap();
        assert!(written.starts_with(&whole) && written[whole.len()..].iter().all(|byte| *byte == 7));
        // A disk that is too small is reported.
        device.backup_bytes("large", &files::noise(5, 2 << 20)).ok().unwrap();
        device
            .call(["restore", "latest", "--source", "large", "--to", &disk.0, "--overwrite"])
            .refused(8)
            .unwrap();
    } else {
        not_tested("a restore to a disk: losetup takes the right to set one up").unwrap();
    }
    // A pipe whose reader does not read: Ctrl-C ends the restore.
    device.backup_bytes("large", &files::noise(6, 8 << 20)).ok().unwrap();
    for to in ["--to fifo", "--stdout > fifo"] {
        // Opened for both directions, the pipe has a reader, but nobody reads.
        let held = File::options().read(true).write(true).open(at("fifo")).unwrap();
        let script = format!("exec \"$SEALKEEP\" restore latest --source large {to}");
        let running = device.shell(&script).start().unwrap();
        until("a full pipe", || !has_room(&held)).unwrap();
        let asked = Instant::now();
        running.signal(rustix::process::Signal::INT).unwrap();
        let outcome = running.wait().unwrap();
        assert_eq!(outcome.code, 130, "{to}: {outcome}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{to}: {:?}", asked.elapsed());
        drop(held);
    }
    // A pipe as a source, whose writer comes later.
    let fifo = at("fifo");
    let content = whole.clone();
    let writer = thread::spawn(move || {
        let nonblocking = OFlags::NONBLOCK.bits().try_into().unwrap();
        let mut writer = OpenOptions::new();
        writer.write(true).custom_flags(nonblocking);
        // Without waiting, a pipe opens for writing only once it has a reader.
        let mut held = None;
        until("a reader", || {
            held = writer.open(&fifo).ok();
            held.is_some()
        })
        .unwrap();
        fs::write(fifo, content).unwrap();
    });
    let report = device.call(["backup", "--file", "fifo"]).ok().unwrap();
    writer.join().unwrap();
    assert_eq!(text(&report, "sha256").unwrap(), files::sha256_of(&whole));
    device.call(["backup", "--file", "/dev/zero"]).refused(2).unwrap();
}

#[test]
fn a_closed_or_full_output_is_an_error() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("shop", &dump(200)).ok().unwrap();
    let shell = |script: &str| device.shell(script).go().unwrap();
    for closed in ["restore latest --stdout", "snapshots", "status", "completions bash", "--json snapshots"] {
        let outcome = shell(&format!("exec \"$SEALKEEP\" {closed} >&-"));
        assert_eq!(outcome.code, 8, "{closed}: {outcome}");
        let outcome = shell(&format!("exec \"$SEALKEEP\" {closed} > /dev/full"));
        assert_eq!(outcome.code, 8, "{closed}: {outcome}");
        // The null device does not count as closed, however it is opened.
        let outcome = shell(&format!("exec \"$SEALKEEP\" {closed} > /dev/null"));
        assert_eq!(outcome.code, 0, "{closed}: {outcome}");
    }
    // The reader left before the first byte: exit quietly, as after SIGPIPE.
    for unread in ["restore latest --stdout", "snapshots"] {
        let outcome =
            shell(&format!("{{ sleep 1; \"$SEALKEEP\" {unread}; echo $? > code; }} | true; cat code"));
        assert!(outcome.stdout == b"141\n" && outcome.stderr.is_empty(), "{unread}: {outcome}");
    }
    // The work is done, but a caller who wanted the report must not mistake silence for success.
    fs::write(device.desk().join("more.sql"), dump(300)).unwrap();
    fs::write(device.desk().join("url"), "postgres://127.0.0.1:1/none").unwrap();
    let snapshots = || device.snapshots().unwrap().len();
    let before = snapshots();
    for (number, said) in ["", "--json "].into_iter().enumerate() {
        let outcome =
            shell(&format!("exec \"$SEALKEEP\" {said}backup --file more.sql --name more{number} >&-"));
        assert_eq!(outcome.code, 8, "{outcome}");
        assert!(outcome.stderr.contains("standard output is closed"), "{outcome}");
        assert_eq!(snapshots(), before + number + 1);
    }
    for closed in [
        "backup --file more.sql --name more2",
        "restore latest --source shop --to back0 ",
        "index rebuild",
        "devices",
        "check",
        "--help",
        "--version",
    ] {
        let outcome = shell(&format!("exec \"$SEALKEEP\" {closed} >&-"));
        assert_eq!(outcome.code, 8, "{closed}: {outcome}");
    }
    // A dump to a terminal is refused.
    let outcome = shell("script -qec '\"$SEALKEEP\" restore latest --stdout' /dev/null < /dev/null");
    assert_eq!(outcome.code, 2, "{outcome}");
    let outcome = shell(
        "script -qec '\"$SEALKEEP\" restore latest --source shop --stdout --force' /dev/null < /dev/null",
    );
    assert_eq!(outcome.code, 0, "{outcome}");
}
