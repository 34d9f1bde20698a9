//! The stored format as files that never change: `testdata/vectors/*.json`. Every later version must read what these
//! tests read. `written` checks that this version also still writes it, where writing is deterministic.
//!
//! `WRITE_VECTORS=1 cargo test -p client-core --test storage vectors` writes missing files and never touches existing
//! ones.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::common;

use api_types::{DeviceId, HeadHash, ObjectId, Sha256, SourceId, envelope::SnapshotEnvelope};
use client_core::{
    chunk::{ChunkIdKey, ChunkerKey, ChunkerParams, Cutter},
    crypto::{DeviceSigningKey, IndexKey, PackSecret, ReadIdentity, RecoveryWords},
    encode::{Encoded, Encoding},
    format::{
        index::{IndexEntry, IndexedPack, SegmentHeader, open_segment, seal_segment_with_salt},
        manifest::{ManifestCutter, ManifestPiece, read_piece},
        pack::{PackReader, PackWriter},
        padme,
        snapshot::{
            DatabaseIdentity, DatabaseProperties, Grant, Head, Need, Origin, Part, ScriptNeed, ScriptNeeds,
            SnapshotBody, Table, Wrapping, heads_hash, pack_set_hash, read_snapshot, seal_snapshot,
        },
    },
    id::{ChunkId, DomainId},
};
use common::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Digest;

/// An age file with `secret`, to both keys. Random, so it is created once and then kept in the vector.
fn age_file(secret: &PackSecret) -> Vec<u8> {
    use std::io::Write;
    let recipients: Vec<age::x25519::Recipient> =
        [identities()[0].recipient(), recovery_words().recipient().unwrap()]
            .iter()
            .map(|r| r.to_string().parse().unwrap())
            .collect();
    let encryptor =
        age::Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient)).unwrap();
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).unwrap();
    writer.write_all(secret.expose()).unwrap();
    writer.finish().unwrap();
    file
}

// ---- chunker and chunk ids

