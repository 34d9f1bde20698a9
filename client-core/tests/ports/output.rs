//! Output to a path given by the user: files appear complete, links are followed, devices and pipes are written
//! through, and nothing is replaced without consent.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common::not_tested;
use std::{
    fs,
    io::Read,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
    thread,
};

use client_core::{
    error::{Error, ErrorKind},
    output::{Consent, Output, save},
};

const OVERWRITE: Consent = Consent { overwrite: true, terminal: false };

fn open(path: &Path, consent: Consent) -> Result<Output, Error> {
    Output::open(path, consent, &|| false)
}

fn put(path: &Path, consent: Consent, pieces: &[&[u8]]) -> Result<(), Error> {
    let mut output = open(path, consent)?;
    for piece in pieces {
        output.write(piece)?;
    }
    output.commit()
}

fn refused(path: &Path, consent: Consent) -> Error {
    put(path, consent, &[b"dump"]).err().unwrap()
}

fn mknod(path: &Path, node: &[&str]) -> bool {
    Command::new("mknod").arg(path).args(node).output().unwrap().status.success()
}

// case: restore-replaces-devices-pipes-links
#[test]
fn output_goes_through_devices_pipes_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);

    // A pipe: its reader gets the bytes, and it stays a pipe, with and without consent.
    assert!(mknod(&at("fifo"), &["p"]));
    for consent in [Consent::default(), OVERWRITE] {
        let fifo = at("fifo");
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            fs::File::open(fifo).unwrap().read_to_end(&mut all).unwrap();
            all
        });
        put(&at("fifo"), consent, &[b"whole ", b"dump"]).unwrap();
        assert_eq!(reader.join().unwrap(), b"whole dump");
        assert!(fs::symlink_metadata(at("fifo")).unwrap().file_type().is_fifo());
    }
    // Waiting for a pipe's reader can be cancelled.
    let waiting = Output::open(&at("fifo"), OVERWRITE, &|| true).err().unwrap();
    assert_eq!(waiting.kind(), ErrorKind::Cancelled);

    // Devices, also through a link. Only root can create nodes, and real devices are left alone.
    if mknod(&at("null"), &["c", "1", "3"]) {
        assert!(mknod(&at("full"), &["c", "1", "7"]));
        symlink("null", at("to-null")).unwrap();
        for (name, consent) in [("null", Consent::default()), ("null", OVERWRITE), ("to-null", OVERWRITE)] {
            put(&at(name), consent, &[b"dump"]).unwrap();
            assert!(fs::symlink_metadata(at("null")).unwrap().file_type().is_char_device(), "{name}");
        }
        assert!(fs::symlink_metadata(at("to-null")).unwrap().is_symlink());
        assert_eq!(refused(&at("full"), OVERWRITE).kind(), ErrorKind::DiskFull);
        assert!(mknod(&at("disk"), &["b", "7", "250"]));
        assert_eq!(refused(&at("disk"), Consent::default()).kind(), ErrorKind::Exists);
        assert!(fs::symlink_metadata(at("disk")).unwrap().file_type().is_block_device());
    } else {
        not_tested("output to a device: mknod takes the right to create one");
    }

    let _listener = UnixListener::bind(at("socket")).unwrap();
    assert_eq!(refused(&at("socket"), OVERWRITE).kind(), ErrorKind::Exists);
    assert!(fs::symlink_metadata(at("socket")).unwrap().file_type().is_socket());

    // A link stays, even across several steps; its target is replaced completely and keeps its mode.
    fs::create_dir(at("other")).unwrap();
    fs::write(at("other/real"), "old").unwrap();
    fs::set_permissions(at("other/real"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("other/step", at("link")).unwrap();
    symlink("real", at("other/step")).unwrap();
    assert_eq!(refused(&at("link"), Consent::default()).kind(), ErrorKind::Exists);
    assert_eq!(fs::read(at("other/real")).unwrap(), b"old");
    put(&at("link"), OVERWRITE, &[b"new"]).unwrap();
    assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("other/step"));
    assert_eq!(fs::read_link(at("other/step")).unwrap(), Path::new("real"));
    let real = fs::symlink_metadata(at("other/real")).unwrap();
    assert!(real.is_file() && real.mode() & 0o777 == 0o640);
    assert_eq!(fs::read(at("other/real")).unwrap(), b"new");
    // A dangling link is filled at its target.
    symlink("other/later", at("dangling")).unwrap();
    put(&at("dangling"), Consent::default(), &[b"now"]).unwrap();
    assert!(fs::symlink_metadata(at("dangling")).unwrap().is_symlink());
    assert_eq!(fs::read(at("other/later")).unwrap(), b"now");
    symlink("loop", at("loop")).unwrap();
    refused(&at("loop"), OVERWRITE);

    // Saved files follow the same rules.
    save(&at("link"), b"kit", 0o600).unwrap();
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    assert_eq!(fs::read(at("other/real")).unwrap(), b"kit");
    save(&at("kit"), b"kit", 0o600).unwrap();
    assert_eq!(fs::metadata(at("kit")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_file_of_several_names_is_not_taken_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("one"), b"old").unwrap();
    fs::hard_link(at("one"), at("two")).unwrap();
    symlink(at("one"), at("link")).unwrap();
    for name in ["one", "two", "link"] {
        let error = refused(&at(name), OVERWRITE);
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert!(error.to_string().contains("2 names"), "{error}");
    }
    assert!(save(&at("two"), b"kit", 0o600).is_err());
    for name in ["one", "two"] {
        assert_eq!(fs::read(at(name)).unwrap(), b"old");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    // With a single name it is replaced.
    fs::remove_file(at("two")).unwrap();
    put(&at("one"), OVERWRITE, &[b"new"]).unwrap();
    assert_eq!(fs::read(at("link")).unwrap(), b"new");
}

#[test]
fn what_is_in_the_way_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "old").unwrap();
    for (name, kind, says) in [
        ("file", ErrorKind::Exists, "already exists"),
        ("", ErrorKind::Exists, "is a directory"),
        ("new/", ErrorKind::Exists, "is a directory"),
        ("no/such/out", ErrorKind::NotFound, "does not exist"),
        ("file/out", ErrorKind::Io, "Not a directory"),
    ] {
        let error = refused(&at(name), Consent::default());
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.happened().contains(says), "{name}: {error}");
    }
    assert_eq!(fs::read(at("file")).unwrap(), b"old");
    // An aborted write leaves nothing behind, and the existing file stays.
    let mut output = open(&at("file"), OVERWRITE).unwrap();
    output.write(b"half of").unwrap();
    drop(output);
    assert_eq!(fs::read(at("file")).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // A name that was taken in the meantime is not overwritten.
    let output = open(&at("late"), Consent::default()).unwrap();
    fs::write(at("late"), "theirs").unwrap();
    assert_eq!(output.commit().err().unwrap().kind(), ErrorKind::Exists);
    assert_eq!(fs::read(at("late")).unwrap(), b"theirs");
}

