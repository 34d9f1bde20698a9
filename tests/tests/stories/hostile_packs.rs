//! Forged packs that are authentic for the vault's keys: none of their bytes reaches psql, a pipe or a file, and the
//! index never leads a reader out of the packs named in the snapshot's signed body.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use api_types::{ObjectKind, Sha256};
use client_core::format::index::IndexedPack;
use e2e::{
    Device, Postgres, Service,
    device::{Account, text},
    forger::Forger,
};

/// What the forger wants psql to run and readers to see.
const EVIL: &[u8] = b"\n\\! touch PWNED\nselect 'forged';\n--";

/// A database with a table of a few megabytes, and its dump as SQL.
struct Scene {
    service: Service,
    device: Device,
    account: Account,
    postgres: Postgres,
    dump: Vec<u8>,
    snapshot: String,
}

fn scene() -> Scene {
    let (service, postgres) = (Service::start().unwrap(), Postgres::start().unwrap());
    postgres.create("shop").unwrap();
    postgres
        .sql("shop", "create table orders as select n, md5(n::text) as what from generate_series(1, 60000) n")
        .unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    let file = device.desk().join("shop.sql");
    postgres.dump_as("shop", &["--format=plain"], &file).unwrap();
    let dump = fs::read(&file).unwrap();
    // A fixed level, independent of the machine's load: forged packs need the length of honest ones.
    let report = device.backup_bytes("shop", &dump).arg("--compression").arg("3").ok().unwrap();
    let snapshot = text(&report, "snapshot_id").unwrap().to_owned();
    Scene { service, device, account, postgres, dump, snapshot }
}

/// Inserted in the middle of a chunk: early bytes are honest.
fn with_evil(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < 100_000 {
        return None;
    }
    let mut forged = plain.to_vec();
    let middle = forged.len() / 2;
    forged[middle..middle + EVIL.len()].copy_from_slice(EVIL);
    Some(forged)
}

fn holds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// A psql that records its input and passes it on to the real one.
struct RecordingPsql {
    folder: PathBuf,
    record: PathBuf,
}

impl RecordingPsql {
    fn new(scene: &Scene) -> Self {
        let folder = scene.device.desk().join("tools");
        let record = scene.device.desk().join("psql-was-fed");
        fs::create_dir(&folder).unwrap();
        let real = scene.postgres.tool("psql").unwrap().get_program().to_owned();
        let (real, shown) = (real.to_str().unwrap(), record.to_str().unwrap());
        // Claims a version that is preferred to the real one.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *--version*) \"{real}\" --version | /bin/sed 's/) \\([0-9]*\\)\\.[0-9]*/) \\1.99/'; exit;; esac\n/usr/bin/tee -a \"{shown}\" | \"{real}\" \"$@\"\n"
        );
        let program = folder.join("psql");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, record }
    }

    fn path(&self) -> String {
        format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap())
    }

    fn was_fed(&self) -> Vec<u8> {
        let fed = fs::read(&self.record).unwrap_or_default();
        drop(fs::remove_file(&self.record));
        fed
    }
}

