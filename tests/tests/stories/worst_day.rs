//! The worst day, as the user guide tells it: the service is gone, and its objects and the 24 words are left.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use client_core::crypto::RecoveryWords;
use e2e::{Device, Service, device::text, files};
use secrecy::ExposeSecret;

/// The one with python3-cryptography.
const PYTHON: &str = "/usr/bin/python3";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The script that the guide shows.
fn unpack(folder: &Path) -> PathBuf {
    let guide = fs::read_to_string(repository().join("ui/docs/guide/worst-day.md")).unwrap();
    let blocks = guide.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut scripts = blocks.filter(|block| block.contains("unpack.py"));
    let (script, file) = (scripts.next().unwrap(), folder.join("unpack.py"));
    assert!(scripts.next().is_none());
    fs::write(&file, script).unwrap();
    file
}

fn python(script: &Path, arguments: &[&Path]) -> Output {
    Command::new(PYTHON).arg(script).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_guides_script_copies_the_objects_and_the_words_open_them() {
    let mut service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    let dump = files::noise(7, 300_000);
    let made = device.backup_bytes("shop", &dump).ok().unwrap();
    let snapshot = text(&made, "snapshot_id").unwrap();
    service.stop().unwrap();

    let (desk, script) = (device.desk(), unpack(device.desk()));
    let bucket = desk.join("bucket");
    let store = service.dir().join("objects").join("sealkeep-eu");
    let copied = python(&script, &[&store, &bucket]);
    assert!(copied.status.success() && copied.stderr.is_empty(), "{}", stderr(&copied));
    let objects = service.bucket().objects().unwrap();
    assert!(objects.len() > 3, "{objects:?}");
    for object in objects.values() {
        assert!(fs::read(bucket.join(&object.key)).unwrap() == object.bytes().unwrap(), "{}", object.key);
    }
    // A mistake is answered in a sentence.
    for arguments in [&[service.dir().as_path(), &bucket][..], &[&store]] {
        let refused = python(&script, arguments);
        let said = stderr(&refused);
        assert!(refused.status.code() == Some(1) && !said.contains("Traceback"), "{said}");
        assert!(said.contains("unpack.py") && said.lines().count() == 1, "{said}");
    }

    let there = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let needed =
        [("age", &["--version"][..]), ("zstd", &["--version"]), (PYTHON, &["-c", "import cryptography"])];
    if !needed.iter().all(|(program, arguments)| there(program, arguments)) {
        eprintln!("skipped: age, zstd and python3-cryptography are needed to open what was copied");
        return;
    }
    let words = RecoveryWords::parse(&account.recovery_words).unwrap();
    let (key, back) = (desk.join("key.txt"), desk.join("back"));
    fs::write(&key, words.identity().unwrap().expose().expose_secret()).unwrap();
    let recover = repository().join("client-core/testdata/recover.py");
    let listed = python(&recover, &[&bucket, &key]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains(snapshot), "{}", stderr(&listed));
    let restored = python(&recover, &[&bucket, &key, Path::new(&snapshot[..12]), &back]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    assert!(fs::read(back).unwrap() == dump);
}
