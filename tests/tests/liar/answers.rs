//! Lies in responses that are displayed but not acted on: the trail, the clock, endless pages, errors.

use std::time::Duration;

use api_types::{
    ErrorCode, ObjectId, ObjectKind,
    vault::{Audit, ObjectRow, Objects, SnapshotRow, Snapshots},
};
use axum::http::header;
use client_core::{error::ErrorKind, ops::activity};
use e2e::{
    Call, Device,
    liar::{
        edits::{
            ABORT, AUDIT, DEVICES, DIRECTORY, EDITS, KEYS, OBJECTS, PROBLEMS, RUNS, SERVICE, SNAPSHOTS, START,
        },
        lie::{Answer, On, Route, Seen, Verdict},
        promise::{ANY, Broken, Kept, ROLLED_BACK, Secrets, ends, promise, run},
        world::{World, block_on, client, content},
    },
    member::Member,
};
use flate2::{Compress, Compression, FlushCompress};

use super::history::{each_edit, tell};

/// The activity list through the client in this process: the command does not offer it.
fn trail(world: &World, device: &Device) -> Result<Result<usize, ErrorKind>, Broken> {
    let client = client(device, world.service.url())?;
    Ok(block_on(activity::activity(&client)).map(|events| events.len()).map_err(|error| error.kind()))
}

pub(crate) fn audit_changed(world: &mut World) -> Kept {
    promise(trail(world, &world.second)?.is_ok(), || "an honest trail is refused".into())?;
    each_edit(world, 20, AUDIT, &world.second, |device, edit| {
        let read = trail(world, device)?;
        promise(read == Err(ErrorKind::Damaged), || format!("\"{}\": {read:?}", edit.what))
    })
}

pub(crate) fn audit_shortened(world: &mut World) -> Kept {
    let device = world.second.copy()?;
    let whole = trail(world, &device)?.unwrap_or_default();
    let lie = On::route(AUDIT).edits::<Audit>(|audit| drop(audit.events.pop()));
    let (_lie, _telling) = tell(world, &device, lie)?;
    let read = trail(world, &device)?;
    promise(read.is_err(), || format!("{read:?} events of {whole} are shown as all"))
}

pub(crate) fn clock_moved(world: &mut World) -> Kept {
    for hours in [23_i64, -23, 25, -25] {
        let device = world.second.copy()?;
        let from = world.liars.api.book().now();
        let before = from;
        let liars = std::sync::Arc::downgrade(&world.liars);
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let now = i64::try_from(now).unwrap_or_default();
        // The last request before a snapshot is signed: first with a false clock, then with yesterday's response.
        let lie = On::route(KEYS).may_say(move |seen| {
            let book = liars.upgrade();
            let asked = book.as_ref().map_or(0, |liars| liars.api.book().count(from, KEYS));
            if asked.is_multiple_of(2) {
                let said = |problem: &mut api_types::Problem| problem.server_time = Some(now + hours * 3600);
                return Verdict::Say(Answer::problem(ErrorCode::ClockSkew, said));
            }
            let mut truth = seen.clone();
            truth.device = None;
            let known = book.and_then(|liars| {
                let pages = liars.api.book().since(0);
                pages.into_iter().take(before).rev().find_map(|page| {
                    let fits = page.seen.path == seen.path && page.seen.method == "GET";
                    page.truth.filter(|truth| fits && truth.status < 300)
                })
            });
            known.map_or(Verdict::Pass, Verdict::Say)
        });
        {
            let (_lie, _telling) = tell(world, &device, lie)?;
            ends(&run(device.backup_bytes("clock", &content("clock", 1)))?, &[0, 4], "another clock")?;
        }
        for (_, envelope, _) in world.liars.api.book().heads(from) {
            let off = (envelope.created - now).abs();
            promise(off < 300, || format!("the service moved a signed time by {} hours", off / 3600))?;
        }
        ends(&run(device.call(["snapshots"]))?, &[0], "the right clock again")?;
    }
    each_edit(world, 23, SERVICE, &world.second, |device, edit| {
        ends(&run(device.call(["status"]))?, &ANY, edit.what)
    })
}

/// The last number seen, from a list's query.
fn after(seen: &Seen) -> u64 {
    let last = seen.query.split('&').find_map(|part| part.strip_prefix("after=")?.parse().ok());
    last.unwrap_or(0)
}

/// The command failed with one sentence, after requesting at most this many pages of the list.
fn refused_early(world: &World, call: Call, route: Route, pages: usize, what: &str) -> Kept {
    let page = world.liars.api.book().now();
    let outcome = run(call)?;
    ends(&outcome, &[4, ROLLED_BACK], what)?;
    let sentence =
        outcome.error().is_some_and(|error| error["message"].as_str().is_some_and(|s| s.len() > 20));
    promise(sentence, || format!("after \"{what}\" nobody says why: {outcome}"))?;
    let asked = world.liars.api.book().count(page, route);
    promise((1..=pages).contains(&asked), || format!("\"{what}\": {asked} pages were asked for"))
}