fn inputs() -> [(&'static str, Vec<u8>, ChunkerParams); 4] {
    [
        ("random 1 MiB", random("vector", 1 << 20), small_params()),
        ("rows 1 MiB", rows("vector", 1 << 20), small_params()),
        ("zeros 100000", vec![0; 100_000], small_params()),
        ("random 16 MiB", random("vector", 16 << 20), ChunkerParams::default()),
    ]
}

fn cut(key: &ChunkerKey, data: &[u8], params: ChunkerParams) -> Vec<usize> {
    Cutter::new(data, &key.gear_table(), params).map(|chunk| chunk.unwrap().len()).collect()
}

fn make_chunker() -> Value {
    let cases: Vec<Value> = inputs()
        .into_iter()
        .map(|(name, data, params)| {
            json!({
                "input": name,
                "sha256": hex::encode(sha2::Sha256::digest(&data)),
                "min": params.min(), "avg": params.avg(), "max": params.max(),
                "lengths": cut(&chunker(), &data, params),
            })
        })
        .collect();
    let about =
        "random: BLAKE3 XOF of the text `vector`; rows: see tests/common; keyed gear table, FastCDC v2020";
    json!({ "about": about, "chunker_key": hex::encode(chunker().expose()), "cases": cases })
}

#[test]
fn n89_cut_points_never_move() {
    let vector = vector_made_by("chunker", make_chunker);
    let key = ChunkerKey::from_bytes(&array(&vector["chunker_key"]));
    for (case, (name, data, params)) in vector["cases"].as_array().unwrap().iter().zip(inputs()) {
        assert_eq!(case["input"], name);
        assert_eq!(
            case["sha256"],
            hex::encode(sha2::Sha256::digest(&data)),
            "{name}: the input itself changed"
        );
        assert_eq!(case["lengths"], json!(cut(&key, &data, params)), "{name}");
    }
    assert_ne!(
        vector["cases"][0]["lengths"],
        json!(cut(&ChunkerKey::generate(), &inputs()[0].1, small_params()))
    );
}

fn make_chunk_id() -> Value {
    let cases: Vec<Value> = [vec![], b"a".to_vec(), rows("vector", 300)]
        .into_iter()
        .map(|plain| json!({ "plain": hex::encode(&plain), "chunk_id": ids().chunk_id(&plain).to_string() }))
        .collect();
    let source = ids().source_id("postgres", "shop").to_string();
    json!({ "chunk_id_key": hex::encode(ids().expose()), "cases": cases,
            "source": { "kind": "postgres", "name": "shop", "source_id": source } })
}

#[test]
fn chunk_ids_and_source_ids_never_change() {
    let vector = vector_made_by("chunk_id", make_chunk_id);
    let key = ChunkIdKey::from_bytes(&array(&vector["chunk_id_key"]));
    for case in vector["cases"].as_array().unwrap() {
        assert_eq!(case["chunk_id"], key.chunk_id(&bytes(&case["plain"])).to_string());
    }
    let source = &vector["source"];
    let id = key.source_id(source["kind"].as_str().unwrap(), source["name"].as_str().unwrap());
    assert_eq!(source["source_id"], id.to_string());
}

// ---- pack

fn make_pack() -> Value {
    let secret = PackSecret::from_bytes(&[0x51; 32]);
    let age = age_file(&secret);
    let recipe = &vector("recipe")["cases"][1];
    let mut records: Vec<Value> = encode([random("pack", 700), rows("pack", 3000)])
        .into_iter()
        .map(|(id, e)| json!({ "chunk_id": id.to_string(), "encoding": e.encoding as u8, "plain_len": e.plain_len, "encoded": hex::encode(e.bytes) }))
        .collect();
    let id = ids().chunk_id(&bytes(&recipe["plain"]));
    records.push(json!({ "chunk_id": id.to_string(), "encoding": 3, "plain_len": recipe["plain_len"], "encoded": recipe["encoded"] }));
    let mut value = json!({
        "vault": VAULT.to_string(), "epoch": EPOCH, "pack_secret": hex::encode(secret.expose()), "age_file": hex::encode(&age),
        "read_identity": READ_IDENTITY, "recovery_words": recovery_words().phrase().expose_secret(), "records": records,
    });
    let pack = build_pack(&value);
    value["pack_id"] = pack.id.to_string().into();
    value["pack"] = hex::encode(pack.bytes).into();
    value
}

fn build_pack(vector: &Value) -> client_core::format::pack::SealedPack {
    let secret = PackSecret::from_bytes(&array(&vector["pack_secret"]));
    let vault = vector["vault"].as_str().unwrap().parse().unwrap();
    let mut writer =
        PackWriter::with_secret(vault, number(&vector["epoch"]), &secret, &bytes(&vector["age_file"]))
            .unwrap();
    for record in vector["records"].as_array().unwrap() {
        writer.push(record["chunk_id"].as_str().unwrap().parse().unwrap(), &encoded(record)).unwrap();
    }
    writer.finish().unwrap()
}

fn encoded(record: &Value) -> Encoded {
    Encoded {
        encoding: Encoding::try_from(number(&record["encoding"]) as u8).unwrap(),
        plain_len: number(&record["plain_len"]),
        bytes: bytes(&record["encoded"]),
    }
}

#[test]
fn packs_open_forever_and_are_still_written_the_same() {
    let vector = vector_made_by("pack", make_pack);
    let pack = bytes(&vector["pack"]);
    let written = build_pack(&vector);
    assert_eq!(written.bytes, pack);
    assert_eq!(vector["pack_id"], written.id.to_string());
    assert_eq!(padme(pack.len() as u64), pack.len() as u64);
    let words = RecoveryWords::parse(vector["recovery_words"].as_str().unwrap()).unwrap();
    let vault = vector["vault"].as_str().unwrap().parse().unwrap();
    for identity in [
        ReadIdentity::parse(vector["read_identity"].as_str().unwrap(), number(&vector["epoch"])).unwrap(),
        words.identity().unwrap().to_read_identity(),
    ] {
        let reader = PackReader::open(&pack, vault, &[identity]).unwrap();
        for (entry, record) in reader.entries().iter().zip(vector["records"].as_array().unwrap()) {
            assert_eq!(record["chunk_id"], entry.chunk_id.to_string());
            assert!(reader.open_record_in(entry, &pack).unwrap() == encoded(record));
        }
    }
}

// ---- index

fn index_parts(vector: &Value) -> (SegmentHeader, IndexKey, DeviceSigningKey, Vec<IndexedPack>) {
    let header = SegmentHeader {
        vault: vector["vault"].as_str().unwrap().parse().unwrap(),
        domain: DomainId::from_bytes(array(&vector["domain"])),
        device: vector["device"].as_str().unwrap().parse().unwrap(),
    };
    let packs = vector["packs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pack| IndexedPack {
            pack: pack["pack"].as_str().unwrap().parse().unwrap(),
            size: pack["size"].as_u64().unwrap(),
            entries: pack["entries"]
                .as_array()
                .unwrap()
                .iter()
                .zip(0..)
                .map(|(entry, record_no)| IndexEntry {
                    place: client_core::format::pack::PackEntry {
                        chunk_id: entry[0].as_str().unwrap().parse().unwrap(),
                        encoding: Encoding::try_from(number(&entry[1]) as u8).unwrap(),
                        plain_len: number(&entry[2]),
                        offset: entry[3].as_u64().unwrap(),
                        sealed_len: number(&entry[4]),
                        record_no,
                    },
                    copied_from: entry[5]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|p| p.as_str().unwrap().parse().unwrap())
                        .collect(),
                })
                .collect(),
        })
        .collect();
    (
        header,
        IndexKey::from_bytes(&array(&vector["index_key"])),
        DeviceSigningKey::from_seed(&array(&vector["device_seed"])),
        packs,
    )
}

