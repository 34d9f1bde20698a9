//! Lies in answers that are looked at, not acted on: the trail, the clock, pages without end, refusals.

use std::time::Duration;

use api_types::{
    ErrorCode, ObjectId, ObjectKind,
    vault::{Audit, ObjectRow, Objects, Snapshots},
};
use client_core::{error::ErrorKind, ops::activity};
use e2e::{
    Device,
    liar::{
        edits::{
            ABORT, AUDIT, DEVICES, DIRECTORY, EDITS, KEYS, OBJECTS, PROBLEMS, RUNS, SERVICE, SNAPSHOTS, START,
        },
        lie::{Answer, On, Route, Verdict},
        promise::{ANY, Broken, Kept, Secrets, ends, promise, run},
        world::{World, block_on, client, content},
    },
    member::Member,
};

use super::history::{each_edit, restore, tell};

/// The activity list, by the client in this process: the command does not offer it.
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
        // The last question before a snapshot is signed: the clock first, then yesterday's answer.
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

pub(crate) fn endless_pages(world: &mut World) -> Kept {
    let device = world.second.copy()?;
    let lie = On::route(OBJECTS).says(|seen| {
        let after = seen.query.split('&').find_map(|part| part.strip_prefix("after=")?.parse::<u32>().ok());
        let after = after.unwrap_or(0);
        let row = |number: u32| {
            let mut id = [0xcc; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            ObjectRow { number, id: ObjectId::new(id), kind: ObjectKind::Index, size: 500 }
        };
        Answer::json(&Objects { objects: (after + 1..=after + 1000).map(row).collect() })
    });
    {
        let (lie, _telling) = tell(world, &device, lie)?;
        ends(&run(restore(&device))?, &[0, 4, 9, 10], "pages of objects without end")?;
        promise(lie.told() > 1, || "the lie was not told".into())?;
    }
    // Rows of snapshots would have to be signed: the first page that is not is the last.
    let device = world.second.copy()?;
    let lie = On::route(SNAPSHOTS).edits::<Snapshots>(|list| {
        let Some(last) = list.snapshots.last().cloned() else { return };
        let more = (1..=1000).map(|n| {
            let mut row = last.clone();
            row.position += n;
            row
        });
        list.snapshots.extend(more);
    });
    let (_lie, _telling) = tell(world, &device, lie)?;
    let page = world.liars.api.book().now();
    ends(&run(device.call(["snapshots"]))?, &[4, 10], "pages of snapshots without end")?;
    let asked = world.liars.api.book().count(page, SNAPSHOTS);
    promise(asked <= 2_100, || format!("{asked} pages of snapshots were asked for"))
}

pub(crate) fn too_much(world: &mut World) -> Kept {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let large = format!("{{\"entries\":[\"{}\"]}}", "a".repeat(40 * 1024 * 1024));
    let bomb = {
        let mut answer = Answer::bytes(200, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 4, 0]);
        answer.headers.insert("content-encoding", "gzip".parse().map_err(|_| e2e::Failure::new("a header"))?);
        answer
    };
    for (what, answer) in [
        ("JSON 10,000 deep", Answer::bytes(200, deep)),
        ("40 MiB", Answer::bytes(200, large)),
        ("gzip, which nobody asked for", bomb),
        ("nothing", Answer::bytes(200, "")),
        ("text", Answer::bytes(200, "<html>")),
    ] {
        for route in [DIRECTORY, SNAPSHOTS] {
            let device = world.second.copy()?;
            let said = answer.clone();
            let (_lie, _telling) = tell(world, &device, On::route(route).says(move |_| said.clone()))?;
            ends(&run(device.call(["snapshots"]))?, &[4], what)?;
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
            // Nothing of ours reads the service's list of runs; whoever does gets a list, or an error.
            if let Ok(member) = Member::of(device, &world.service) {
                let path = format!("/v1/vaults/{}/backups?limit=10", member.vault);
                drop(block_on(async { Ok(member.ask("GET", &path, None).await) }));
            }
            Ok(())
        })?;
    }
    // A run that failed, and whose end the service never heard of, is no obstacle to the next.
    let device = world.second.copy()?;
    let (_lie, _telling) = tell(world, &device, On::route(ABORT).says(|_| Answer::nothing()))?;
    ends(&run(device.call(["backup", "--file", "absent"]))?, &[2, 6, 7, 8], "a source that is not there")?;
    ends(&run(device.backup_bytes("decided", &content("decided", 2)))?, &[0], "an end that was swallowed")?;
    promise(EDITS.iter().any(|edit| edit.lie == 31), || "no edits".into())
}