#[test]
fn a_forged_pack_reaches_nobody() {
    let scene = scene();
    let Scene { service, device, postgres, snapshot, .. } = &scene;
    let psql = RecordingPsql::new(&scene);
    postgres.create("honest").unwrap();
    device.restore_into(snapshot, postgres, "honest").env("PATH", psql.path()).ok().unwrap();
    assert!(holds(&psql.was_fed(), b"CREATE TABLE public.orders"), "the stand-in is not what runs");

    let forger = Forger::of(device).unwrap();
    let packs = service.bucket().of_kind("packs").unwrap();
    let (id, pack) = packs.into_iter().max_by_key(|(_, pack)| pack.bytes().unwrap().len()).unwrap();
    let honest = pack.bytes().unwrap();
    let forged = forger.pack_like(&honest, with_evil).unwrap().bytes;
    assert_eq!(forged.len(), honest.len(), "the forged pack is told by its length");
    assert!(forged != honest);
    pack.replace(&forged).unwrap();

    postgres.create("target").unwrap();
    let into = device.restore_into(snapshot, postgres, "target").env("PATH", psql.path());
    let said = into.refused(9).unwrap().to_string();
    assert!(said.contains(&id[..8]) && said.contains("other content than was stored"), "{said}");
    assert!(!holds(&psql.was_fed(), b"orders"), "psql got bytes of a forged pack's snapshot");
    assert!(!device.desk().join("PWNED").exists());

    let piped = device.call_plain(["restore", snapshot, "--stdout"]).go().unwrap();
    assert_eq!((piped.code, piped.stdout.len()), (9, 0), "{piped}");
    device.restore_to(snapshot, "whole").refused(9).unwrap();
    assert!(!device.desk().join("whole").exists());

    // What is salvaged of a damaged dump contains none of the forger's bytes either.
    let partial = device.restore_to(snapshot, "partial").arg("--partial").go().unwrap();
    assert_eq!(partial.code, 9, "{partial}");
    assert!(!holds(&fs::read(device.desk().join("partial")).unwrap(), b"forged"));
    let check = device.call(["check", "--read-data"]).go().unwrap();
    assert_eq!(check.code, 9, "{check}");
    assert!(check.to_string().contains(&id), "{check}");

    pack.replace(&honest).unwrap();
    assert!(device.restore_bytes(snapshot).unwrap() == scene.dump);
}

/// Every chunk is complete and every signature valid; only the dump does not match the hash in the body.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_does_not_match_its_hash_is_not_delivered() {
    let scene = scene();
    let Scene { device, postgres, dump, snapshot, .. } = &scene;
    let forger = Forger::of(device).unwrap();
    let other = Sha256::new([7; 32]);
    forger.repeat_with(snapshot.parse().unwrap(), 1, |body| body.dump_sha256 = other).await.unwrap();
    let forged = device.snapshots().unwrap().into_iter().find(|id| id != snapshot).unwrap();

    postgres.create("there").unwrap();
    for database in ["there", "new"] {
        let said = device.restore_into(&forged, postgres, database).refused(9).unwrap().to_string();
        assert!(said.contains(&other.to_string()), "{said}");
    }
    let left = "SELECT count(*) FROM pg_database WHERE datname ~ '^new$|^sealkeep_'";
    assert_eq!(postgres.sql("postgres", left).unwrap().trim(), "0");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(postgres.sql("there", tables).unwrap().trim(), "0");

    device.restore_to(&forged, "whole").refused(9).unwrap();
    assert!(!device.desk().join("whole").exists());
    let piped = device.call_plain(["restore", &forged, "--stdout"]).go().unwrap();
    assert_eq!(piped.code, 9, "{piped}");
    assert!(
        piped.stdout.len() < dump.len() && dump.starts_with(&piped.stdout),
        "a whole dump was handed out"
    );
}

/// Variant (b): a device of the vault signs an index object that points honest chunks into its own pack.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_entry_does_not_lead_out_of_the_signed_packs() {
    let Scene { service, device, account, dump, snapshot, .. } = scene();
    let thief = Device::new(&service).unwrap();
    thief.sign_in(&account).unwrap();
    let forger = Forger::of(&thief).unwrap();
    let honest_index = service.bucket().of_kind("index").unwrap();
    for pack in service.bucket().of_kind("packs").unwrap().into_values() {
        let forged = forger.pack_like(&pack.bytes().unwrap(), with_evil).unwrap();
        let entries = forged.entries.iter().copied().map(Into::into).collect();
        let size = forged.bytes.len() as u64;
        let stored = forger.store(ObjectKind::Pack, forged.bytes).await.unwrap();
        let segment = forger.segment(&[IndexedPack { pack: stored, size, entries }]).unwrap();
        forger.store(ObjectKind::Index, segment).await.unwrap();
    }
    // The operator removes the honest index, so that a device without state believes the thief.
    for object in honest_index.into_values() {
        object.remove().unwrap();
    }
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(device.home().join(name)));
    }
    assert!(device.restore_bytes(&snapshot).unwrap() == dump, "the forged packs were read");
    device.restore_to(&snapshot, "whole").ok().unwrap();
    assert!(fs::read(device.desk().join("whole")).unwrap() == dump);
}
