//! n88: a dump comes back from a copy of the bucket with the 24 words, stock `age`, stock `zstd` and two short scripts,
//! without any of our code.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use api_types::{AccountId, DeviceId, HeadHash, ObjectId, Sha256, SourceId, envelope::SnapshotEnvelope};
use client_core::{
    chunk::Cutter,
    crypto::{AccountSecret, Amk, DeviceSigningKey, Keyring, RecoveryWords, recovery},
    encode::{Encoding, Op, Recipe},
    format::{
        Recipients,
        manifest::{ManifestCutter, ManifestPiece},
        pack::{PackWriter, SealedPack},
        snapshot::{Heads, SnapshotBody, Wrapping, heads_hash, pack_set_hash, seal_snapshot},
    },
    id::DomainId,
    unwrap::Unwrapper,
};
use common::*;
use secrecy::ExposeSecret;
use sha2::Digest;

const PYTHON: &str = "/usr/bin/python3";

fn missing_tool() -> Option<&'static str> {
    let runs = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    [
        ("age", runs("age", &["--version"])),
        ("zstd", runs("zstd", &["--version"])),
        ("python3-cryptography", runs(PYTHON, &["-c", "import cryptography"])),
    ]
    .into_iter()
    .find_map(|(tool, there)| (!there).then_some(tool))
}

