use api_types::{DeviceId, HeadHash, ObjectId, ObjectKind, RunId, Sha256, VaultId, vault::ObjectRow};

use super::*;
use crate::{
    device::{DirectoryPin, Head, Heads, Pins},
    encode::Encoding,
    format::{
        index::{IndexEntry, IndexedPack},
        pack::PackEntry,
    },
    id::ChunkId,
};

fn entry(chunk: u8, record_no: u32) -> PackEntry {
    PackEntry {
        chunk_id: ChunkId::new([chunk; 32]),
        encoding: Encoding::Zstd,
        plain_len: 100,
        offset: u64::from(record_no) * 50 + 400,
        sealed_len: 50,
        record_no,
    }
}

fn object(byte: u8) -> ObjectId {
    ObjectId::new([byte; 32])
}

const VAULT: VaultId = VaultId::from_bytes([6; 16]);
const OTHER: DeviceId = DeviceId::from_bytes([3; 16]);

fn run() -> RunId {
    RunId::from_bytes([1; 16])
}

fn state(home: &Path) -> StateDb {
    StateDb::open(home, VAULT).unwrap().state
}

#[test]
fn a_confirmed_pack_is_known_at_once_and_waits_for_its_segment() {
    let home = tempfile::tempdir().unwrap();
    let entries = [entry(1, 0), entry(2, 1)];
    let packed = entries.map(|entry| (entry, PackKeys::new()));
    state(home.path()).add_confirmed_pack(run(), object(9), 4, 1000, &packed).unwrap();
    let state = state(home.path());
    assert_eq!(state.locate(&ChunkId::new([2; 32])).unwrap().unwrap().pack, object(9));
    assert_eq!(state.locate(&ChunkId::new([3; 32])).unwrap(), None);
    assert_eq!(state.pack_number(&object(9)).unwrap(), Some(4));
    let waiting = state.packs_without_segment(10).unwrap();
    assert_eq!(waiting[0].entries, entries.map(IndexEntry::from));
    state.segment_stored(object(8), 5, 300, &waiting).unwrap();
    assert!(state.packs_without_segment(10).unwrap().is_empty());
    assert!(state.knows_object(&object(8)).unwrap());
}

#[test]
fn clearing_the_index_keeps_what_only_this_device_knows() {
    let home = tempfile::tempdir().unwrap();
    let state = state(home.path());
    state.add_confirmed_pack(run(), object(9), 4, 1000, &[(entry(1, 0), PackKeys::new())]).unwrap();
    let other = IndexedPack { pack: object(7), size: 900, entries: vec![entry(2, 0).into()] };
    let row = ObjectRow { number: 3, id: object(6), kind: ObjectKind::Index, size: 300 };
    state.add_segment(&row, OTHER, &[other]).unwrap();
    assert_eq!(state.index_size().unwrap(), (2, 2));
    state.replace_index(&[], &[], 0).unwrap();
    assert_eq!(state.index_size().unwrap(), (1, 1));
    assert!(state.locate(&ChunkId::new([1; 32])).unwrap().is_some());
    assert!(!state.knows_object(&object(6)).unwrap());
}

#[test]
fn a_lost_pack_takes_with_it_what_copies_from_it() {
    let home = tempfile::tempdir().unwrap();
    let state = state(home.path());
    let copying = IndexEntry { place: entry(2, 0), copied_from: vec![object(5), object(7)] };
    let packs = [
        IndexedPack { pack: object(7), size: 900, entries: vec![entry(1, 0).into()] },
        IndexedPack { pack: object(8), size: 900, entries: vec![copying, entry(3, 1).into()] },
    ];
    let row = ObjectRow { number: 3, id: object(6), kind: ObjectKind::Index, size: 300 };
    state.add_segment(&row, OTHER, &packs).unwrap();
    let place = state.locate(&ChunkId::new([2; 32])).unwrap().unwrap();
    let mut copied_from = state.pack_ids(&place.copied_from).unwrap();
    copied_from.sort_unstable();
    assert_eq!(copied_from, [object(5), object(7)]);
    state.forget_packs(&[object(7)]).unwrap();
    assert_eq!(state.locate(&ChunkId::new([1; 32])).unwrap(), None);
    assert_eq!(state.locate(&ChunkId::new([2; 32])).unwrap(), None);
    assert!(state.locate(&ChunkId::new([3; 32])).unwrap().is_some());
}