pub(crate) fn endless_pages(world: &mut World) -> Kept {
    // Rows of objects are unsigned: only the bound on their number ends them.
    let device = world.second.copy()?;
    let lie = On::route(OBJECTS).says(|seen| {
        let after = u32::try_from(after(seen)).unwrap_or_default();
        let row = |number: u32| {
            let mut id = [0xcc; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            ObjectRow { number, id: ObjectId::new(id), kind: ObjectKind::Index, size: 500 }
        };
        Answer::json(&Objects { objects: (after + 1..=after + 1000).map(row).collect() })
    });
    {
        let (_lie, _telling) = tell(world, &device, lie)?;
        refused_early(world, device.call(["check"]), OBJECTS, 1_001, "pages of objects without end")?;
    }
    // Rows of snapshots must be signed: the first one that is not ends the list, on whichever page it is.
    let shown = shown(world)?;
    let last = shown.last().cloned().ok_or_else(|| e2e::Failure::new("no snapshot"))?;
    let mut unsigned = last.clone();
    unsigned.head.signature.0.fill(7);
    let mut stranger = last.clone();
    stranger.head.envelope.0.fill(7);
    for (what, row) in [("copies", last), ("unsigned rows", unsigned), ("rows that are none", stranger)] {
        for device in [&world.second, &world.fresh] {
            let device = device.copy()?;
            let (honest, row) = (shown.clone(), row.clone());
            // Every page is full and continues the previous one, forever.
            let lie = On::route(SNAPSHOTS).says(move |seen| {
                let after = after(seen);
                let mut snapshots = if after == 0 { honest.clone() } else { Vec::new() };
                let first = snapshots.last().map_or(after, |row| row.position) + 1;
                let more = 1000 - snapshots.len() as u64;
                snapshots
                    .extend((first..first + more).map(|position| SnapshotRow { position, ..row.clone() }));
                Answer::json(&Snapshots { snapshots })
            });
            let (_lie, _telling) = tell(world, &device, lie)?;
            for call in
                [device.call(["snapshots"]), device.call(["check"]), device.backup_bytes("endless", b"x")]
            {
                refused_early(world, call, SNAPSHOTS, 1, &format!("pages of {what} without end"))?;
            }
        }
    }
    // Nor may a single page hold all of them.
    let device = world.second.copy()?;
    let lie = On::route(SNAPSHOTS).edits::<Snapshots>(|list| {
        let Some(last) = list.snapshots.last().cloned() else { return };
        let more = (1..=30_000).map(|n| SnapshotRow { position: last.position + n, ..last.clone() });
        list.snapshots.extend(more);
    });
    let (_lie, _telling) = tell(world, &device, lie)?;
    refused_early(world, device.call(["snapshots"]), SNAPSHOTS, 1, "a page of everything")
}

/// The service's true list.
fn shown(world: &World) -> Result<Vec<SnapshotRow>, Broken> {
    let page = world.liars.api.book().now();
    world.second.copy()?.call(["snapshots"]).ok()?;
    let pages = world.liars.api.book().since(page);
    let truth = pages.into_iter().find(|page| SNAPSHOTS.fits(&page.seen.method, &page.seen.path));
    let body = truth.and_then(|page| page.truth).map(|truth| truth.body).unwrap_or_default();
    Ok(serde_json::from_slice::<Snapshots>(&body).map_err(e2e::Failure::from)?.snapshots)
}

/// About a megabyte that inflates to a gigabyte of spaces followed by an empty list: whoever inflates it takes it for a
/// success.
fn bomb(end: &[u8]) -> Result<Vec<u8>, e2e::Failure> {
    let spaces = vec![b' '; 1 << 20];
    let (mut block, mut sum) = (Vec::with_capacity(1 << 14), flate2::Crc::new());
    let mut compressor = Compress::new(Compression::best(), false);
    // A full flush refers to nothing before it, so its output can be repeated.
    compressor
        .compress_vec(&spaces, &mut block, FlushCompress::Full)
        .map_err(|e| e2e::Failure::new(e.to_string()))?;
    let mut once = flate2::Crc::new();
    once.update(&spaces);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for _ in 0..1024 {
        bytes.extend_from_slice(&block);
        sum.combine(&once);
    }
    sum.update(end);
    // The last block, stored uncompressed.
    let len = u16::try_from(end.len()).unwrap_or_default();
    bytes.push(1);
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&(!len).to_le_bytes());
    bytes.extend_from_slice(end);
    bytes.extend_from_slice(&sum.sum().to_le_bytes());
    bytes.extend_from_slice(&((1 << 30) + u32::from(len)).to_le_bytes());
    Ok(bytes)
}

/// An empty list of snapshots.
const NONE: &[u8] = br#"{"snapshots":[]}"#;

