//! Files as sources: read as they were when opened, or refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::begin::{begin, begin_with};
use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::{fs::FileExt, net::UnixListener},
    path::Path,
};

use client_core::{
    error::{Error, ErrorKind},
    source::{self, Complete, Copying, Opening},
};

const LEN: usize = 3 << 20;

fn opening(allow_changes: bool) -> Opening {
    Opening { allow_changes, ..Opening::default() }
}

/// Reads a third, runs `change`, and reads the rest.
fn read_with(path: &Path, allow: bool, change: impl FnOnce()) -> Result<(Vec<u8>, Complete), Error> {
    let mut stream = begin_with(source::file(path.to_owned()), &opening(allow))?;
    let mut all = vec![0; LEN / 3];
    stream.read_exact(&mut all).unwrap();
    change();
    match stream.read_to_end(&mut all) {
        Ok(_) => Ok((all, stream.finish()?)),
        Err(_) => Err(stream.finish().err().unwrap().into()),
    }
}

#[test]
fn a_file_that_is_no_dump_is_reported_even_if_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bom.sql");
    let mut script = b"\xef\xbb\xbf--\n-- PostgreSQL database dump\n--\n\n".to_vec();
    script.extend("SELECT 1;\n".repeat(LEN / 10).bytes());
    fs::write(&path, &script).unwrap();
    let mut stream = begin(source::file(path)).unwrap();
    let read = stream.read_to_end(&mut Vec::new());
    assert!(read.is_err());
    let error = Error::from(stream.finish().unwrap_err());
    assert!(
        error.kind() == ErrorKind::DumpIncomplete && error.to_string().contains("byte order mark"),
        "{error}"
    );
}

#[test]
fn a_file_changed_while_read_is_noticed_and_a_replaced_one_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    let content: Vec<u8> = (0..LEN).map(|at| (at * 31 % 251) as u8).collect();
    let writable = || OpenOptions::new().write(true).open(&path).unwrap();
    type Change = fn(&File);
    let changes: [(&str, Change); 4] = [
        ("behind the reader", |file| file.write_all_at(b"x", 5).unwrap()),
        ("in front of the reader", |file| file.write_all_at(b"x", LEN as u64 - 5).unwrap()),
        ("longer", |file| file.write_all_at(b"x", LEN as u64).unwrap()),
        ("shorter", |file| file.set_len(LEN as u64 / 2).unwrap()),
    ];
    for (name, change) in changes {
        fs::write(&path, &content).unwrap();
        let error = read_with(&path, false, || change(&writable())).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::SourceChanged, "{name}: {error}");
        fs::write(&path, &content).unwrap();
        let (_, complete) = read_with(&path, true, || change(&writable())).unwrap();
        assert!(complete.changed, "{name}");
    }
    fs::write(&path, &content).unwrap();
    let (read, complete) = read_with(&path, false, || {
        fs::write(folder.path().join("new"), "another").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
    })
    .unwrap();
    assert!(read == content && !complete.changed);
    fs::write(&path, &content).unwrap();
    let (read, _) = read_with(&path, false, || fs::remove_file(&path).unwrap()).unwrap();
    assert!(read == content);
}

#[test]
fn holes_are_read_as_zeros_wherever_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    for (number, data) in
        [&[][..], &[0], &[4 << 20], &[0, 1 << 20, 3 << 20], &[100, (2 << 20) + 77]].iter().enumerate()
    {
        let path = folder.path().join(number.to_string());
        let file = File::create(&path).unwrap();
        file.set_len(4 << 20).unwrap();
        for at in *data {
            file.write_all_at(b"some bytes", *at).unwrap();
        }
        drop(file);
        let mut stream = begin(source::file(path.clone())).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert!(all == fs::read(&path).unwrap(), "{number}");
        stream.finish().unwrap();
    }
}

#[test]
fn endless_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
    let dump = folder.path().join("dump");
    fs::create_dir(&dump).unwrap();
    fs::write(dump.join("toc.dat"), "PGDMP").unwrap();
    for (path, says) in [
        (folder.path().join("socket"), "socket"),
        ("/dev/zero".into(), "device"),
        (folder.path().to_owned(), "directory"),
        (dump, "pg_dump -Fd"),
    ] {
        let error = begin(source::file(path)).err().unwrap();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(Error::from(error).kind(), ErrorKind::Usage);
    }
}

/// A connection test must not copy a whole database.
#[test]
fn inspecting_a_database_in_use_copies_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let mut page = vec![0; 4096];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    fs::write(&path, &page).unwrap();
    fs::write(folder.path().join("app.db-wal"), "rows").unwrap();
    let spool = folder.path().join("no-such-directory");
    let look = Opening { spool: spool.clone(), copy: Copying::Never, allow_changes: false };
    begin_with(source::file(path.clone()), &look).unwrap();
    // A backup does need the copy, and says what to do.
    let need = Opening { copy: Copying::AsNeeded, ..look };
    let error = Error::from(begin_with(source::file(path), &need).err().unwrap());
    assert!(error.next_step().contains("VACUUM INTO"), "{error}");
}