/// A chunk that is a copy, as `device` describes it, and what another segment then says about the same chunk.
fn described_again(by: DeviceId) -> ObjectId {
    let home = tempfile::tempdir().unwrap();
    let state = state(home.path());
    let row = |id| ObjectRow { number: u32::from(id), id: object(id), kind: ObjectKind::Index, size: 300 };
    let copy = IndexEntry { place: entry(1, 0), copied_from: vec![object(5)] };
    let first = IndexedPack { pack: object(7), size: 900, entries: vec![copy] };
    state.add_segment(&row(1), OTHER, &[first]).unwrap();
    let whole = IndexedPack { pack: object(8), size: 900, entries: vec![entry(1, 0).into()] };
    state.add_segment(&row(2), by, &[whole]).unwrap();
    state.locate(&ChunkId::new([1; 32])).unwrap().unwrap().pack
}

#[test]
fn an_index_entry_gives_way_only_to_its_own_device() {
    assert_eq!(described_again(OTHER), object(8), "its own device stored it whole since");
    assert_eq!(described_again(DeviceId::from_bytes([4; 16])), object(7), "somebody else says so");

    let home = tempfile::tempdir().unwrap();
    let state = state(home.path());
    let copy = IndexEntry { place: entry(1, 0), copied_from: vec![object(5)] };
    let row = ObjectRow { number: 3, id: object(6), kind: ObjectKind::Index, size: 300 };
    state
        .add_segment(&row, OTHER, &[IndexedPack { pack: object(7), size: 900, entries: vec![copy] }])
        .unwrap();
    state.add_confirmed_pack(run(), object(9), 4, 1000, &[(entry(1, 0), PackKeys::new())]).unwrap();
    assert_eq!(
        state.locate(&ChunkId::new([1; 32])).unwrap().unwrap().pack,
        object(9),
        "this device packed it whole itself"
    );
}

#[test]
fn pins_outlive_the_cache_and_never_go_back() {
    let home = tempfile::tempdir().unwrap();
    let device = DeviceId::from_bytes([2; 16]);
    let heads = |sequence| -> Heads {
        [(device, Head { sequence, hash: HeadHash::new([sequence as u8; 32]) })].into()
    };
    let pin = DirectoryPin { len: 2, hash: Sha256::new([3; 32]) };
    let seen = Pins { directory: Some(pin), heads: heads(5) };
    assert!(state(home.path()).pins().rise(&seen).unwrap());
    fs::remove_file(home.path().join("state.db")).unwrap();
    let state = state(home.path());
    assert!(!state.pins().rise(&Pins { directory: None, heads: heads(4) }).unwrap());
    assert_eq!(state.pins().load().unwrap(), seen);
}

#[test]
fn a_snapshot_keeps_the_name_that_it_was_opened_under() {
    let home = tempfile::tempdir().unwrap();
    let head = |byte| HeadHash::new([byte; 32]);
    state(home.path()).pins().opened(&[(head(1), object(1)), (head(2), object(2))]).unwrap();
    fs::remove_file(home.path().join("state.db")).unwrap();
    let state = state(home.path());
    // A second id for it is ignored.
    state.pins().opened(&[(head(1), object(9)), (head(3), object(3))]).unwrap();
    let renamed = |shown: &[(HeadHash, ObjectId)]| state.pins().renamed(shown.iter().copied()).unwrap();
    assert_eq!(renamed(&[(head(1), object(1)), (head(3), object(3)), (head(4), object(8))]), None);
    assert_eq!(renamed(&[(head(1), object(1)), (head(2), object(7))]), Some((object(7), object(2))));
}

#[test]
fn another_vaults_state_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let other = VaultId::from_bytes([7; 16]);
    for (gone, refused) in [("state.db", "pins.db"), ("pins.db", "state.db")] {
        drop(state(home.path()));
        fs::remove_file(home.path().join(gone)).unwrap();
        let error = StateDb::open(home.path(), other).err().unwrap();
        assert!(matches!(error, StateError::OtherVault { name } if name == refused), "{error}");
        fs::remove_file(home.path().join(gone)).unwrap_or_default();
    }
    drop(state(home.path()));
}

#[test]
fn a_damaged_cache_is_moved_aside_and_a_newer_one_refused() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("state.db"), vec![7; 5000]).unwrap();
    let opened = StateDb::open(home.path(), VAULT).unwrap();
    assert!(opened.quarantined.unwrap().exists());
    opened.state.db().pragma_update(None, "user_version", 99).unwrap();
    drop(opened.state);
    assert!(matches!(StateDb::open(home.path(), VAULT), Err(StateError::Newer { found: 99, .. })));
}

#[test]
fn two_backups_at_once_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let first = BackupLock::take(home.path()).unwrap();
    assert!(BackupLock::take(home.path()).is_err());
    drop(first);
    BackupLock::take(home.path()).unwrap();
}

fn started(state: &StateDb, number: u8, kind: RunKind, target: Option<&RunTarget>) -> RunId {
    let id = RunId::from_bytes([number; 16]);
    let run = NewRun { id, kind, source: Some("shop"), source_kind: Some("postgres"), target };
    state.start_run(&run, i64::from(number)).unwrap();
    id
}