/// A defective bomb would prove nothing.
#[test]
fn the_bomb_inflates_to_a_gigabyte_and_a_list() {
    let bomb = bomb(NONE).unwrap();
    assert!(bomb.len() < 2 << 20, "{} bytes", bomb.len());
    let mut inflating = flate2::read::GzDecoder::new(bomb.as_slice());
    let (mut piece, mut len, mut last) = (vec![0; 1 << 20], 0_u64, Vec::new());
    loop {
        let read = std::io::Read::read(&mut inflating, &mut piece).unwrap();
        if read == 0 {
            break;
        }
        len += read as u64;
        last.extend_from_slice(&piece[..read]);
        last.drain(..last.len().saturating_sub(100));
    }
    assert!(len > 1 << 30, "{len} bytes");
    serde_json::from_slice::<Snapshots>(&last).unwrap();
}

pub(crate) fn too_much(world: &mut World) -> Kept {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let large = format!("{{\"entries\":[\"{}\"]}}", "a".repeat(40 * 1024 * 1024));
    for (route, end) in [(DIRECTORY, &br#"{"entries":[]}"#[..]), (SNAPSHOTS, NONE)] {
        let mut bomb = Answer::bytes(200, bomb(end)?);
        bomb.headers.insert("content-encoding", header::HeaderValue::from_static("gzip"));
        for (what, answer) in [
            ("JSON 10,000 deep", Answer::bytes(200, deep.clone())),
            ("40 MiB", Answer::bytes(200, large.clone())),
            ("a gigabyte in gzip, which nobody asked for", bomb),
            ("nothing", Answer::bytes(200, "")),
            ("text", Answer::bytes(200, "<html>")),
        ] {
            let device = world.second.copy()?;
            let (lie, _telling) = tell(world, &device, On::route(route).says(move |_| answer.clone()))?;
            ends(&run(device.call(["snapshots"]))?, &[4], what)?;
            promise(lie.told() > 0, || format!("\"{what}\" was not told"))?;
        }
    }
    if std::env::var_os("LONG").is_some() {
        let device = world.second.copy()?;
        let slow = Answer { drip: Some(Duration::from_secs(1)), ..Answer::bytes(200, "{\"snapshots\":[]}") };
        let (_lie, _telling) = tell(world, &device, On::route(SNAPSHOTS).says(move |_| slow.clone()))?;
        ends(&run(device.call(["snapshots"]))?, &[4, 10], "a byte a second")?;
    }
    Ok(())
}

pub(crate) fn refusals(world: &mut World) -> Kept {
    for (what, change) in PROBLEMS {
        let device = world.second.copy()?;
        let secrets = Secrets::of(&device)?;
        let change = *change;
        let lie = On::route(SNAPSHOTS).says(move |_| Answer::problem(ErrorCode::Forbidden, change));
        let (_lie, _telling) = tell(world, &device, lie)?;
        let outcome = run(device.call_plain(["snapshots"]))?;
        ends(&outcome, &ANY, what)?;
        promise(outcome.code != 0, || format!("\"{what}\" was taken for a success: {outcome}"))?;
        no_escapes(&outcome, what)?;
        secrets.unchanged(&device, what)?;
    }
    Ok(())
}

fn no_escapes(outcome: &e2e::Outcome, what: &str) -> Kept {
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned() + &outcome.stderr;
    let odd = |c: &char| (c.is_control() && !"\n\t".contains(*c)) || ('\u{202a}'..='\u{202e}').contains(c);
    promise(said.chars().find(odd).is_none(), || {
        format!("\"{what}\" sends control characters to the terminal: {said:?}")
    })
}

pub(crate) fn nothing_decided(world: &mut World) -> Kept {
    let routes: [Route; 7] = [SERVICE, RUNS, START, DEVICES, AUDIT, KEYS, SNAPSHOTS];
    for route in routes {
        each_edit(world, 31, route, &world.second, |device, edit| {
            for command in ["status", "snapshots", "devices", "check"] {
                let outcome = run(device.call_plain([command]))?;
                ends(&outcome, &ANY, edit.what)?;
                no_escapes(&outcome, edit.what)?;
            }
            let outcome = run(device.backup_bytes("decided", &content("decided", 1)))?;
            ends(&outcome, &ANY, edit.what)?;
            let _shown = trail(world, device)?;
            // None of our programs reads the service's list of runs; a client that does gets a list or an error.
            if let Ok(member) = Member::of(device, &world.service) {
                let path = format!("/v1/vaults/{}/runs?limit=10", member.vault);
                drop(block_on(async { Ok(member.ask("GET", &path, None).await) }));
            }
            Ok(())
        })?;
    }
    // A failed run whose end the service never learned of does not block the next one.
    let device = world.second.copy()?;
    let (_lie, _telling) = tell(world, &device, On::route(ABORT).says(|_| Answer::nothing()))?;
    ends(&run(device.call(["backup", "--file", "absent"]))?, &[2, 6, 7, 8], "a source that is not there")?;
    ends(&run(device.backup_bytes("decided", &content("decided", 2)))?, &[0], "an end that was swallowed")?;
    promise(EDITS.iter().any(|edit| edit.lie == 31), || "no edits".into())
}
