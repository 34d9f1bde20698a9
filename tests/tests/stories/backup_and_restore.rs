//! The first story: dump → snapshot → identical bytes, on this machine and on one that has nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use e2e::{
    Device, Spread, Stage, data,
    device::{number, text},
    files,
};

#[test]
fn a_database_comes_back_here_and_on_another_machine() {
    let stage = Stage::shared().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "shop", 40).unwrap();
    let (device, account) = stage.new_account().unwrap();

    let first = device.backup(postgres, "shop").ok().unwrap();
    assert!(number(&first, "bytes_read").unwrap() > 35_000_000, "{first}");
    let day_1 = (postgres.row_counts("shop").unwrap(), postgres.content_hash("shop").unwrap());

    data::change(postgres, "shop", 1.0, Spread::Recent, 1).unwrap();
    let second = device.backup(postgres, "shop").ok().unwrap();
    let day_2 = (postgres.row_counts("shop").unwrap(), postgres.content_hash("shop").unwrap());
    assert_ne!(day_1, day_2);
    let (sent, before) =
        (number(&second, "bytes_uploaded").unwrap(), number(&first, "bytes_uploaded").unwrap());
    assert!(sent * 2 < before, "1 % changed, and {sent} bytes were sent after {before}");

    let same_again = device.backup(postgres, "shop").ok().unwrap();
    let again = number(&same_again, "bytes_uploaded").unwrap();
    assert!(again * 4 < before, "nothing changed, and {again} bytes were sent after {before}");

    let other = Device::new(&stage.service).unwrap();
    other.sign_in(&account).unwrap();
    assert_eq!(device.snapshots().unwrap(), other.snapshots().unwrap());
    for (machine, name) in [(&device, "here"), (&other, "there")] {
        for (backup, day, expected) in [(&first, 1, &day_1), (&second, 2, &day_2)] {
            let snapshot = text(backup, "snapshot_id").unwrap();
            let file = format!("day{day}.dump");
            machine.restore_to(snapshot, &file).ok().unwrap();
            let restored = machine.desk().join(&file);
            assert_eq!(files::sha256(&restored).unwrap(), text(backup, "sha256").unwrap());
            assert_eq!(fs::metadata(&restored).unwrap().len(), number(backup, "bytes_read").unwrap());

            let fresh = format!("{name}_{day}");
            machine.restore_into(snapshot, postgres, &fresh).ok().unwrap();
            assert_eq!(&postgres.row_counts(&fresh).unwrap(), &expected.0, "{name}, day {day}");
            assert_eq!(&postgres.content_hash(&fresh).unwrap(), &expected.1, "{name}, day {day}");
        }
    }
    // The other machine is now a full device: the first one sees and restores what it adds.
    other.backup_bytes("note", b"from the other machine").ok().unwrap();
    assert_eq!(device.restore_latest("note").unwrap(), b"from the other machine");
}

#[test]
fn files_and_pipes_come_back_bit_for_bit() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    for (seed, size) in [1, 4095, 262_144, 1 << 20, 9_000_001].into_iter().enumerate() {
        let bytes = files::noise(seed as u64, size);
        let path = device.desk().join("input");
        fs::write(&path, &bytes).unwrap();
        for call in [
            device.call(["backup", "--file", "input", "--name", "as-file"]),
            device.backup_bytes("as-pipe", &bytes),
        ] {
            let report = call.ok().unwrap();
            assert_eq!(text(&report, "sha256").unwrap(), files::sha256_of(&bytes));
            let back = device.restore_bytes(text(&report, "snapshot_id").unwrap()).unwrap();
            assert!(back == bytes, "{size} bytes came back different");
        }
    }
}

#[test]
fn a_dump_that_we_made_ourselves_comes_back_bit_for_bit() {
    let stage = Stage::shared().unwrap();
    data::fill(&stage.postgres, "own_dump", 10).unwrap();
    let (device, _) = stage.new_account().unwrap();
    let dump = device.desk().join("own.dump");
    stage.postgres.dump("own_dump", &dump).unwrap();
    let report = device.call(["backup", "--file", "own.dump"]).ok().unwrap();
    device.restore_to(text(&report, "snapshot_id").unwrap(), "back.dump").ok().unwrap();
    assert!(files::identical(&dump, &device.desk().join("back.dump")).unwrap());
}

#[test]
fn nothing_is_overwritten_without_consent() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("note", b"new content").ok().unwrap();
    let target = device.desk().join("kept");
    fs::write(&target, "old content").unwrap();
    device.restore_to("latest", "kept").refused(7).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"old content");
    device.restore_to("latest", "kept").arg("--overwrite").ok().unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new content");

    data::fill(&stage.postgres, "occupied", 1).unwrap();
    device.backup(&stage.postgres, "occupied").ok().unwrap();
    let before = stage.postgres.content_hash("occupied").unwrap();
    device.restore_into("latest", &stage.postgres, "occupied").refused(7).unwrap();
    assert_eq!(stage.postgres.content_hash("occupied").unwrap(), before);
}