#[test]
fn every_kind_of_run_is_kept_with_its_target_and_its_result() {
    let home = tempfile::tempdir().unwrap();
    let state = state(home.path());
    let targets =
        [RunTarget::File("/d/x".into()), RunTarget::Database("postgres://h/x".into()), RunTarget::Output];
    let backup = started(&state, 1, RunKind::Backup, None);
    state.finish_run(backup, Some(object(5)), 7, 11).unwrap();
    for (number, target) in (2..).zip(&targets) {
        started(&state, number, RunKind::Restore, Some(target));
    }
    let unknown = RunId::from_bytes([9; 16]);
    let run = NewRun { id: unknown, kind: RunKind::Verify, source: None, source_kind: None, target: None };
    state.start_run(&run, 9).unwrap();
    state.run_is_about(unknown, object(5), "shop", "postgres").unwrap();
    state.finish_run(unknown, None, 8, 99).unwrap();

    let runs = state.runs(None, 10).unwrap();
    let found: Vec<Option<RunTarget>> = runs.iter().map(|run| run.target.clone()).collect();
    let [file, database, output] = targets.map(Some);
    assert_eq!(found, [None, output, database, file, None]);
    let verified = &runs[0];
    assert_eq!((verified.kind, &verified.state), (RunKind::Verify, &RunState::Done));
    assert_eq!((verified.source.as_deref(), verified.snapshot), (Some("shop"), Some(object(5))));
    assert_eq!(state.runs(Some(RunKind::Restore), 2).unwrap(), runs[1..3]);
    assert_eq!(state.runs(Some(RunKind::Backup), 10).unwrap(), runs[4..]);
    // A snapshot took as long as its backup, however long it was verified.
    assert_eq!(state.duration(&object(5)).unwrap(), Some(10));
}

#[test]
fn a_run_that_ended_is_not_interrupted() {
    let home = tempfile::tempdir().unwrap();
    let state = state(home.path());
    let done = started(&state, 1, RunKind::Backup, None);
    let killed = started(&state, 2, RunKind::Restore, Some(&RunTarget::Output));
    let other = started(&state, 3, RunKind::Restore, Some(&RunTarget::Output));
    assert_eq!(state.runs_without_end().unwrap().len(), 3);
    state.finish_run(done, Some(object(5)), 7, 9).unwrap();
    state.interrupt_runs(&[done, killed], 20).unwrap();
    let states: Vec<RunState> = state.runs(None, 10).unwrap().into_iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Running, RunState::Failed("interrupted".into()), RunState::Done]);
    assert_eq!(state.runs_without_end().unwrap(), [other]);
}

#[test]
fn a_run_is_alive_while_its_lock_is_held() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16]));
    assert!(!RunLock::is_held(home.path(), one));
    RunLock::tidy(home.path());
    let lock = RunLock::take(home.path(), one).unwrap();
    assert!(RunLock::is_held(home.path(), one) && !RunLock::is_held(home.path(), other));
    // What a killed process leaves.
    let left = home.path().join("running").join(other.to_string());
    fs::write(&left, b"").unwrap();
    assert!(!RunLock::is_held(home.path(), other));
    RunLock::tidy(home.path());
    assert!(!left.exists() && RunLock::is_held(home.path(), one));
    drop(lock);
    assert!(!RunLock::is_held(home.path(), one));
    assert_eq!(fs::read_dir(home.path().join("running")).unwrap().count(), 0);
}

#[test]
fn the_journal_of_an_older_version_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let before = &schema::STATE[..4];
    {
        let db = schema::open(&home.path().join("state.db"), "state.db", before, VAULT).unwrap();
        for (number, state, failure) in
            [(9_u8, "committed", None), (3, "failed", Some("dump_failed")), (5, "running", None)]
        {
            db.execute(
                "INSERT INTO run VALUES (?1, ?1, 'shop', 'postgres', ?2, 7, 9, 11, ?3, NULL)",
                rusqlite::params![[number; 16], state, failure],
            )
            .unwrap();
        }
    }
    let runs = state(home.path()).runs(Some(RunKind::Backup), 10).unwrap();
    let found: Vec<(u8, &RunState)> = runs.iter().map(|run| (run.id.as_bytes()[0], &run.state)).collect();
    let failed = RunState::Failed("dump_failed".into());
    assert_eq!(found, [(5, &RunState::Running), (3, &failed), (9, &RunState::Done)]);
    assert_eq!((runs[2].source.as_deref(), runs[2].source_kind.as_deref()), (Some("shop"), Some("postgres")));
    assert_eq!((runs[2].started_at, runs[2].ended_at, runs[2].bytes_read), (7, Some(9), Some(11)));
}