#[test]
fn zeros_become_holes_and_every_byte_comes_back() {
    const MIB: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let text = b"not a zero in here ".repeat(1000);
    let zeros = vec![0_u8; 16 * MIB];
    let contents: [Vec<u8>; 5] = [
        zeros.clone(),
        [&text[..], &zeros].concat(),
        [&zeros[..], &text, &zeros[..777]].concat(),
        [&text[..4095], &zeros, &text].concat(),
        [&zeros[..1], &text, &zeros[..4096 * 3]].concat(),
    ];
    for (number, content) in contents.iter().enumerate() {
        for step in [4097, 65_536, MIB + 13] {
            let path = folder.path().join(format!("{number}-{step}"));
            let pieces: Vec<&[u8]> = content.chunks(step).collect();
            put(&path, Consent::default(), &pieces).unwrap();
            assert!(fs::read(&path).unwrap() == *content, "{number} in steps of {step}");
            let on_disk = fs::metadata(&path).unwrap().blocks() * 512;
            assert!(on_disk < 200_000, "{number} in steps of {step}: {on_disk} bytes on disk");
        }
    }
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_one() {
    let dir = tempfile::TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let left = |name: &str| {
        fs::write(at(name), "half").unwrap();
        let file = fs::File::options().write(true).open(at(name)).unwrap();
        file.set_modified(old).unwrap();
        file
    };
    drop(left(".sealkeep-restore-Abc123"));
    // Leftovers of a suspended run, of one that has just begun, and of no run.
    let alive = left(".sealkeep-restore-alive1");
    rustix::fs::flock(&alive, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    fs::write(at(".sealkeep-restore-young1"), "half").unwrap();
    drop(left(".sealkeep-restore-of-mine"));
    symlink(at("elsewhere"), at(".sealkeep-restore-linked")).unwrap();
    let mut output = open(&at("dump"), Consent::default()).unwrap();
    output.write(b"dump").unwrap();
    let names = || {
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let stay = [
        ".sealkeep-restore-alive1",
        ".sealkeep-restore-linked",
        ".sealkeep-restore-of-mine",
        ".sealkeep-restore-young1",
    ];
    assert!(!names().contains(&".sealkeep-restore-Abc123".to_owned()));
    // A file being written is not removed by another run.
    put(&at("other"), Consent::default(), &[b"x"]).unwrap();
    output.commit().unwrap();
    let expected: Vec<&str> = stay.into_iter().chain(["dump", "other"]).collect();
    assert_eq!(names(), expected);
}