fn store(bucket: &Path, kind: &str, name: &str, bytes: &[u8]) {
    let folder = bucket.join(format!("v1/{VAULT}/{kind}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

/// The content of the chunks, and the dump after recompression.
struct Dump<'a> {
    stored: &'a [u8],
    unwrapped: Option<Wrapping>,
    bytes: &'a [u8],
}

/// Creates a bucket with one snapshot of `dump`, its last chunk stored as a recipe if `with_recipe`; returns the
/// snapshot's id.
fn back_up(bucket: &Path, words: &RecoveryWords, dump: &Dump<'_>, with_recipe: bool) -> ObjectId {
    let keyring = Keyring::generate(VAULT);
    let recipient = words.recipient().unwrap();
    let recipients = Recipients::new(keyring.current_identity().unwrap().recipient(), recipient.clone());
    let gear = chunker().gear_table();
    let plains: Vec<Vec<u8>> =
        Cutter::new(dump.stored, &gear, small_params()).map(|chunk| chunk.unwrap().to_vec()).collect();

    let mut manifest = ManifestCutter::default();
    let mut pieces: Vec<Vec<u8>> =
        plains.iter().filter_map(|p| manifest.push(ids().chunk_id(p), p.len() as u32)).collect();
    pieces.extend(manifest.finish());
    let manifest = pieces
        .iter()
        .map(|p| ManifestPiece { chunk_id: ids().chunk_id(p), plain_len: p.len() as u32 })
        .collect();

    let (last, first) = (plains.last().unwrap().clone(), plains[0].clone());
    let mut records = encode(plains.iter().chain(&pieces).cloned());
    // The last chunk: its own bytes around a stretch of the first chunk's.
    if with_recipe {
        let recipe = Recipe {
            refs: vec![ids().chunk_id(&first)],
            ops: vec![
                Op::Literal { len: 10 },
                Op::Copy { reference: 0, offset: 100, len: 400 },
                Op::Literal { len: 5 },
            ],
        };
        assert_eq!(last[10..410], first[100..500]);
        let literals = [&last[..10], &last[410..]].concat();
        let at = records.iter().position(|(id, _)| *id == ids().chunk_id(&last)).unwrap();
        records[at].1 =
            recipe.encode(&literals, &mut client_core::encode::Compressor::new(3).unwrap()).unwrap();
        assert!(records.iter().any(|(_, e)| e.encoding == Encoding::Raw));
    }

    let mut packs: Vec<SealedPack> = Vec::new();
    for half in records.chunks(records.len().div_ceil(2)) {
        let mut writer = PackWriter::new(VAULT, EPOCH, &recipients).unwrap();
        half.iter().for_each(|(id, encoded)| writer.push(*id, encoded).unwrap());
        packs.push(writer.finish().unwrap());
    }
    packs.iter().for_each(|pack| store(bucket, "packs", &pack.id.to_string(), &pack.bytes));
    let pack_ids: Vec<ObjectId> = packs.iter().map(|pack| pack.id).collect();
    let body = SnapshotBody {
        source_kind: "postgres".into(),
        source_name: "shop".into(),
        source_detail: String::new(),
        origin: client_core::format::snapshot::Origin::default(),
        tool: "pg_dump 15.20".into(),
        format: "pg_dump SQL".into(),
        verified_end: true,
        remarks: Vec::new(),
        needs: None,
        tables: Vec::new(),
        host: "db1".into(),
        domain: DomainId::from_bytes([3; 16]),
        manifest,
        plain_size: dump.bytes.len() as u64,
        dump_sha256: Sha256::new(sha2::Sha256::digest(dump.bytes).into()),
        unwrapped: dump.unwrapped,
        chunks: plains.len() as u64,
        chunks_new: plains.len() as u64,
        bytes_stored: 0,
        packs: pack_ids.clone(),
        heads: Heads::new(),
    };
    let sealed = body.seal(VAULT, EPOCH, &recipients).unwrap();
    let envelope = SnapshotEnvelope {
        vault: VAULT,
        source: SourceId::from_bytes([1; 16]),
        device: DeviceId::from_bytes([7; 16]),
        sequence: 0,
        previous: HeadHash::new([0; 32]),
        body_hash: Sha256::new(sha2::Sha256::digest(&sealed).into()),
        body_len: sealed.len() as u64,
        pack_set_hash: pack_set_hash(&pack_ids),
        epoch: EPOCH,
        created: 1_790_000_000,
        directory_len: 1,
        directory_hash: Sha256::new([0; 32]),
        heads_hash: heads_hash(&body.heads),
    };
    let snapshot = seal_snapshot(&envelope, &DeviceSigningKey::generate(), &sealed).unwrap();
    store(bucket, "snapshots", &snapshot.id.to_string(), &snapshot.bytes);
    let account = AccountId::from_bytes([1; 16]);
    let file =
        recovery::seal(&recipient, &keyring, &Amk::generate(), &AccountSecret::generate(), account, None)
            .unwrap();
    store(bucket, "keys", &hex::encode(sha2::Sha256::digest(&file)), &file);
    snapshot.id
}

/// Gzip files from GNU gzip and from zlib, one of them reproducible only up to where its compressor's settings changed.
const GZIP_FILES: &str = "
w(subprocess.run(['gzip','-n','-3'],input=d[:300000],stdout=subprocess.PIPE).stdout)
c=zlib.compressobj(6,8,31);w(c.compress(d[:300000])+c.flush())
c=zlib.compressobj(6,8,31);w(c.compress(d[:2500000])+c.flush(zlib.Z_FULL_FLUSH)+c.compress(d[2500000:])+c.flush())
c=zlib.compressobj(9,8,31,9);w(c.compress(d[:99])+c.flush())";
/// Streams in pieces, as in a pg_dump archive.
const ARCHIVE: &str = "
w(b'PGDMP\\1\\16\\0\\4\\10\\1\\0\\377\\377\\377\\377 contents')
for n in (99,300000,2000000):
 z=zlib.compress(d[:n],6);w(bytes([1,0,n&255,0,0,0]))
 while z:w(b'\\0'+struct.pack('<I',len(z[:4096]))+z[:4096]);z=z[4096:]
 w(bytes(5))";

fn compressed(script: &str) -> Vec<u8> {
    let text = rows("compressed", 4_000_000);
    let script = format!(
        "import struct,subprocess,sys,zlib\nd=sys.stdin.buffer.read();w=sys.stdout.buffer.write{script}"
    );
    let mut python = Command::new(PYTHON);
    let mut child =
        python.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let made = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(made.status.success());
    made.stdout
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// Turns words into a key with the script, and compares it with ours.
fn to_key(words: &RecoveryWords, key_file: &Path) {
    let list = key_file.with_extension("english");
    fs::write(&list, bip39::Language::English.word_list().join("\n")).unwrap();
    let mut to_key = Command::new(PYTHON)
        .arg(script("words_to_key.py"))
        .arg(&list)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    to_key.stdin.take().unwrap().write_all(words.phrase().expose_secret().as_bytes()).unwrap();
    let key = to_key.wait_with_output().unwrap();
    assert!(key.status.success());
    assert_eq!(
        String::from_utf8_lossy(&key.stdout).trim(),
        words.identity().unwrap().expose().expose_secret()
    );
    fs::write(key_file, key.stdout).unwrap();
}

/// `recover.py BUCKET KEY_FILE …`
fn recover(bucket: &Path, key_file: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PYTHON);
    command.arg(script("recover.py")).arg(bucket).arg(key_file).args(args);
    command
}

#[test]
fn n88_stock_tools_and_the_words_restore_a_dump() {
    if let Some(tool) = missing_tool() {
        return not_tested(&format!("restoring without our code: {tool} is not installed, see .ci/setup"));
    }
    let dir = tempfile::tempdir().unwrap();
    let bucket = dir.path().join("bucket");
    // Rows, incompressible noise, and a last chunk that repeats part of the first. It starts with the bytes that stood
    // there before, because a cut depends on the byte after it.
    let gear = chunker().gear_table();
    let mut dump = [rows("dump", 120_000), random("noise", 40_000)].concat();
    let last = Cutter::new(dump.as_slice(), &gear, small_params()).map(Result::unwrap).last().unwrap();
    let repeated = dump[100..500].to_vec();
    dump.truncate(dump.len() - last.len() + 10);
    dump.extend_from_slice(&repeated);
    dump.extend_from_slice(b"\n\\.\n\n");

    let words = RecoveryWords::generate().unwrap();
    let plain = Dump { stored: &dump, unwrapped: None, bytes: &dump };
    let snapshot = back_up(&bucket, &words, &plain, true).to_string();
    let mut snapshots = vec![(snapshot.clone(), dump)];
    for compressed in [compressed(GZIP_FILES), compressed(ARCHIVE)] {
        let (mut stored, mut unwrapper) = (Vec::new(), Unwrapper::new());
        unwrapper.push(&compressed, &mut stored, &mut |_| {}).unwrap();
        let report = unwrapper.finish(&mut stored, &mut |_| {}).unwrap();
        assert_eq!(report.streams, 3);
        let unwrapped = Some(Wrapping { stored_size: stored.len() as u64, plan_len: report.plan_len });
        let apart = Dump { stored: &stored, unwrapped, bytes: &compressed };
        snapshots.push((back_up(&bucket, &words, &apart, false).to_string(), compressed));
    }

    let key_file = dir.path().join("key.txt");
    to_key(&words, &key_file);

    // Stock age alone opens the recovery file.
    let file = fs::read_dir(bucket.join(format!("v1/{VAULT}/keys"))).unwrap().next().unwrap().unwrap().path();
    let json = Command::new("age").arg("-d").arg("-i").arg(&key_file).arg(file).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["format"], "sealkeep-recovery-1");
    assert_eq!(json["vault"], VAULT.to_string());

    let recover = |args: &[&str]| recover(&bucket, &key_file, args).output().unwrap();
    let listing = String::from_utf8(recover(&[]).stdout).unwrap();
    assert!(listing.contains(&snapshot) && listing.contains("postgres shop"), "{listing}");
    for (snapshot, dump) in snapshots {
        let restored = dir.path().join(&snapshot);
        let outcome = recover(&[&snapshot[..12], restored.to_str().unwrap()]);
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        assert!(fs::read(restored).unwrap() == dump);
    }
}

/// What a script says and how it exits: one sentence, and no traceback.
fn said(mut command: Command, code: i32) -> String {
    let outcome = command.output().unwrap();
    let said = String::from_utf8(outcome.stderr).unwrap();
    assert_eq!(outcome.status.code(), Some(code), "{said}");
    assert!(said.lines().count() == 1 && !said.contains("Traceback"), "{said}");
    said
}

#[test]
fn the_script_says_in_one_sentence_what_is_wrong() {
    if let Some(tool) = missing_tool() {
        return not_tested(&format!("what recover.py says: {tool} is not installed, see .ci/setup"));
    }
    let dir = tempfile::tempdir().unwrap();
    let (bucket, dump) = (dir.path().join("bucket"), rows("dump", 60_000));
    let plain = Dump { stored: &dump, unwrapped: None, bytes: &dump };
    let (words, other) = (RecoveryWords::generate().unwrap(), RecoveryWords::generate().unwrap());
    let snapshot = back_up(&bucket, &words, &plain, false).to_string();
    let foreign = back_up(&bucket, &other, &plain, false).to_string();
    let (key_file, out) = (dir.path().join("key.txt"), dir.path().join("out"));
    to_key(&words, &key_file);
    let out_name = out.to_str().unwrap();
    let recover = |args: &[&str]| recover(&bucket, &key_file, args);

    // Another vault in the same bucket is passed over, and named.
    let listing = recover(&[]).output().unwrap();
    let listed = String::from_utf8(listing.stdout).unwrap();
    assert!(listing.status.success() && listed.contains(&snapshot) && !listed.contains(&foreign), "{listed}");
    assert!(String::from_utf8_lossy(&listing.stderr).contains("another kit"));
    assert!(said(recover(&[&foreign, out_name]), 1).contains("the words of another kit"));
    let third = dir.path().join("third.txt");
    to_key(&RecoveryWords::generate().unwrap(), &third);
    assert!(said(self::recover(&bucket, &third, &[]), 1).contains("opens none of 2 snapshots"));

    // A program that is not installed.
    let path = dir.path().join("bin");
    fs::create_dir(&path).unwrap();
    let mut without = recover(&[]);
    without.env("PATH", &path);
    assert!(said(without, 1).contains("age is not installed (Debian: apt install age)"));
    let age = String::from_utf8(Command::new("which").arg("age").output().unwrap().stdout).unwrap();
    std::os::unix::fs::symlink(age.trim(), path.join("age")).unwrap();
    let mut without = recover(&[&snapshot, out_name]);
    without.env("PATH", &path);
    assert!(said(without, 1).contains("zstd is not installed"));
    assert!(!out.exists());

    assert!(said(recover(&["0000000", out_name]), 1).contains("there is no snapshot 0000000"));
    assert!(said(recover(&[&snapshot]), 2).starts_with("usage: recover.py"));
    assert!(
        said(self::recover(Path::new("/nowhere"), &key_file, &[]), 1).contains("/nowhere does not exist")
    );
    assert!(said(self::recover(&path, &key_file, &[]), 1).contains("no folder `snapshots`"));
    assert!(recover(&[&snapshot[..9], out_name]).status().unwrap().success());
    assert!(said(recover(&[&snapshot, out_name]), 1).contains("exists already"));

    // Damage.
    let next = dir.path().join("next");
    let next_name = next.to_str().unwrap();
    let packs = bucket.join(format!("v1/{VAULT}/packs"));
    let mut packs: Vec<PathBuf> = fs::read_dir(packs).unwrap().map(|pack| pack.unwrap().path()).collect();
    packs.sort_unstable();
    for pack in &packs {
        let mut bytes = fs::read(pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(pack, bytes).unwrap();
    }
    assert!(said(recover(&[&snapshot, next_name]), 1).contains("is damaged"));
    packs.iter().for_each(|pack| fs::remove_file(pack).unwrap());
    assert!(said(recover(&[&snapshot, next_name]), 1).contains("is missing"));
    assert!(!next.exists());
}