fn make_index() -> Value {
    let id = |n: u8| hex::encode([n; 32]);
    let mut value = json!({
        "vault": VAULT.to_string(), "domain": hex::encode([0x71; 16]), "device": DeviceId::from_bytes([0x72; 16]).to_string(),
        "index_key": id(0x73), "device_seed": id(0x74), "salt": id(0x75),
        "packs": [
            { "pack": id(0xa1), "size": 17_301_504, "entries": [
                [id(1), 2, 1_048_576, 422, 300_016, []], [id(2), 1, 300_000, 300_438, 300_016, []], [id(3), 3, 1_000_000, 600_454, 5000, [id(0xa1), id(0xa9)]] ] },
            { "pack": id(0xa2), "size": 4608, "entries": [] },
        ],
    });
    let (header, key, device, packs) = index_parts(&value);
    let segment = seal_segment_with_salt(&header, &key, &device, &packs, &array(&value["salt"])).unwrap();
    value["segment"] = hex::encode(segment.bytes).into();
    value
}

#[test]
fn index_segments_open_forever_and_are_still_written_the_same() {
    let vector = vector_made_by("index", make_index);
    let (header, key, device, packs) = index_parts(&vector);
    let stored = bytes(&vector["segment"]);
    assert_eq!(open_segment(&stored, &header, &key, &device.verifying_key()).unwrap(), packs);
    let written = seal_segment_with_salt(&header, &key, &device, &packs, &array(&vector["salt"])).unwrap();
    assert_eq!(written.bytes, stored);
}

// ---- manifest

fn manifest_pieces(seed: &str, chunks: u32) -> Vec<Vec<u8>> {
    let mut cutter = ManifestCutter::default();
    let mut pieces = Vec::new();
    for n in 0..chunks {
        let id = ids().chunk_id(format!("{seed} {n}").as_bytes());
        pieces.extend(cutter.push(id, n + 1));
    }
    pieces.extend(cutter.finish());
    pieces
}

fn make_manifest() -> Value {
    let lengths: Vec<u32> =
        manifest_pieces("vector", 12_000).iter().map(|p| read_piece(p).unwrap().len() as u32).collect();
    json!({ "chunk_id_key": hex::encode(ids().expose()),
            "about": "chunk n has the id of the text `vector n` and length n + 1",
            "first_piece_of_3": hex::encode(&manifest_pieces("vector", 3)[0]),
            "entries_per_piece_of_12000": lengths })
}

#[test]
fn manifests_are_cut_and_written_the_same_forever() {
    let vector = vector_made_by("manifest", make_manifest);
    assert_eq!(vector, make_manifest());
    let entries = read_piece(&bytes(&vector["first_piece_of_3"])).unwrap();
    assert_eq!(entries.iter().map(|e| e.plain_len).collect::<Vec<_>>(), [1, 2, 3]);
}

// ---- snapshot

