//! `pg_dump -Fc` archives of a real server: complete ones pass, truncated or altered ones do not.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::private_postgres;

use std::{fs, sync::LazyLock};

use client_core::source::completeness::CompletenessCheck;
use private_postgres::Server;

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.shop("shop", 3);
    server.sql("postgres", "CREATE DATABASE nothing");
    server
});

fn verified(dump: &[u8]) -> bool {
    let mut check = CompletenessCheck::new();
    check.feed(dump).is_ok() && check.finish().is_ok_and(|seen| seen.verified)
}

#[test]
fn archives_are_walked_to_their_end_and_no_cut_one_passes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seekable.dump");
    let mut dumps = vec![
        ("uncompressed", SERVER.tool("pg_dump", "shop", &["-Fc", "-Z0"]).stdout),
        ("compressed", SERVER.tool("pg_dump", "shop", &["-Fc", "-Z6"]).stdout),
        ("empty database", SERVER.tool("pg_dump", "nothing", &["-Fc", "-Z0"]).stdout),
        ("schema only", SERVER.tool("pg_dump", "shop", &["-Fc", "-Z0", "-s"]).stdout),
        ("without large objects", SERVER.tool("pg_dump", "shop", &["-Fc", "-Z0", "-B"]).stdout),
    ];
    // When writing to a file, pg_dump seeks back and fills in positions.
    assert!(SERVER.tool("pg_dump", "shop", &["-Fc", "-Z0", "-f", file.to_str().unwrap()]).status.success());
    dumps.push(("seekable", fs::read(&file).unwrap()));
    SERVER.sql("postgres", "CREATE DATABASE many");
    SERVER.sql("many", "DO $$ BEGIN FOR i IN 1..500 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS x', i, i); END LOOP; END $$");
    dumps.push(("many tables", SERVER.tool("pg_dump", "many", &["-Fc", "-Z0"]).stdout));

    for (name, dump) in &dumps {
        assert!(verified(dump), "{name}: {} bytes", dump.len());
        for step in [1, 3, 4096] {
            let mut check = CompletenessCheck::new();
            let head = &dump[..dump.len().min(300_000)];
            for piece in head.chunks(step) {
                check.feed(piece).unwrap();
            }
            for piece in dump[head.len()..].chunks(65_536) {
                check.feed(piece).unwrap();
            }
            assert!(check.finish().unwrap().verified, "{name} in steps of {step}");
        }
        // Every cut near both ends, and many in between.
        let near = 2_000.min(dump.len());
        let between = (0..dump.len()).step_by((dump.len() / 1_000).max(1));
        for cut in (11..near).chain(dump.len() - near..dump.len()).chain(between.filter(|cut| *cut > 11)) {
            assert!(!verified(&dump[..cut]), "{name} cut at {cut} of {}", dump.len());
        }
        let longer = [dump.as_slice(), b"\0"].concat();
        assert!(!verified(&longer), "{name} and one byte more");
    }
}

fn tar(folder: &std::path::Path, arguments: &[&str]) -> Vec<u8> {
    let output = std::process::Command::new("tar").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn tar_archives_hold_every_file_that_their_contents_name() {
    let folder = tempfile::tempdir().unwrap();
    let dump = SERVER.tool("pg_dump", "shop", &["-Ft"]).stdout;
    assert!(verified(&dump));
    let inserts = SERVER.tool("pg_dump", "shop", &["-Ft", "--inserts"]).stdout;
    assert!(verified(&inserts));
    let end = dump.iter().rposition(|byte| *byte != 0).unwrap();
    // The last non-empty block, and two blocks of zeros.
    let needed = (end / 512 + 3) * 512;
    let between = (0..needed).step_by((dump.len() / 300).max(1));
    for cut in (600..3_000).chain(needed - 2_000..needed).chain(between.filter(|cut| *cut > 600)) {
        assert!(!verified(&dump[..cut]), "cut at {cut} of {}", dump.len());
    }
    assert!(verified(&dump[..needed]));
    // Unpacked and packed again, with one file missing each time.
    let at = folder.path().join("tar");
    fs::create_dir(&at).unwrap();
    fs::write(folder.path().join("shop.tar"), &dump).unwrap();
    tar(&at, &["-xf", folder.path().join("shop.tar").to_str().unwrap()]);
    for format in ["-Z0", "-Z6"] {
        let path = folder.path().join(format);
        let arguments = ["-Fd", format, "-f", path.to_str().unwrap()];
        assert!(SERVER.tool("pg_dump", "shop", &arguments).status.success());
    }
    for name in ["tar", "-Z0", "-Z6"] {
        let prefix = format!("./{name}");
        for (base, all) in [(folder.path(), prefix.as_str()), (&folder.path().join(name), ".")] {
            assert!(verified(&tar(base, &["-c", all])), "{name} from {}", base.display());
            assert!(verified(&tar(base, &["-c", "--format=pax", all])), "{name}, pax");
        }
        for file in fs::read_dir(folder.path().join(name)).unwrap() {
            let path = file.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            let exclude = format!("--exclude={file}");
            let without = tar(folder.path(), &["-c", &exclude, &prefix]);
            assert_eq!(verified(&without), file == "restore.sql", "{name} without {file}");
            if ["toc.dat", "restore.sql"].contains(&file)
                || file.ends_with(".gz")
                || file.starts_with("blob_")
            {
                continue;
            }
            let content = fs::read(&path).unwrap();
            fs::write(&path, &content[..content.len() - 2]).unwrap();
            assert!(!verified(&tar(folder.path(), &["-c", &prefix])), "{name} with {file} cut");
            fs::write(&path, content).unwrap();
        }
    }
    // A folder name that needs its own header.
    let long = format!("backups/{}", "a-long-name/".repeat(10));
    fs::create_dir_all(folder.path().join(&long)).unwrap();
    fs::rename(folder.path().join("-Z0"), folder.path().join(&long).join("shop")).unwrap();
    for format in ["--format=gnu", "--format=pax", "--format=ustar"] {
        assert!(verified(&tar(folder.path(), &["-c", format, "backups"])), "{format}");
        let without = tar(folder.path(), &["-c", format, "--exclude=blobs.toc", "backups"]);
        assert!(!verified(&without), "{format}");
    }
}

#[test]
fn a_changed_archive_never_panics_and_a_changed_frame_is_noticed() {
    let dump = SERVER.tool("pg_dump", "nothing", &["-Fc", "-Z0"]).stdout;
    let shop = SERVER.tool("pg_dump", "shop", &["-Fc", "-Z6"]).stdout;
    for dump in [dump, shop] {
        let mut passed = 0_u32;
        let step = (dump.len() / 20_000).max(1);
        for at in (0..dump.len()).step_by(step) {
            for value in [dump[at] ^ 0x01, dump[at] ^ 0x80, 0xff, 0] {
                let mut changed = dump.clone();
                changed[at] = value;
                passed += u32::from(verified(&changed));
            }
        }
        // Texts and rows may change, lengths may not: both must have occurred.
        assert!(passed > 0);
        for at in [5, 8, 9, 10] {
            let mut changed = dump.clone();
            changed[at] ^= 0x40;
            assert!(!verified(&changed), "header byte {at}");
        }
    }
}