fn body() -> SnapshotBody {
    SnapshotBody {
        source_kind: "postgres".into(),
        source_name: "shop".into(),
        source_detail: "PostgreSQL 15.20, database shop".into(),
        origin: Origin {
            database: Some(DatabaseIdentity {
                system_identifier: Some(7_390_000_000_000_000_001),
                oid: 16_384,
                name: "shop".into(),
                address: Some("10.0.0.1".into()),
                port: Some(5432),
                started: Some(1_789_000_000_123_456),
                data_directory: None,
            }),
            properties: Some(DatabaseProperties {
                encoding: "UTF8".into(),
                collate: "C.UTF-8".into(),
                ctype: "C.UTF-8".into(),
                provider: client_core::format::snapshot::Provider::Icu,
                locale: Some("de-DE".into()),
                icu_rules: None,
                collation_version: Some("153.120".into()),
                owner: "größe".into(),
                comment: None,
                connection_limit: -1,
                tablespace: "pg_default".into(),
                is_template: false,
                settings: vec![("work_mem".into(), "64MB".into())],
                role_settings: vec![("app".into(), "statement_timeout".into(), "5s".into())],
                grants: Some(vec![Grant {
                    role: None,
                    privilege: client_core::format::snapshot::Privilege::Connect,
                    grantable: false,
                }]),
            }),
            path: None,
            carries_on: false,
        },
        tool: "pg_dump 15.20".into(),
        format: "pg_dump SQL".into(),
        verified_end: true,
        remarks: vec![client_core::format::snapshot::Remark::OtherFormat],
        needs: Some(ScriptNeeds {
            locks: 3,
            owner_locks: 2,
            needs: vec![
                ScriptNeed { line: 40, need: Need::Role, part: Part::Owners, name: "keeper".into() },
                ScriptNeed {
                    line: 9_000_001,
                    need: Need::Role,
                    part: Part::Privileges,
                    name: "lecteur é".into(),
                },
            ],
        }),
        tables: vec![
            Table { name: "public.orders".into(), rows: Some(1_200_000) },
            Table { name: "public.größen".into(), rows: None },
        ],
        host: "db1".into(),
        domain: DomainId::from_bytes([0x71; 16]),
        manifest: vec![ManifestPiece { chunk_id: ChunkId::new([6; 32]), plain_len: 48 }],
        plain_size: 5_000_000_000,
        dump_sha256: Sha256::new([8; 32]),
        unwrapped: Some(Wrapping { stored_size: 30_000_000_000, plan_len: 77 }),
        chunks: 4000,
        chunks_new: 12,
        bytes_stored: 9_000_000,
        packs: vec![ObjectId::new([4; 32]), ObjectId::new([5; 32])],
        heads: [
            (DeviceId::from_bytes([7; 16]), Head { sequence: 3, hash: HeadHash::new([9; 32]) }),
            (DeviceId::from_bytes([8; 16]), Head { sequence: 0, hash: HeadHash::new([10; 32]) }),
        ]
        .into(),
    }
}

fn snapshot_object(vector: &Value) -> (Vec<u8>, SnapshotEnvelope) {
    let body = body();
    let secret = PackSecret::from_bytes(&array(&vector["body_secret"]));
    let sealed = body.seal_with_secret(VAULT, EPOCH, &secret, &bytes(&vector["age_file"])).unwrap();
    let envelope = SnapshotEnvelope {
        vault: VAULT,
        source: SourceId::from_bytes([1; 16]),
        device: DeviceId::from_bytes([7; 16]),
        sequence: 4,
        previous: HeadHash::new([9; 32]),
        body_hash: Sha256::new(sha2::Sha256::digest(&sealed).into()),
        body_len: sealed.len() as u64,
        pack_set_hash: pack_set_hash(&body.packs),
        epoch: EPOCH,
        created: 1_790_000_000,
        directory_len: 2,
        directory_hash: Sha256::new([3; 32]),
        heads_hash: heads_hash(&body.heads),
    };
    let device = DeviceSigningKey::from_seed(&array(&vector["device_seed"]));
    (seal_snapshot(&envelope, &device, &sealed).unwrap().bytes, envelope)
}

fn make_snapshot() -> Value {
    let secret = PackSecret::from_bytes(&[0x52; 32]);
    let mut value = json!({
        "about": "the body is that of `body()` in tests/vectors.rs",
        "vault": VAULT.to_string(), "epoch": EPOCH, "body_secret": hex::encode(secret.expose()),
        "age_file": hex::encode(age_file(&secret)), "read_identity": READ_IDENTITY, "device_seed": hex::encode([0x74; 32]),
        "pack_set_hash": pack_set_hash(&body().packs).to_string(), "heads_hash": heads_hash(&body().heads).to_string(),
    });
    let (object, envelope) = snapshot_object(&value);
    value["envelope"] = hex::encode(envelope.to_bytes().unwrap()).into();
    value["snapshot"] = hex::encode(object).into();
    value
}

#[test]
fn snapshots_open_forever_and_are_still_written_the_same() {
    let vector = vector_made_by("snapshot", make_snapshot);
    let stored = bytes(&vector["snapshot"]);
    let parts = read_snapshot(&stored).unwrap();
    let device = DeviceSigningKey::from_seed(&array(&vector["device_seed"]));
    let envelope = parts.head.verify(&device.verifying_key()).unwrap();
    assert_eq!(envelope.to_bytes().unwrap(), bytes(&vector["envelope"]));
    assert_eq!(envelope.pack_set_hash.to_string(), vector["pack_set_hash"]);
    assert_eq!(envelope.heads_hash.to_string(), vector["heads_hash"]);
    let identity = ReadIdentity::parse(vector["read_identity"].as_str().unwrap(), EPOCH).unwrap();
    assert_eq!(SnapshotBody::open(parts.body, &envelope, &[identity]).unwrap(), body());
    assert_eq!(snapshot_object(&vector).0, stored);
}
